//! Payment requests: what is made of them, by whom they are paid, and what ends them, on both databases.

mod common;

use std::time::Duration;

use common::requests_of_payment::{Made, a_try, ask, charge_by, made, pay, status_of};
use common::{Fate, Harness, Kind, amount, eventually, json, method, tells, test_on_each_database, told};
use florin_domain::{
    AttemptKind, CaptureMethod, Currency, MAX_TRIES, Metadata, PageToken, PaymentRequestType,
};
use florin_engine::requests::{CreateInvoice, CreatePaymentRequest, Page, PaymentRequestFilter, Position};
use florin_engine::views::ErrorCode;
use florin_engine::{PageForm, PageState, PayOutcome};

test_on_each_database! {
    a_request_is_paid_on_its_page_once,
    a_decline_can_be_tried_again_and_makes_no_second_payment,
    a_pre_authorization_pays_a_request_and_is_captured_later,
    an_invoice_is_settled_by_its_request,
    an_invoice_that_was_paid_otherwise_closes_the_page,
    an_unknown_outcome_waits_and_a_late_success_pays,
    a_bank_debit_is_paid_when_it_has_cleared,
    a_request_expires_by_the_time_and_never_while_it_is_being_paid,
    a_canceled_request_takes_no_charge_from_anybody,
    a_cancellation_during_a_charge_is_remembered_and_gives_the_money_back,
    a_cancellation_calls_off_what_waits_for_the_payer,
    a_cancellation_of_the_payment_cancels_its_request,
    a_payer_chooses_neither_account_nor_a_stored_payment_method,
    no_page_is_found_by_another_token,
    tries_are_limited,
    lists_count_by_status_as_of_now,
}

async fn a_request_is_paid_on_its_page_once(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    let page = request.page(&harness).await;
    assert_eq!((page.state.clone(), page.merchant), (PageState::Open, harness.tenant.to_string()));
    let offer = page.offer.expect("an offer");
    let PageForm::Sandbox { methods } = offer.form else { panic!("{:?}", offer.form) };
    assert_eq!((offer.processor.as_str(), methods[0]), ("sandbox", "pm_test_success"));
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::Paid);
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::AlreadyPaid);
    assert!(matches!(request.page(&harness).await.state, PageState::Paid { .. }));
    let found = request.find(&harness).await;
    assert_eq!(
        (found["status"].as_str(), found["payment_in_progress"].as_bool()),
        (Some("paid"), Some(false))
    );
    let payment = harness.find(found["payment_id"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!((&payment["status"], &payment["amount"]), (&"succeeded".into(), &4900.into()));
    assert_eq!((&payment["created_by"], &payment["metadata"]["order"]), (&"payer".into(), &"7".into()));
    let told =
        harness.database.number("SELECT count(*) AS number FROM events WHERE type = 'payment_request.paid'");
    assert_eq!((told, harness.charges()), (1, 1));
    // What becomes of the money then is the payment's own story.
    let id = payment["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        harness.engine.refund_payment(harness.context(), id, common::refund(4900), None).await.status,
        200
    );
    assert_eq!(status_of(&harness, &request).await, "paid");
    harness.finish().await;
}

async fn a_decline_can_be_tried_again_and_makes_no_second_payment(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    let PayOutcome::Declined(decline) = pay(&harness, &request, "pm_test_insufficient_funds").await else {
        panic!("it is declined")
    };
    assert_eq!(decline.code, ErrorCode::InsufficientFunds);
    let page = request.page(&harness).await;
    assert_eq!(
        (page.state, page.last_decline, page.tries_left),
        (PageState::Open, Some(decline), MAX_TRIES - 1)
    );
    assert!(matches!(
        pay(&harness, &request, "pm_test_expired").await,
        PayOutcome::Refused(refused) if refused.code == ErrorCode::PaymentMethodInvalid
    ));
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::Paid);
    assert_eq!((harness.payment_count(), harness.charges()), (1, 1));
    harness.finish().await;
}

