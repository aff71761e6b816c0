//! What is made by forms: payments, invoices with lines, own data, processor accounts.

use florin_domain::CustomerId;
use florin_engine::requests::CustomerFilter;
use florin_engine::requests::{InvoiceFilter, Page as ListPage, Position};
use serde_json::{Value, json};

use crate::world::{Browser, Page, with_world};

const ALL: ListPage = ListPage::new(100, Position::Offset(0));

/// Fills in the form at a path.
async fn send(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    let path = format!("/dashboard/test{path}");
    let page = browser.get(&path).await;
    browser.submit(&page, &path, fields).await
}

#[test]
fn a_payment_is_made_and_a_declined_one_says_why() {
    with_world(async |world| {
        let browser = world.admin().await;
        let metadata = "order=1001\nshop = North = 2\n";
        let good = [("amount", "12.50"), ("currency", "eur"), ("payment_method_id", "pm_test_success")];
        let made = send(&browser, "/payments/new", &[&good[..], &[("metadata", metadata)]].concat()).await;
        assert!(made.location().ends_with("?done=created"), "{made:?}");
        let shown = browser.get(made.location()).await;
        assert!(shown.body.contains("12.50") && shown.body.contains("1001"), "{}", shown.body);
        let id = made.location().split(['/', '?']).find(|part| part.starts_with("pay_")).unwrap();
        let payment = world.payment(id).await;
        assert_eq!(payment["metadata"], json!({"order": "1001", "shop": "North = 2"}));

        let bad = [("amount", "12.50"), ("currency", "EUR"), ("payment_method_id", "pm_test_decline")];
        let declined = send(&browser, "/payments/new", &bad).await;
        assert_eq!(declined.status, 303, "{}", declined.body);
        assert!(browser.get(declined.location()).await.body.contains("Failed"), "{declined:?}");

        let outside = [("amount", "3.00"), ("currency", "EUR"), ("payment_method_type", "OFFLINE")];
        assert_eq!(send(&browser, "/payments/new", &outside).await.status, 303);
        for (more, told) in [
            (&[("payment_method_id", "pm_test_success")][..], "takes no payment_method_id"),
            (&[("metadata", "no pair")], "Write a pair on each line"),
            (&[("metadata", "card=4242424242424242")], "card number"),
            (&[("customer_id", "cus_nobody")], "customer"),
        ] {
            let refused = send(&browser, "/payments/new", &[&outside[..], more].concat()).await;
            assert!(refused.status >= 400 && refused.tells(told), "{told}: {}", refused.body);
            assert!(!refused.body.contains("payments/pay_"), "nothing was made");
        }
    });
}

#[test]
fn an_invoice_is_made_of_lines_and_their_sum_is_due() {
    with_world(async |world| {
        let browser = world.admin().await;
        let lines = [
            ("currency", "EUR"),
            ("line_description", "Tea"),
            ("line_quantity", "3"),
            ("line_amount", "4.10"),
            ("line_description", ""),
            ("line_quantity", ""),
            ("line_amount", ""),
            ("line_description", "Cup"),
            ("line_quantity", ""),
            ("line_amount", "2.00"),
            ("metadata", "order=7"),
        ];
        let more = send(&browser, "/invoices/new", &[&lines[..], &[("more", "yes")]].concat()).await;
        assert_eq!(
            (more.status, more.body.matches("name=\"line_amount\"").count()),
            (200, 5),
            "{}",
            more.body
        );
        assert!(more.body.contains("value=\"Cup\"") && more.body.contains("order=7"), "{}", more.body);
        let made = send(&browser, "/invoices/new", &lines).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let answer = world.engine.list_invoices(world.context().await, InvoiceFilter::default(), ALL).await;
        let list: Value = serde_json::from_str(&answer.body).unwrap();
        let invoice = &list["data"][0];
        assert_eq!((&list["total_count"], &invoice["amount_due"]), (&json!(1), &json!(1430)));
        assert_eq!(invoice["metadata"], json!({"order": "7"}));
        assert_eq!(
            invoice["lines"],
            json!([
                {"description": "Tea", "quantity": 3, "unit_amount": 410},
                {"description": "Cup", "quantity": 1, "unit_amount": 200},
            ])
        );
        for (fields, told) in [
            ([("amount_due", "14.31"), ("line_amount", "")], "sum up to 14.30 EUR"),
            ([("amount_due", ""), ("line_amount", "1.005")], "Line 4, Description"),
        ] {
            let refused = send(&browser, "/invoices/new", &[&lines[..], &fields].concat()).await;
            assert!(refused.status == 400 && refused.tells(told), "{told}: {}", refused.body);
        }
    });
}

#[test]
fn own_data_is_kept_of_customers_and_requests() {
    with_world(async |world| {
        let browser = world.admin().await;
        let made = send(&browser, "/customers/new", &[("name", "Ada"), ("metadata", "tier=gold")]).await;
        let answer = world.engine.list_customers(world.context().await, CustomerFilter::default(), ALL).await;
        let list: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(list["data"][0]["metadata"], json!({"tier": "gold"}), "{}", made.body);
        let customer: CustomerId = list["data"][0]["id"].as_str().unwrap().parse().unwrap();
        let request = [
            ("type", "product"),
            ("amount", "10.00"),
            ("currency", "EUR"),
            ("customer_id", &*customer.to_string()),
            ("metadata", "order=7"),
        ];
        let made = send(&browser, "/payment-requests/new", &request).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let shown = browser.get(made.location()).await;
        assert!(shown.body.contains("Metadata: order"), "{}", shown.body);
    });
}

#[test]
fn a_processor_account_is_added_changed_and_disabled_and_shows_no_credentials() {
    const SECRET: &str = "sk_test_51Secret9876";
    with_world(async |world| {
        let browser = world.admin().await;
        let credentials = format!("secret_key={SECRET}");
        let fields = [("name", "stripe-eu"), ("connector", "stripe"), ("credentials", credentials.as_str())];
        let refused =
            send(&browser, "/settings/processors/new", &[&fields[..], &[("position", "x")]].concat()).await;
        assert!(refused.status == 400 && !refused.body.contains(SECRET), "{}", refused.body);
        let trial = [("name", "trial"), ("connector", "sandbox")];
        assert_eq!(send(&browser, "/settings/processors/new", &trial).await.status, 303);
        let made = send(&browser, "/settings/processors/new", &fields).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let place = made.location().split('?').next().unwrap().to_owned();
        let mut pages = vec![browser.get(&place).await];
        for (act, fields) in [
            ("change", &[("position", "7"), ("settings", "max_delay_seconds=60")][..]),
            ("rotate", &[("credentials", credentials.as_str())]),
            ("disable", &[]),
        ] {
            let done = browser.submit(&pages[0], &format!("{place}/{act}"), fields).await;
            assert_eq!(done.status, 303, "{act}: {}", done.body);
            pages.push(browser.get(done.location()).await);
        }
        let last = pages.last().unwrap();
        assert!(
            last.tells("Disabled") && last.tells("max_delay_seconds") && last.tells("value=\"7\""),
            "{}",
            last.body
        );
        let list = browser.get("/dashboard/test/settings").await;
        assert!(list.body.contains(&place), "{}", list.body);
        pages.push(list);
        assert!(pages.iter().all(|page| !page.body.contains(SECRET)), "credentials are never shown");
    });
}
