//! Charges, captures, cancellations and refunds through the engine.

mod common;

use std::time::Duration;

use common::{
    Fate, Harness, Kind, authorize, create, id, json, record, refund, tells, test_on_each_database, told,
};
use florin_domain::AttemptKind;
use florin_engine::requests::{CreateRefund, Page, PaymentFilter, Position};

test_on_each_database! {
    a_charge_succeeds_and_is_refunded_in_parts,
    an_outcome_that_is_unknown_is_found_out_later,
    what_could_not_be_sent_may_be_tried_again,
    less_than_the_authorization_is_captured_and_no_more_than_that_is_refunded,
    objects_of_another_tenant_or_mode_are_not_found,
}

async fn a_charge_succeeds_and_is_refunded_in_parts(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let created = engine.create_payment(harness.context(), create("pm_test_success"), None).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(json(&created)["status"], "succeeded");
    let refunded = engine.refund_payment(harness.context(), id(&created), refund(400), None).await;
    assert_eq!((refunded.status, json(&refunded)["status"].as_str()), (200, Some("succeeded")));
    let all = CreateRefund::default();
    let rest = engine.refund_payment(harness.context(), id(&created), all.clone(), None).await;
    assert_eq!(json(&rest)["amount"], 600);
    assert_eq!(harness.find(id(&created)).await["payment_status"], "REFUNDED");
    let none = engine.refund_payment(harness.context(), id(&created), all, None).await;
    assert_eq!(told(&none), tells(409, "payment_already_refunded"));
    let page = Page::new(10, Position::Offset(0));
    let listed = engine.list_payments(harness.context(), PaymentFilter::default(), page).await;
    let shown = harness.find(id(&created)).await;
    assert_eq!(json(&listed)["data"][0], shown, "a list shows a payment as it is shown alone");
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1), "attempts are charges, not refunds");
    harness.finish().await;
}

async fn an_outcome_that_is_unknown_is_found_out_later(kind: Kind) {
    let harness = Harness::start(kind);
    for (method, status) in [("pm_test_timeout", "succeeded"), ("pm_test_timeout_lost", "failed")] {
        let created = harness.engine.create_payment(harness.context(), create(method), None).await;
        assert_eq!((created.status, json(&created)["payment_status"].as_str()), (202, Some("PROCESSING")));
        assert_eq!(harness.recover_after(Duration::from_secs(60)).await, 1);
        assert_eq!(harness.find(id(&created)).await["status"], status);
    }
    harness.finish().await;
}

async fn what_could_not_be_sent_may_be_tried_again(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    for of_kind in AttemptKind::ALL {
        harness.processor.set(*of_kind, Fate::NotSent);
    }
    let created = engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    assert_eq!(told(&created), tells(402, "processor_unreachable"));
    let payment_id = json(&created)["error"]["payment_id"].as_str().expect("the payment").parse();
    let payment_id = payment_id.expect("a payment's id");
    assert_eq!(harness.find(payment_id).await["status"], "failed");

    harness.processor.set(AttemptKind::Charge, Fate::Answered);
    let processed = engine.process_payment(harness.context(), payment_id, None, None).await;
    assert_eq!((processed.status, json(&processed)["payment_status"].as_str()), (200, Some("AUTHORIZED")));

    let unreachable = tells(402, "processor_unreachable");
    let canceled = engine.cancel_payment(harness.context(), payment_id, None, None).await;
    assert_eq!(told(&canceled), unreachable);
    assert_eq!(harness.find(payment_id).await["payment_status"], "AUTHORIZED");
    let captured = engine.capture_payment(harness.context(), payment_id, None, None).await;
    assert_eq!(told(&captured), unreachable);
    assert_eq!(harness.find(payment_id).await["payment_status"], "AUTHORIZED");

    harness.processor.set(AttemptKind::Capture, Fate::Answered);
    let captured = engine.capture_payment(harness.context(), payment_id, None, None).await;
    assert_eq!(json(&captured)["status"], "succeeded", "{}", captured.body);
    let refunded = engine.refund_payment(harness.context(), payment_id, refund(1), None).await;
    assert_eq!((refunded.status, json(&refunded)["status"].as_str()), (200, Some("failed")));
    assert_eq!(harness.find(payment_id).await["amount_refundable"], 1000);
    harness.finish().await;
}

async fn less_than_the_authorization_is_captured_and_no_more_than_that_is_refunded(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let created = engine.create_payment(harness.context(), authorize("pm_test_success"), None).await;
    let payment_id = id(&created);
    let too_much = engine.capture_payment(harness.context(), payment_id, Some(common::amount(1001)), None);
    assert_eq!(told(&too_much.await), tells(422, "amount_exceeds_authorized"));
    let captured =
        engine.capture_payment(harness.context(), payment_id, Some(common::amount(300)), None).await;
    assert_eq!(json(&captured)["amount_captured"], 300);
    let too_much = engine.refund_payment(harness.context(), payment_id, refund(301), None).await;
    assert_eq!(told(&too_much), tells(422, "refund_exceeds_available"));
    let refunded = engine.refund_payment(harness.context(), payment_id, refund(300), None).await;
    assert_eq!(json(&refunded)["status"], "succeeded");
    harness.finish().await;
}

async fn objects_of_another_tenant_or_mode_are_not_found(kind: Kind) {
    let harness = Harness::start(kind);
    let engine = &harness.engine;
    let payment_id = id(&engine.create_payment(harness.context(), record("pm_test_success"), None).await);
    let stranger = florin_domain::TenantId::from_uuid(uuid::Uuid::now_v7());
    for others in [
        common::context(stranger, florin_domain::Mode::Test),
        common::context(harness.tenant, florin_domain::Mode::Live),
    ] {
        let not_found = tells(404, "payment_not_found");
        assert_eq!(told(&engine.find_payment(others.clone(), payment_id).await), not_found);
        assert_eq!(told(&engine.process_payment(others.clone(), payment_id, None, None).await), not_found);
        assert_eq!(told(&engine.capture_payment(others.clone(), payment_id, None, None).await), not_found);
        assert_eq!(told(&engine.cancel_payment(others.clone(), payment_id, None, None).await), not_found);
        assert_eq!(
            told(&engine.refund_payment(others.clone(), payment_id, refund(1), None).await),
            not_found
        );
        let change = florin_engine::requests::UpdatePayment::default();
        assert_eq!(told(&engine.update_payment(others, payment_id, change).await), not_found);
    }
    assert_eq!(harness.find(payment_id).await["payment_status"], "PENDING");
    harness.finish().await;
}
