//! What pages show.

use diesel::connection::SimpleConnection;
use florin_domain::{CaptureMethod, Currency};
use florin_engine::requests::{Page as ListPage, PaymentFilter, Position};

use crate::world::{Browser, Page, with_world};

#[test]
fn the_overview_adds_up_what_moved_and_what_became_of_payments() {
    with_world(async |world| {
        let empty = overview(&world.admin().await, "/dashboard/live").await;
        assert!(empty.body.contains("No payments yet"), "{}", empty.body);
        for minor in [1000, 2000] {
            world.paid(minor, Currency::EUR).await;
        }
        world.paid(700, Currency::JPY).await;
        for method in ["pm_test_insufficient_funds", "pm_test_decline"] {
            world.pay(5000, Currency::EUR, method, CaptureMethod::Automatic).await;
        }
        let page = overview(&world.admin().await, "/dashboard/test?days=7&currency=EUR").await;
        assert!(page.body.contains("30.00 EUR"), "{}", page.body);
        assert!(page.body.contains("60.0 %"), "3 of 5: {}", page.body);
        assert!(page.body.contains("Insufficient funds"), "{}", page.body);
    });
}

/// The overview, once all days are added up. The first page may be without some, and says so.
async fn overview(browser: &Browser, path: &str) -> Page {
    for _ in 0..400 {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        if !page.body.contains("still being added up") {
            return page;
        }
    }
    panic!("the days are never added up");
}

#[test]
fn the_overview_tells_of_endpoints_that_were_given_up() {
    with_world(async |world| {
        let browser = world.admin().await;
        let page = browser.get("/dashboard/test/webhooks/new").await;
        let hook = [("url", "https://example.com/hook")];
        assert_eq!(browser.submit(&page, "/dashboard/test/webhooks/new", &hook).await.status, 200);
        let notice = "Webhooks are no longer sent to";
        assert!(!browser.get("/dashboard/test").await.body.contains(notice));
        let give_up = "UPDATE webhook_endpoints SET enabled = FALSE, disabled_reason = 'failing'";
        world.database.connect().unwrap().batch_execute(give_up).unwrap();
        let told = browser.get("/dashboard/test").await.body;
        assert!(told.contains(notice) && told.contains("for five days"), "{told}");
        assert!(
            !world.browser_of("viewer@example.com").await.get("/dashboard/live").await.body.contains(notice)
        );
    });
}

#[test]
fn lists_are_searched_filtered_and_paged() {
    with_world(async |world| {
        for number in 0..30 {
            let text = format!("Order {number}");
            world.pay_for(1000, Currency::EUR, "pm_test_success", CaptureMethod::Automatic, &text).await;
        }
        let browser = world.admin().await;
        let first = browser.get("/dashboard/test/payments").await;
        assert!(
            first.body.contains("30 in all")
                && first.body.contains("Order 29")
                && !first.body.contains("Order 4<")
        );
        assert!(first.body.contains("hx-trigger=\"every 5s\""), "the first page is kept up to date");
        let (_, older) = first.body.split_once("<a class=\"button small\" href=\"").unwrap();
        let older = older.split('"').next().unwrap().replace("&#38;", "&");
        let second = browser.get(&older).await;
        assert!(second.body.contains("Order 4") && !second.body.contains("Order 29"), "{}", second.body);
        assert!(!second.body.contains("hx-trigger"), "older pages stay as they are");
        let id =
            second.body.split("/dashboard/test/payments/pay_").nth(1).unwrap().split('"').next().unwrap();
        let by_id = browser.get(&format!("/dashboard/test/payments?q=+pay_{id}+")).await;
        assert_eq!(by_id.location(), format!("/dashboard/test/payments/pay_{id}"));
        let found = browser.get("/dashboard/test/payments?q=order+17").await;
        assert!(found.body.contains("Order 17") && !found.body.contains("Order 16"));
        assert!(
            browser.get("/dashboard/test/payments?payment_status=FAILED").await.body.contains("Nothing fits")
        );
        assert!(
            browser
                .get("/dashboard/test/payments?from=2020-01-01&until=2020-01-02")
                .await
                .body
                .contains("Nothing fits")
        );
        assert_eq!(browser.get("/dashboard/test/payments?currency=XXQ").await.status, 422);
        let page = ListPage::new(1, Position::Offset(0));
        let answer = world.engine.list_payments(world.context().await, PaymentFilter::default(), page).await;
        assert_eq!(answer.status, 200);
    });
}

#[test]
fn assets_are_kept_for_ever_under_paths_that_tell_their_content() {
    with_world(async |world| {
        let browser = world.browser();
        let page = browser.get("/dashboard/sign-in").await;
        let paths: Vec<&str> = page.body.split('"').filter(|part| part.starts_with("/assets/")).collect();
        assert!(paths.len() >= 3, "{paths:?}");
        for path in paths {
            let asset = browser.get(path).await;
            assert_eq!(asset.status, 200, "{path}");
            assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        }
        assert_eq!(browser.get("/assets/dashboard.0000000000000000.css").await.status, 404);
    });
}
