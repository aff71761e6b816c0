//! What forms do: once, in the currency's own form, and refused in the words of the API.

use florin_domain::{Amount, CaptureMethod, Currency, Metadata};
use florin_engine::requests::CreateRefund;
use futures_util::future::join;

use crate::world::{id_of, with_world};

#[test]
fn a_part_is_refunded_and_more_than_is_left_is_refused_in_the_words_of_the_api() {
    with_world(async |world| {
        let id = world.paid(5000, Currency::EUR).await;
        let browser = world.admin().await;
        let path = format!("/dashboard/test/payments/{id}/refund");
        let asked = browser.get(&path).await;
        assert!(asked.body.contains("At most 50.00 EUR"), "{}", asked.body);
        let review = browser.get(&format!("{path}?step=review&amount=12.34&reason=Rain")).await;
        assert!(review.body.contains("Give 12.34 EUR back to the payer?"), "{}", review.body);
        let done = browser.submit(&review, &path, &[("amount", "12.34"), ("reason", "Rain")]).await;
        assert_eq!(done.location(), format!("/dashboard/test/payments/{id}?done=refunded"));
        let payment = world.payment(&id).await;
        assert_eq!(
            (&payment["amount_refunded"], &payment["amount_refundable"]),
            (&1234.into(), &3766.into())
        );
        let shown = browser.get(done.location()).await;
        assert!(
            shown.body.contains("The refund was made.") && shown.body.contains("37.66"),
            "{}",
            shown.body
        );

        let too_much = browser.get(&format!("{path}?step=review&amount=40.00")).await;
        let review = browser.get(&format!("{path}?step=review&amount=1.00")).await;
        let refused = browser.submit(&review, &path, &[("amount", "40.00"), ("reason", "")]).await;
        let request = CreateRefund {
            amount: Some(Amount::new(4000).unwrap()),
            reason: None,
            metadata: Metadata::default(),
        };
        let answer =
            world.engine.refund_payment(world.context().await, id.parse().unwrap(), request, None).await;
        let words = answer.error_message().unwrap();
        assert_eq!((too_much.status, refused.status, answer.status), (422, 422, 422));
        for page in [&too_much, &refused] {
            assert!(page.tells(&words) && !page.body.contains("Give 40.00"), "{words}: {}", page.body);
        }
        assert_eq!(world.payment(&id).await["amount_refunded"], 1234);
    });
}

#[test]
fn a_form_that_is_sent_twice_does_it_once() {
    with_world(async |world| {
        let id = world.paid(5000, Currency::EUR).await;
        let browser = world.admin().await;
        let path = format!("/dashboard/test/payments/{id}/refund");
        let review = browser.get(&format!("{path}?step=review&amount=10.00")).await;
        let fields = [("amount", "10.00"), ("reason", "")];
        let (one, other) =
            join(browser.submit(&review, &path, &fields), browser.submit(&review, &path, &fields)).await;
        for page in [&one, &other, &browser.submit(&review, &path, &fields).await] {
            assert_eq!(
                (page.status, page.location()),
                (303, &*format!("/dashboard/test/payments/{id}?done=refunded"))
            );
        }
        assert_eq!(world.payment(&id).await["amount_refunded"], 1000);
        let changed = browser.submit(&review, &path, &[("amount", "11.00"), ("reason", "")]).await;
        assert_eq!(changed.status, 422, "{}", changed.body);
        assert_eq!(world.payment(&id).await["amount_refunded"], 1000);
    });
}

