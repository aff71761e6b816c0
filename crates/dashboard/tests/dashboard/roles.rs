//! Who sees what: by role, and by team.

use florin_domain::Currency;

use crate::world::{Page, World, with_world};

const READ: [u16; 3] = [200, 200, 200];
const WRITE: [u16; 3] = [200, 200, 403];
const ADMIN: [u16; 3] = [200, 403, 403];

/// Every page with what it answers to administrators, operators and viewers.
const PAGES: &[(&str, [u16; 3])] = &[
    ("", READ),
    ("/payments", READ),
    ("/payments/rows", READ),
    ("/payments/new", WRITE),
    ("/payments/{payment}", READ),
    ("/payments/{payment}/refund", WRITE),
    ("/payments/{payment}/cancel", WRITE),
    ("/payments/{payment}/capture", WRITE),
    ("/payment-requests", READ),
    ("/payment-requests/new", WRITE),
    ("/payment-requests/{request}", READ),
    ("/customers", READ),
    ("/customers/new", WRITE),
    ("/customers/{customer}", READ),
    ("/invoices", READ),
    ("/invoices/new", WRITE),
    ("/invoices/{invoice}", READ),
    ("/transactions", READ),
    ("/transactions/{transaction}", READ),
    ("/balances", READ),
    ("/webhooks", READ),
    ("/webhooks/new", ADMIN),
    ("/webhooks/{webhook}", READ),
    ("/events", READ),
    ("/events/{event}", READ),
    ("/api-keys", ADMIN),
    ("/api-keys/new", ADMIN),
    ("/api-keys/{key}", ADMIN),
    ("/users", ADMIN),
    ("/users/new", ADMIN),
    ("/users/{user}", ADMIN),
    ("/audit-log", ADMIN),
    ("/audit-log/{entry}", ADMIN),
    ("/open-items", ADMIN),
    ("/settings", ADMIN),
    ("/settings/processors/new", ADMIN),
    ("/account", READ),
];

/// One object of each kind, by the name that stands for it in paths.
async fn objects(world: &World) -> Vec<(&'static str, String)> {
    let browser = world.admin().await;
    let payment = world.paid(5000, Currency::EUR).await;
    let mut objects = vec![("payment", payment)];
    for (name, path, fields) in [
        ("customer", "/customers/new", &[("name", "Ada")][..]),
        (
            "request",
            "/payment-requests/new",
            &[("type", "product"), ("amount", "10.00"), ("currency", "EUR")][..],
        ),
        ("invoice", "/invoices/new", &[("amount_due", "10.00"), ("currency", "EUR")][..]),
    ] {
        let path = format!("/dashboard/test{path}");
        let page = browser.get(&path).await;
        let made = browser.submit(&page, &path, fields).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let id = made.location().rsplit('/').next().unwrap().split('?').next().unwrap();
        objects.push((name, id.to_owned()));
    }
    let page = browser.get("/dashboard/test/webhooks/new").await;
    let hook = [("url", "https://example.com/hook")];
    assert_eq!(browser.submit(&page, "/dashboard/test/webhooks/new", &hook).await.status, 200);
    for (name, list) in [
        ("transaction", "/transactions"),
        ("webhook", "/webhooks"),
        ("event", "/events"),
        ("key", "/api-keys"),
        ("user", "/users"),
        ("entry", "/audit-log"),
    ] {
        let page = browser.get(&format!("/dashboard/test{list}")).await;
        objects.push((name, first_id(&page, list)));
    }
    objects
}

/// The id in the first link of a list.
fn first_id(page: &Page, list: &str) -> String {
    let start = format!("href=\"/dashboard/test{list}/");
    let ids = page
        .body
        .match_indices(&start)
        .map(|(at, _)| page.body[at + start.len()..].split('"').next().unwrap());
    ids.filter(|id| *id != "new").map(str::to_owned).next().unwrap_or_else(|| panic!("{list}: {}", page.body))
}

fn filled(path: &str, objects: &[(&str, String)]) -> String {
    let path =
        objects.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
    format!("/dashboard/test{path}")
}