async fn a_pre_authorization_pays_a_request_and_is_captured_later(kind: Kind) {
    let harness = Harness::start(kind);
    let request =
        made(&harness, CreatePaymentRequest { capture_method: CaptureMethod::Manual, ..ask() }).await;
    let offer = request.page(&harness).await.offer.expect("an offer");
    assert_eq!(offer.method_types, [florin_domain::MethodType::Card], "a debit can't be authorized first");
    assert!(matches!(pay(&harness, &request, "pm_test_ach").await, PayOutcome::Refused(_)));
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::Paid);
    let id = request.payment(&harness).await;
    assert_eq!(harness.find(id).await["payment_status"], "AUTHORIZED");
    assert_eq!(harness.engine.capture_payment(harness.context(), id, None, None).await.status, 200);
    assert_eq!(status_of(&harness, &request).await, "paid");
    let told =
        harness.database.number("SELECT count(*) AS number FROM events WHERE type = 'payment_request.paid'");
    assert_eq!(told, 1);
    harness.finish().await;
}

async fn an_invoice(harness: &Harness) -> florin_domain::InvoiceId {
    harness.add_tenant(harness.tenant);
    let invoice = CreateInvoice {
        number: None,
        customer_id: None,
        currency: Currency::parse("EUR").unwrap(),
        amount_due: amount(4900),
        lines: Vec::new(),
        due_at: None,
        metadata: Metadata::default(),
    };
    let created = harness.engine.create_invoice(harness.context(), invoice, None).await;
    json(&created)["id"].as_str().unwrap().parse().unwrap()
}

fn for_invoice(id: florin_domain::InvoiceId) -> CreatePaymentRequest {
    CreatePaymentRequest { kind: PaymentRequestType::Invoice, invoice_id: Some(id), ..ask() }
}

async fn an_invoice_is_settled_by_its_request(kind: Kind) {
    let harness = Harness::start(kind);
    let invoice = an_invoice(&harness).await;
    let request = made(&harness, for_invoice(invoice)).await;
    assert!(request.page(&harness).await.invoice_number.is_some());
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::Paid);
    let found = json(&harness.engine.find_invoice(harness.context(), invoice).await);
    assert_eq!((&found["status"], &found["amount_paid"]), (&"paid".into(), &4900.into()));
    let again = harness.engine.create_payment_request(harness.context(), for_invoice(invoice), None).await;
    assert_eq!(told(&again), tells(409, "invoice_not_payable"));
    harness.finish().await;
}

async fn an_invoice_that_was_paid_otherwise_closes_the_page(kind: Kind) {
    let harness = Harness::start(kind);
    let invoice = an_invoice(&harness).await;
    let [one, other] =
        [made(&harness, for_invoice(invoice)).await, made(&harness, for_invoice(invoice)).await];
    assert_eq!(pay(&harness, &one, "pm_test_success").await, PayOutcome::Paid);
    assert_eq!(other.page(&harness).await.state, PageState::InvoiceClosed);
    assert!(matches!(
        pay(&harness, &other, "pm_test_success").await,
        PayOutcome::Refused(refused) if refused.code == ErrorCode::InvoiceNotPayable
    ));
    assert_eq!((harness.payment_count(), harness.charges()), (1, 1));
    harness.finish().await;
}

async fn an_unknown_outcome_waits_and_a_late_success_pays(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    assert_eq!(pay(&harness, &request, "pm_test_timeout").await, PayOutcome::Pending);
    assert_eq!(request.page(&harness).await.state, PageState::BeingPaid);
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::BeingPaid);
    harness.recover_after(Duration::from_secs(120)).await;
    assert_eq!(status_of(&harness, &request).await, "paid");
    assert_eq!(harness.charges(), 1);
    harness.finish().await;
}

async fn a_bank_debit_is_paid_when_it_has_cleared(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    assert_eq!(pay(&harness, &request, "pm_test_ach").await, PayOutcome::Pending);
    assert_eq!(status_of(&harness, &request).await, "open");
    for _ in 0..20 {
        harness.recover_after(Duration::from_secs(3600)).await;
    }
    assert_eq!(status_of(&harness, &request).await, "paid");
    harness.finish().await;
}

