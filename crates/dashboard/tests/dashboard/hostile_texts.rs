//! Texts that would like to be more than texts are shown as what they are.

use florin_domain::{CaptureMethod, Currency};

use crate::world::{Page, id_of, with_world};

/// What somebody may type, in the hope that it runs.
const CORPUS: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "\" autofocus onfocus=alert(1) x=\"",
    "{{7*7}}<iframe srcdoc='<script>alert(1)</script>'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;<b>",
];

fn assert_harmless(path: &str, page: &Page) {
    assert!(page.status < 500, "{path}: {}", page.body);
    let lower = page.body.to_lowercase();
    for live in
        ["<script>", "<img src=x", "<svg/", "<iframe", "<b>", "\" autofocus onfocus", "</title><script"]
    {
        assert!(!lower.contains(live), "{path} shows {live}: {}", page.body);
    }
}

/// Each form with the text in all of its fields that take one.
fn forms(text: &str) -> Vec<(&'static str, Vec<(&'static str, &str)>)> {
    vec![
        ("/customers/new", vec![("name", text), ("external_id", "x"), ("metadata", text)]),
        (
            "/payments/new",
            vec![
                ("amount", "9.00"),
                ("currency", "EUR"),
                ("payment_method_id", "pm_test_success"),
                ("description", text),
                ("metadata", text),
            ],
        ),
        (
            "/invoices/new",
            vec![("currency", "EUR"), ("line_description", text), ("line_amount", "1.00"), ("more", text)],
        ),
        ("/settings/processors/new", vec![("name", text), ("connector", text), ("settings", text)]),
        ("/webhooks/new", vec![("url", "https://example.com/hook"), ("description", text)]),
        ("/api-keys/new", vec![("name", text), ("scopes", "payments:read")]),
        (
            "/users/new",
            vec![
                ("email", "new@example.com"),
                ("name", text),
                ("role", "viewer"),
                ("password", "a long password"),
            ],
        ),
        ("/invoices/new", vec![("amount_due", text), ("currency", text), ("number", text)]),
        (
            "/payment-requests/new",
            vec![("type", "product"), ("amount", "9.00"), ("currency", "EUR"), ("description", text)],
        ),
        ("/settings", vec![("currencies", text)]),
    ]
}

/// Where what was typed shows.
const LISTS: &[&str] = &[
    "",
    "/payments",
    "/payment-requests",
    "/customers",
    "/webhooks",
    "/api-keys",
    "/users",
    "/audit-log",
    "/events",
    "/transactions",
];

#[test]
fn whatever_is_typed_is_shown_as_text() {
    with_world(async |world| {
        let browser = world.admin().await;
        for text in CORPUS {
            let automatic = CaptureMethod::Automatic;
            let paid = world.pay_for(5000, Currency::EUR, "pm_test_success", automatic, text).await;
            let payment = format!("/dashboard/test/payments/{}", id_of(&paid));
            let refund = format!("{payment}/refund");
            let query = encoded(text);
            let review = browser.get(&format!("{refund}?step=review&amount=1.00&reason={query}")).await;
            assert_harmless(&refund, &review);
            assert_eq!(
                browser.submit(&review, &refund, &[("amount", "1.00"), ("reason", text)]).await.status,
                303
            );
            let mut paths = vec![payment, format!("/dashboard/test/payments?q={query}&currency={query}")];
            for (path, fields) in forms(text) {
                let path = format!("/dashboard/test{path}");
                let page = browser.get(&path).await;
                let made = browser.submit(&page, &path, &fields).await;
                assert_harmless(&path, &made);
                if made.status == 303 {
                    paths.push(made.location().to_owned());
                }
            }
            for list in LISTS {
                paths.push(format!("/dashboard/test{list}"));
            }
            paths.push(format!("/dashboard/sign-in?next={query}"));
            paths.push(format!("/dashboard/test/audit-log?actor={query}&object_id={query}"));
            for path in paths {
                assert_harmless(&path, &browser.get(&path).await);
            }
            let wrong = world.browser().sign_in(text, "not the password", text).await;
            assert_harmless("/dashboard/sign-in", &wrong);
        }
    });
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
