//! The payment page: what a payer sees of it, and what it takes from whom.

use diesel::connection::SimpleConnection;
use florin_domain::{Amount, CaptureMethod, Currency, Description, Metadata, PaymentRequestType};
use florin_engine::requests::{
    CreatePaymentRequest, Page as Slice, PaymentFilter, PaymentRequestFilter, Position,
};
use futures_util::future::join_all;
use serde_json::Value;

use crate::world::{Browser, Page, World, with_world};

/// What the sandbox's form sends.
const GOOD: [(&str, &str); 2] = [("processor", "sandbox"), ("method", "pm_test_success")];

/// The page's path.
async fn asked(world: &World, change: impl FnOnce(&mut CreatePaymentRequest)) -> String {
    let mut request = CreatePaymentRequest {
        kind: PaymentRequestType::Product,
        amount: Amount::new(4250).unwrap(),
        currency: Currency::EUR,
        description: Some(Description::parse("Espresso No. 4, 1 kg").unwrap()),
        customer_id: None,
        invoice_id: None,
        capture_method: CaptureMethod::Automatic,
        expires_at: None,
        success_url: None,
        metadata: Metadata::default(),
    };
    change(&mut request);
    let answer = world.engine.create_payment_request(world.context().await, request, None).await;
    let created: Value = serde_json::from_str(&answer.body).unwrap();
    let (_, token) =
        created["url"].as_str().unwrap_or_else(|| panic!("{answer:?}")).rsplit_once('/').unwrap();
    format!("/pay/{token}")
}

async fn pay_by(browser: &Browser, path: &str, method: &str) -> Page {
    browser.post(path, &[("processor", "sandbox"), ("method", method)]).await
}

/// Cancels the newest request.
async fn cancel(world: &World) {
    let context = async || world.context().await;
    let newest = Slice::new(1, Position::Offset(0));
    let filter = PaymentRequestFilter::default();
    let listed = world.engine.list_payment_requests(context().await, filter, newest).await;
    let listed: Value = serde_json::from_str(&listed.body).unwrap();
    let id = listed["data"][0]["id"].as_str().unwrap().parse().unwrap();
    let canceled = world.engine.cancel_payment_request(context().await, id, None, None).await;
    assert_eq!(canceled.status, 200, "{canceled:?}");
}

/// How many charges were begun at all.
fn charges(world: &World) -> i64 {
    use diesel::RunQueryDsl;
    #[derive(diesel::QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }
    let count = diesel::sql_query("SELECT count(*) AS number FROM attempts");
    count.get_result::<Number>(&mut world.database.connect().unwrap()).unwrap().number
}

#[test]
fn it_is_paid_once_and_whoever_is_late_is_told_so() {
    with_world(async |world| {
        let (path, browser) = (asked(&world, |_| {}).await, world.browser());
        let open = browser.get(&path).await;
        assert!(open.tells("€42.50") && open.tells("Espresso No. 4, 1 kg"), "{}", open.body);
        let paid = browser.post(&path, &GOOD).await;
        assert_eq!((paid.status, paid.location()), (303, path.as_str()));
        assert!(browser.get(&path).await.tells("Paid. Thank you!"));
        let late = browser.post(&path, &GOOD).await;
        assert_eq!((late.status, late.location()), (303, format!("{path}?before=1").as_str()));
        let told = browser.get(late.location()).await;
        assert!(
            told.tells("nothing was charged a second time") && !told.body.contains("<form"),
            "{}",
            told.body
        );
        assert_eq!(charges(&world), 1);
        // Of many at once too.
        let path = asked(&world, |_| {}).await;
        let answers = join_all((0..8).map(|_| browser.post(&path, &GOOD))).await;
        assert!(answers.iter().all(|answer| answer.status == 303));
        assert!(browser.get(&path).await.tells("Paid. Thank you!"));
        assert_eq!(charges(&world), 2);
    });
}

#[test]
fn what_can_no_longer_be_paid_is_not_by_an_open_page_neither() {
    with_world(async |world| {
        let browser = world.browser();
        for words in ["has expired", "was canceled"] {
            let path = asked(&world, |_| {}).await;
            assert!(browser.get(&path).await.body.contains("<form"));
            if words == "has expired" {
                let sql = "UPDATE payment_requests SET expires_at = updated_at + 1";
                world.database.connect().unwrap().batch_execute(sql).unwrap();
            } else {
                cancel(&world).await;
            }
            assert_eq!(browser.post(&path, &GOOD).await.status, 303);
            let over = browser.get(&path).await;
            assert!(over.tells(words) && !over.body.contains("<form"), "{}", over.body);
        }
        assert_eq!(charges(&world), 0);
    });
}