#[test]
fn amounts_are_typed_as_the_currency_has_them() {
    with_world(async |world| {
        let browser = world.admin().await;
        for (currency, minor, typed, refunded, refused) in [
            (Currency::JPY, 5000, "500", 500, "500.0"),
            (Currency::KWD, 5000, "1.005", 1005, "1.0005"),
            (Currency::EUR, 5000, "1.5", 150, "1,50"),
        ] {
            let id = world.paid(minor, currency).await;
            let path = format!("/dashboard/test/payments/{id}/refund");
            let bad = browser.get(&format!("{path}?step=review&amount={refused}")).await;
            assert_eq!(bad.status, 400);
            assert!(bad.body.contains("Write the amount in") && bad.body.contains(refused), "{}", bad.body);
            let review = browser.get(&format!("{path}?step=review&amount={typed}")).await;
            assert_eq!(
                browser.submit(&review, &path, &[("amount", typed), ("reason", "")]).await.status,
                303
            );
            assert_eq!(world.payment(&id).await["amount_refunded"], refunded, "{currency}");
        }
    });
}

#[test]
fn an_authorization_is_captured_in_part_or_canceled_and_then_neither() {
    with_world(async |world| {
        let browser = world.admin().await;
        let authorized =
            async || id_of(&world.pay(5000, Currency::USD, "pm_test_success", CaptureMethod::Manual).await);
        let id = authorized().await;
        let path = |id: &str, act: &str| format!("/dashboard/test/payments/{id}/{act}");
        let review = browser.get(&format!("{}?step=review&amount=20.00", path(&id, "capture"))).await;
        let too_much = browser.get(&format!("{}?step=review&amount=50.01", path(&id, "capture"))).await;
        assert_eq!(too_much.status, 422, "{}", too_much.body);
        let captured = browser.submit(&review, &path(&id, "capture"), &[("amount", "20.00")]).await;
        assert_eq!(captured.location(), format!("/dashboard/test/payments/{id}?done=captured"));
        assert_eq!(world.payment(&id).await["amount_captured"], 2000);
        let refused = browser.get(&path(&id, "cancel")).await;
        let words = world.engine.cancel_payment(world.context().await, id.parse().unwrap(), None, None).await;
        assert!(refused.tells(&words.error_message().unwrap()), "{words:?}: {}", refused.body);
        assert!(!refused.body.contains("Continue"), "what can't be done is not asked for");

        let id = authorized().await;
        let review = browser.get(&format!("{}?step=review&reason=Sold+out", path(&id, "cancel"))).await;
        assert!(review.body.contains("Sold out"), "{}", review.body);
        let canceled =
            browser.submit(&review, &path(&id, "cancel"), &[("amount", ""), ("reason", "Sold out")]).await;
        assert_eq!(canceled.location(), format!("/dashboard/test/payments/{id}?done=canceled"));
        let payment = world.payment(&id).await;
        assert_eq!(
            (&payment["status"], &payment["cancellation_reason"]),
            (&"canceled".into(), &"Sold out".into())
        );
    });
}

#[test]
fn objects_are_made_and_secrets_are_shown_once() {
    with_world(async |world| {
        let browser = world.admin().await;
        for (path, fields, secret) in [
            (
                "/dashboard/test/api-keys/new",
                &[("name", "Shop"), ("scopes", "payments:read")][..],
                "sk_test_",
            ),
            ("/dashboard/test/webhooks/new", &[("url", "https://example.com/hook")][..], "whsec_"),
        ] {
            let page = browser.get(path).await;
            let made = browser.submit(&page, path, fields).await;
            assert!(made.status == 200 && made.body.contains(secret), "{path}: {}", made.body);
            let again = browser.submit(&page, path, fields).await;
            assert!(again.status == 200 && !again.body.contains(secret), "{path}: {}", again.body);
            let list = browser.get(path.trim_end_matches("/new")).await;
            assert!(!list.body.contains(&format!("value=\"{secret}")), "{}", list.body);
        }
        let page = browser.get("/dashboard/test/customers/new").await;
        let made = browser.submit(&page, "/dashboard/test/customers/new", &[("name", "Ada")]).await;
        let customer = made.location().split('?').next().unwrap().to_owned();
        let shown = browser.get(&customer).await;
        let grant = [("amount", "12.50"), ("currency", "EUR"), ("reason", "")];
        assert_eq!(browser.submit(&shown, &format!("{customer}/credits"), &grant).await.status, 303);
        assert!(browser.get(&customer).await.body.contains("12.50"));
    });
}