#[test]
fn every_page_answers_each_role_as_it_should_and_has_nothing_inline() {
    with_world(async |world| {
        let objects = objects(&world).await;
        let emails = ["admin@example.com", "operator@example.com", "viewer@example.com"];
        for (at, email) in emails.into_iter().enumerate() {
            let browser = world.browser_of(email).await;
            for (path, statuses) in PAGES {
                let path = filled(path, &objects);
                let page = browser.get(&path).await;
                assert_eq!(page.status, statuses[at], "{email} {path}: {}", page.body);
                assert_clean(&path, &page);
            }
        }
    });
}

/// A page runs nothing and looks like nothing but what our own files say.
fn assert_clean(path: &str, page: &Page) {
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'; script-src 'self'; style-src 'self'"), "{path}: {policy}");
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    assert_eq!(page.header("cache-control"), "no-store", "{path}");
    for inline in [" style=", "<style", " onclick=", " onload=", "javascript:", "<script>"] {
        assert!(!page.body.contains(inline), "{path} has {inline}");
    }
    let scripts = page.body.matches("<script ").count();
    assert_eq!(page.body.matches("<script src=\"/assets/").count(), scripts, "{path}");
    assert!(
        !page.body.contains("src=\"http") && !page.body.contains("href=\"http"),
        "{path} leads elsewhere"
    );
}

#[test]
fn another_team_s_objects_are_not_there() {
    with_world(async |world| {
        let objects = objects(&world).await;
        let stranger = world.browser_of("stranger@example.org").await;
        let mode = world.admin().await;
        for (path, _) in PAGES.iter().filter(|(path, _)| path.contains('{')) {
            let path = filled(path, &objects);
            assert_eq!(stranger.get(&path).await.status, 404, "{path}");
            let in_live = path.replace("/dashboard/test", "/dashboard/live");
            let is_of_both_modes = path.contains("/users/");
            let expected = if is_of_both_modes { 200 } else { 404 };
            assert_eq!(mode.get(&in_live).await.status, expected, "{in_live}");
        }
        let payment = world.paid(5000, Currency::EUR).await;
        let page = stranger.get("/dashboard/test/payments").await;
        for act in ["refund", "cancel", "capture"] {
            let path = format!("/dashboard/test/payments/{payment}/{act}");
            assert_eq!(
                stranger.submit(&page, &path, &[("amount", "1.00"), ("once", "a")]).await.status,
                404,
                "{act}"
            );
        }
        for path in
            ["/payments/none", "/payments/pay_x/refund", "/customers/none", "/nowhere", "/webhooks/none"]
        {
            assert_eq!(mode.get(&format!("/dashboard/test{path}")).await.status, 404, "{path}");
        }
        assert_eq!(mode.get("/dashboard/neither/payments").await.status, 404);
    });
}

#[test]
fn what_a_role_may_not_do_is_refused_when_it_is_sent_anyway() {
    with_world(async |world| {
        let objects = objects(&world).await;
        let paths = [
            ("/payments/{payment}/refund", "viewer@example.com"),
            ("/payments/{payment}/cancel", "viewer@example.com"),
            ("/payment-requests/{request}/cancel", "viewer@example.com"),
            ("/customers/new", "viewer@example.com"),
            ("/payments/new", "viewer@example.com"),
            ("/customers/{customer}/credits", "viewer@example.com"),
            ("/invoices/{invoice}/void", "viewer@example.com"),
            ("/transactions/{transaction}", "viewer@example.com"),
            ("/webhooks/{webhook}/delete", "operator@example.com"),
            ("/events/{event}", "operator@example.com"),
            ("/api-keys/new", "operator@example.com"),
            ("/users/{user}/disable", "operator@example.com"),
            ("/settings", "operator@example.com"),
            ("/settings/processors/new", "operator@example.com"),
        ];
        for (path, email) in paths {
            let browser = world.browser_of(email).await;
            let page = browser.get("/dashboard/test/account").await;
            let refused = browser.submit(&page, &filled(path, &objects), &[("amount", "1.00")]).await;
            assert_eq!(refused.status, 403, "{email} {path}: {}", refused.body);
            assert!(refused.body.contains("lacks the scope"), "{}", refused.body);
        }
        assert_eq!(world.payment(&objects[0].1).await["amount_refunded"], 0);
    });
}