#[test]
fn a_form_of_other_accounts_other_methods_and_other_sites_pays_nothing() {
    with_world(async |world| {
        let (path, browser) = (asked(&world, |_| {}).await, world.browser());
        for (processor, method, words) in [
            ("stripe", "pm_test_success", "can’t be used here"),
            ("", "pm_test_success", "can’t be used here"),
            ("offline", "pm_test_success", "can’t be used here"),
            // Good for the API, and stored methods, and another processor's form.
            ("sandbox", "pm_1234567890", "can’t be used here"),
            ("sandbox", "pm_01k9dcq4w0e7qs9x3v5m8ffh2a", "can’t be used here"),
            ("sandbox", "pm_1MoQyTL4Y3kUYhZWqVmSkzXa", "can’t be used here"),
            ("sandbox", "pm_test_expired", "can’t be used here"),
            ("sandbox", "", "choose how you would like to pay"),
            ("sandbox", "4242 4242 4242 4242", "never type a card number"),
            ("4242424242424242", "pm_test_success", "never type a card number"),
        ] {
            let refused = browser.post(&path, &[("processor", processor), ("method", method)]).await;
            assert_eq!(refused.status, 400, "{processor} {method}");
            assert!(refused.tells(words) && refused.tells("Nothing was paid."), "{method}: {}", refused.body);
            assert!(refused.body.contains("<form") && !refused.body.contains("4242"), "{}", refused.body);
        }
        for site in ["cross-site", "same-site"] {
            let refused = browser.post_from(site, &path, &GOOD).await;
            assert!(
                refused.status == 403 && refused.tells("was not sent from this page"),
                "{}",
                refused.body
            );
        }
        let too_long = browser.post(&path, &[("method", &"x".repeat(5000))]).await;
        assert_eq!((too_long.status, charges(&world)), (413, 0));
    });
}

#[test]
fn a_decline_tells_its_own_reason_until_there_are_no_more_tries() {
    with_world(async |world| {
        let (path, browser) = (asked(&world, |_| {}).await, world.browser());
        for (method, words) in [
            ("pm_test_decline", "declined the payment"),
            ("pm_test_insufficient_funds", "not enough money in the account"),
        ] {
            assert_eq!(pay_by(&browser, &path, method).await.status, 303);
            let declined = browser.get(&path).await;
            assert!(declined.tells("Nothing was paid.") && declined.tells(words), "{}", declined.body);
            assert!(declined.body.contains("<form"), "it can be tried again");
        }
        for _ in 2..20 {
            pay_by(&browser, &path, "pm_test_decline").await;
        }
        let over = browser.get(&path).await;
        assert!(over.tells("no more attempts") && !over.body.contains("<form"), "{}", over.body);
        assert_eq!(browser.post(&path, &GOOD).await.status, 303);
        assert!(browser.get(&path).await.tells("no more attempts"));
        assert_eq!(charges(&world), 20);
    });
}

#[test]
fn a_payer_who_comes_back_is_led_to_the_page_itself() {
    with_world(async |world| {
        let browser = world.browser();
        for (query, kept) in [("", ""), ("?lang=ja", "?lang=ja")] {
            let path = asked(&world, |_| {}).await;
            let here = format!("{path}{query}");
            pay_by(&browser, &here, "pm_test_requires_action").await;
            let waiting = browser.get(&here).await;
            assert!(waiting.body.contains("https://sandbox.florin.invalid/actions/"), "{}", waiting.body);
            let newest = Slice::new(1, Position::Offset(0));
            let context = world.context().await;
            let payments = world.engine.list_payments(context, PaymentFilter::default(), newest).await;
            let payments: Value = serde_json::from_str(&payments.body).unwrap();
            let back = payments["data"][0]["return_url"].as_str().unwrap().to_owned();
            assert!(back.ends_with("back=1") && back.contains(&here), "{back}");
            let (_, back) = back.split_once("/pay/").unwrap();
            // As Stripe adds to it, which is nobody else's business.
            let returned =
                browser.get(&format!("/pay/{back}&payment_intent_client_secret=pi_1_secret_2")).await;
            assert_eq!((returned.status, returned.location()), (303, format!("{path}{kept}").as_str()));
        }
    });
}

#[test]
fn every_answer_keeps_browsers_to_this_server_and_is_kept_by_nobody() {
    with_world(async |world| {
        let (path, browser) = (asked(&world, |_| {}).await, world.browser());
        let answers = [
            browser.get(&path).await,
            browser.get("/pay/AAAAAAAAAAAAAAAAAAAAAAAA").await,
            browser.get("/pay/short").await,
            browser.post(&path, &[]).await,
            browser.post_from("cross-site", &path, &GOOD).await,
            browser.get(&format!("{path}?back=1")).await,
            browser.post(&path, &GOOD).await,
            browser.get(&path).await,
        ];
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200, 404, 404, 400, 403, 303, 303, 200]);
        for answer in answers {
            let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                          connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
            for (name, value) in [
                ("content-security-policy", policy),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
            ] {
                assert_eq!(answer.header(name), value, "{name}");
            }
            for inline in ["<script>", " style=", " onclick", " onload", "javascript:", "//"] {
                let own = answer.body.replace("https://sandbox.florin.invalid/", "");
                assert!(!own.contains(inline), "{inline}: {}", answer.body);
            }
        }
    });
}

#[test]
fn it_is_in_the_payer_s_language_or_else_in_english() {
    with_world(async |world| {
        let path = asked(&world, |_| {}).await;
        for (accepts, query, tag, words) in [
            ("de-CH,fr;q=0.9", "", "de", "Zu zahlen"),
            ("de-CH,fr;q=0.9", "?lang=fr", "fr", "À payer"),
            ("de-CH,fr;q=0.9", "?lang=xx", "de", "Zu zahlen"),
            ("sv,nl;q=0.5", "", "en", "To pay"),
            ("", "?lang=es", "es", "A pagar"),
            ("*", "?lang=", "en", "To pay"),
            ("ja", "", "ja", "お支払い金額"),
        ] {
            let page = world.browser().get_in(accepts, &format!("{path}{query}")).await;
            let about = format!("{accepts} {query}: {}", page.body);
            assert!(page.body.contains(&format!("<html lang=\"{tag}\">")) && page.tells(words), "{about}");
        }
    });
}