async fn a_request_expires_by_the_time_and_never_while_it_is_being_paid(kind: Kind) {
    let harness = Harness::start(kind);
    let expires_at = Some(harness.clock.now() + chrono::TimeDelta::seconds(60));
    let [idle, charged, failed] = [
        made(&harness, CreatePaymentRequest { expires_at, ..ask() }).await,
        made(&harness, CreatePaymentRequest { expires_at, ..ask() }).await,
        made(&harness, CreatePaymentRequest { expires_at, ..ask() }).await,
    ];
    assert_eq!(pay(&harness, &charged, "pm_test_timeout").await, PayOutcome::Pending);
    assert_eq!(pay(&harness, &failed, "pm_test_timeout_lost").await, PayOutcome::Pending);
    harness.clock.advance(Duration::from_secs(60));
    assert_eq!(status_of(&harness, &idle).await, "expired");
    assert_eq!(pay(&harness, &idle, "pm_test_success").await, PayOutcome::Expired);
    assert!(matches!(idle.page(&harness).await.state, PageState::Expired { .. }));
    for request in [&charged, &failed] {
        assert_eq!(status_of(&harness, request).await, "open", "the outcome decides");
        assert_eq!(pay(&harness, request, "pm_test_success").await, PayOutcome::BeingPaid);
    }
    for _ in 0..4 {
        harness.recover_after(Duration::from_secs(3600)).await;
    }
    assert_eq!(status_of(&harness, &charged).await, "paid");
    assert_eq!(status_of(&harness, &failed).await, "expired");
    // Nor by the merchant, who knows the payment.
    let id = failed.payment(&harness).await;
    let processed =
        harness.engine.process_payment(harness.context(), id, Some(method("pm_test_success")), None);
    assert_eq!(told(&processed.await), tells(409, "payment_request_not_open"));
    assert_eq!(harness.charges(), 1);
    harness.finish().await;
}

async fn a_canceled_request_takes_no_charge_from_anybody(kind: Kind) {
    let harness = Harness::start(kind);
    let [untouched, tried] = [made(&harness, ask()).await, made(&harness, ask()).await];
    assert!(matches!(pay(&harness, &tried, "pm_test_decline").await, PayOutcome::Declined(_)));
    for request in [&untouched, &tried] {
        let canceled = request.cancel(&harness).await;
        assert_eq!((canceled.status, &json(&canceled)["status"]), (200, &"canceled".into()));
        assert_eq!(told(&request.cancel(&harness).await), tells(409, "payment_request_not_open"));
        assert_eq!(request.page(&harness).await.state, PageState::Canceled);
        assert_eq!(pay(&harness, request, "pm_test_success").await, PayOutcome::Canceled);
    }
    let id = tried.payment(&harness).await;
    let processed =
        harness.engine.process_payment(harness.context(), id, Some(method("pm_test_success")), None);
    assert_eq!(told(&processed.await), tells(409, "payment_request_not_open"));
    assert_eq!(harness.charges(), 0);
    let entries = "SELECT count(*) AS number FROM audit_log WHERE action = 'payment_request.canceled'";
    assert_eq!(harness.database.number(entries), 2);
    harness.finish().await;
}

async fn a_cancellation_during_a_charge_is_remembered_and_gives_the_money_back(kind: Kind) {
    let harness = Harness::start(kind);
    for fate in ["pm_test_timeout", "pm_test_timeout_lost"] {
        let request = made(&harness, ask()).await;
        assert_eq!(pay(&harness, &request, fate).await, PayOutcome::Pending);
        for _ in 0..2 {
            let canceled = request.cancel(&harness).await;
            assert_eq!((canceled.status, &json(&canceled)["status"]), (202, &"open".into()));
        }
        assert_eq!(request.page(&harness).await.state, PageState::Canceled);
        assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::Canceled);
        eventually("the end", async || {
            harness.recover_after(Duration::from_secs(60)).await;
            let payment = harness.find(request.payment(&harness).await).await;
            (status_of(&harness, &request).await == "canceled" && payment["status"] == "canceled")
                .then_some(())
        })
        .await;
    }
    let told =
        harness.database.number("SELECT count(*) AS number FROM events WHERE type = 'payment_request.paid'");
    assert_eq!(told, 0);
    harness.finish().await;
}

async fn a_cancellation_calls_off_what_waits_for_the_payer(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    let PayOutcome::ActionRequired { url } = pay(&harness, &request, "pm_test_requires_action").await else {
        panic!("the payer has to act")
    };
    assert_eq!(request.page(&harness).await.state, PageState::ActionRequired { url });
    assert_eq!(request.cancel(&harness).await.status, 202);
    common::eventually("the charge is called off", async || {
        (status_of(&harness, &request).await == "canceled").then_some(())
    })
    .await;
    harness.finish().await;
}

async fn a_cancellation_of_the_payment_cancels_its_request(kind: Kind) {
    let harness = Harness::start(kind);
    harness.processor.set(AttemptKind::Charge, Fate::Held);
    let request = made(&harness, ask()).await;
    let paying = charge_by(&harness, &request, "pm_test_decline");
    let id = common::eventually("a payment", async || request.payment_if_any(&harness).await).await;
    assert_eq!(harness.engine.cancel_payment(harness.context(), id, None, None).await.status, 202);
    harness.processor.release();
    paying.await.expect("an outcome");
    assert_eq!(status_of(&harness, &request).await, "canceled");
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::Canceled);
    harness.finish().await;
}

async fn a_payer_chooses_neither_account_nor_a_stored_payment_method(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    for (processor, method) in [
        ("sandbox", "pm_1234567890"),
        ("sandbox", "pm_01k9dcq4w0e7qs9x3v5m8ffh2a"),
        ("sandbox", "cus_a/pm_b"),
        ("offline", "pm_test_success"),
        ("stripe", "pm_test_success"),
    ] {
        let outcome = request.pay_by(&harness, processor, method).await;
        assert!(matches!(outcome, PayOutcome::Refused(_)), "{processor} {method}: {outcome:?}");
    }
    assert_eq!((harness.payment_count(), harness.charges()), (0, 0));
    harness.finish().await;
}

async fn no_page_is_found_by_another_token(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    let right = request.token.as_str();
    let mut others = vec!["000000000000000000000000".to_owned()];
    for place in 0..right.len() {
        let other = if right[place..].starts_with('b') { "c" } else { "b" };
        others.push(format!("{}{other}{}", &right[..place], &right[place + 1..]));
    }
    for other in others {
        let token = PageToken::parse(&other).unwrap();
        assert!(harness.engine.payment_page(&token).await.unwrap().is_none(), "{other}");
        let tried = harness.engine.pay_request(&token, a_try("sandbox", "pm_test_success")).await;
        assert!(tried.unwrap().is_none(), "{other}");
    }
    assert_eq!((harness.payment_count(), harness.charges()), (0, 0));
    harness.finish().await;
}

async fn tries_are_limited(kind: Kind) {
    let harness = Harness::start(kind);
    let request = made(&harness, ask()).await;
    for _ in 0..MAX_TRIES {
        assert!(matches!(pay(&harness, &request, "pm_test_decline").await, PayOutcome::Declined(_)));
    }
    assert_eq!(request.page(&harness).await.tries_left, 0);
    assert_eq!(pay(&harness, &request, "pm_test_success").await, PayOutcome::TooManyTries);
    assert_eq!(harness.charges(), 0);
    harness.finish().await;
}

async fn lists_count_by_status_as_of_now(kind: Kind) {
    let harness = Harness::start(kind);
    let expires_at = Some(harness.clock.now() + chrono::TimeDelta::seconds(60));
    let paid = made(&harness, ask()).await;
    pay(&harness, &paid, "pm_test_success").await;
    made(&harness, ask()).await.cancel(&harness).await;
    let late = made(&harness, CreatePaymentRequest { expires_at, ..ask() }).await;
    pay(&harness, &late, "pm_test_ach").await;
    let _: [Made; 2] =
        [made(&harness, CreatePaymentRequest { expires_at, ..ask() }).await, made(&harness, ask()).await];
    let count =
        async |status: Option<&str>| {
            let status = status.map(|word| word.parse().unwrap());
            let filter = PaymentRequestFilter { status, ..PaymentRequestFilter::default() };
            let page = Page::new(100, Position::Offset(0));
            let listed = json(&harness.engine.list_payment_requests(harness.context(), filter, page).await);
            let items = listed["data"].as_array().unwrap();
            for item in items {
                assert!(status.is_none_or(
                    |status: florin_domain::PaymentRequestStatus| item["status"] == status.as_str()
                ));
            }
            assert_eq!(listed["total_count"], items.len());
            items.len()
        };
    let all = async || {
        let mut counts = vec![count(None).await];
        for status in ["open", "paid", "expired", "canceled"] {
            counts.push(count(Some(status)).await);
        }
        counts
    };
    assert_eq!(all().await, [5, 3, 1, 0, 1]);
    harness.clock.advance(Duration::from_secs(60));
    assert_eq!(all().await, [5, 2, 1, 1, 1]);
    harness.finish().await;
}
