//! What each test payment method of the sandbox does.

mod support;

use std::time::Duration;

use florin_domain::{AttemptKind, MethodType};
use florin_processors::sandbox::{ActionRefused, EntryOutcome, PaymentTally};
use florin_processors::{
    DeclineCode, Found, InvalidMethod, MethodCheck, MovementKind, MovementStatus, Outcome, Processor,
    Request, SandboxSettings, Window,
};
use support::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn each_method_is_usable_or_says_why_not() {
    let card = MethodCheck::Usable { method_type: MethodType::Card };
    let ach = MethodCheck::Usable { method_type: MethodType::Ach };
    let table = [
        ("pm_test_success", card),
        ("pm_1234567890", card),
        ("pm_test_decline", card),
        ("pm_test_insufficient_funds", card),
        ("pm_test_expired", MethodCheck::Invalid(InvalidMethod::Expired)),
        ("pm_test_ach", ach),
        ("pm_test_ach_return", ach),
        ("pm_test_timeout", card),
        ("pm_test_timeout_lost", card),
        ("pm_test_requires_action", card),
        ("pm_test_processor_error", card),
        ("pm_test_refund_fails", card),
        ("pm_test_refund_pending", card),
        ("pm_test_unheard_of", MethodCheck::NotFound),
        ("PM_TEST_SUCCESS", MethodCheck::NotFound),
    ];
    let bench = Bench::new();
    for (id, expected) in table {
        assert_eq!(bench.sandbox.check_method(&method(id)), expected, "{id}");
    }
    assert_eq!(bench.entries(), [], "a check has no effect");
}

fn declined(code: DeclineCode) -> Outcome {
    Outcome::declined(code)
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Unknown { reason: reason.to_owned() }
}

#[test]
fn each_method_answers_a_charge_and_a_look_up_as_its_table_says() {
    let url = format!("https://sandbox.florin.invalid/actions/{}", attempt_id(1));
    let waits = Outcome::RequiresAction { reference: reference(1), url };
    let lost = unknown("the sandbox did not answer in time");
    let error = unknown("the sandbox answered with status 500");
    let done = || (succeeded(1), Found::Outcome(succeeded(1)));
    let refused = |code| (declined(code), Found::Outcome(declined(code)));
    let table = [
        ("pm_test_success", done()),
        ("pm_1234567890", done()),
        ("pm_test_refund_fails", done()),
        ("pm_test_refund_pending", done()),
        ("pm_test_decline", refused(DeclineCode::Declined)),
        ("pm_test_unheard_of", refused(DeclineCode::Declined)),
        ("pm_test_insufficient_funds", refused(DeclineCode::InsufficientFunds)),
        ("pm_test_expired", refused(DeclineCode::ExpiredPaymentMethod)),
        ("pm_test_ach", (pending(1), Found::Outcome(pending(1)))),
        ("pm_test_ach_return", (pending(1), Found::Outcome(pending(1)))),
        ("pm_test_timeout", (lost.clone(), Found::Outcome(succeeded(1)))),
        ("pm_test_timeout_lost", (lost, Found::NotFound)),
        ("pm_test_processor_error", (error, Found::NotFound)),
        ("pm_test_requires_action", (waits.clone(), Found::Outcome(waits))),
    ];
    for (id, (answer, found)) in table {
        let bench = Bench::new();
        assert_eq!(bench.send(charged(1, id)), answer, "{id}");
        assert_eq!(bench.look_up(1, AttemptKind::Charge), found, "{id}");
        let entries = if found == Found::NotFound { 0 } else { 1 };
        assert_eq!(bench.entries().len(), entries, "{id}");
    }
}

#[test]
fn an_attempt_that_was_never_sent_is_not_found_and_neither_is_one_of_another_kind() {
    let bench = Bench::new();
    bench.send(charged(1, "pm_test_success"));
    assert_eq!(bench.look_up(2, AttemptKind::Charge), Found::NotFound);
    assert_eq!(bench.look_up(1, AttemptKind::Refund), Found::NotFound);
}

#[test]
fn an_entry_says_all_that_was_asked_for() {
    let bench = Bench::new();
    bench.send(charged(1, "pm_test_decline"));
    bench.send(refunded(2, 1, 300, "pm_test_success"));
    let text = std::fs::read_to_string(&bench.path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (charge, refund) = (attempt_id(1), attempt_id(2));
    let payment = payment_id(1);
    let refund_id = refund.to_string().replace("att_", "ref_");
    assert_eq!(
        lines,
        [
            format!(
                r#"{{"attempt_id":"{charge}","at":"2025-11-06T19:54:00.123Z","payment_id":"{payment}","kind":"charge","payment_method":"pm_test_decline","amount_minor":1000,"currency":"USD","capture":true,"outcome":"declined","code":"payment_declined","reference":"sandbox_{charge}"}}"#
            ),
            format!(
                r#"{{"attempt_id":"{refund}","at":"2025-11-06T19:54:00.123Z","payment_id":"{payment}","refund_id":"{refund_id}","kind":"refund","payment_method":"pm_test_success","amount_minor":300,"currency":"USD","charge_reference":"sandbox_{charge}","outcome":"succeeded","reference":"sandbox_{refund}"}}"#
            ),
        ]
    );
    let positions: Vec<u64> = bench.entries().iter().map(|entry| entry.at_position).collect();
    assert_eq!(positions, [0, u64::try_from(lines[0].len()).unwrap() + 1]);
}

#[test]
fn a_bank_debit_clears_once_its_delay_has_passed() {
    let bench = Bench::with(SandboxSettings { ach_delay: 5 * SECOND, ..SandboxSettings::default() });
    bench.send(charged(1, "pm_test_ach"));
    bench.pass(5 * SECOND - Duration::from_millis(1));
    assert_eq!(bench.look_up(1, AttemptKind::Charge), Found::Outcome(pending(1)));
    bench.pass(Duration::from_millis(1));
    for _ in 0..2 {
        assert_eq!(bench.look_up(1, AttemptKind::Charge), Found::Outcome(succeeded(1)));
    }
    bench.pass(1000 * SECOND);
    assert_eq!(bench.look_up(1, AttemptKind::Charge), Found::Outcome(succeeded(1)));
    let outcomes: Vec<_> = bench.entries().iter().map(|entry| (entry.outcome, entry.began_as)).collect();
    let cleared = (EntryOutcome::Succeeded, Some(EntryOutcome::Pending));
    assert_eq!(outcomes, [(EntryOutcome::Pending, None), cleared]);
}

#[test]
fn a_debit_that_is_returned_is_first_seen_to_clear() {
    let bench = Bench::new();
    bench.send(charged(1, "pm_test_ach_return"));
    bench.pass(1000 * SECOND);
    assert_eq!(bench.look_up(1, AttemptKind::Charge), Found::Outcome(succeeded(1)));
    assert_eq!(bench.look_up(1, AttemptKind::Charge), Found::Outcome(succeeded(1)));
    bench.pass(1000 * SECOND);
    let returned = Found::Returned { reference: reference(1), reason: "R01 insufficient funds".to_owned() };
    assert_eq!(bench.look_up(1, AttemptKind::Charge), returned);
    assert_eq!(bench.look_up(1, AttemptKind::Charge), returned);
    assert_eq!(bench.send(charged(1, "pm_test_ach_return")), pending(1), "the first answer stands");
    let tally = tally(&bench);
    assert_eq!((tally.captured, tally.returned), (1000, 1000));
}

#[test]
fn a_lost_answer_is_given_when_the_charge_is_sent_again_and_charges_once() {
    let bench = Bench::new();
    assert!(matches!(bench.send(charged(1, "pm_test_timeout")), Outcome::Unknown { .. }));
    assert_eq!(bench.send(charged(1, "pm_test_timeout")), succeeded(1));
    assert_eq!(bench.entries().len(), 1);
}

#[test]
fn what_the_payer_did_is_found_and_only_the_first_deed_counts() {
    for (succeed, expected) in [(true, succeeded(1)), (false, declined(DeclineCode::ActionNotCompleted))] {
        let bench = Bench::new();
        let first = bench.send(charged(1, "pm_test_requires_action"));
        bench.sandbox.complete_action(attempt_id(1), succeed).unwrap();
        assert_eq!(bench.look_up(1, AttemptKind::Charge), Found::Outcome(expected));
        assert_eq!(bench.send(charged(1, "pm_test_requires_action")), first);
        let again = bench.sandbox.complete_action(attempt_id(1), !succeed);
        assert!(matches!(again, Err(ActionRefused::NotWaiting)), "{again:?}");
        assert_eq!(bench.entries().len(), 2);
    }
}

#[test]
fn an_action_is_refused_where_nobody_is_waited_for() {
    let bench = Bench::new();
    assert!(matches!(bench.sandbox.complete_action(attempt_id(1), true), Err(ActionRefused::NotFound)));
    bench.send(charged(1, "pm_test_success"));
    assert!(matches!(bench.sandbox.complete_action(attempt_id(1), false), Err(ActionRefused::NotWaiting)));
    assert_eq!(bench.entries().len(), 1);
}

#[test]
fn a_charge_that_needs_an_absent_payer_is_declined() {
    let bench = Bench::new();
    let mut request = charge(1, "pm_test_requires_action");
    request.off_session = true;
    assert_eq!(bench.send(Request::Charge(request)), declined(DeclineCode::ActionNotCompleted));
}

#[test]
fn refunds_succeed_fail_or_take_their_time() {
    let bench = Bench::with(SandboxSettings { refund_delay: 3 * SECOND, ..SandboxSettings::default() });
    assert_eq!(bench.send(refunded(2, 1, 100, "pm_test_success")), succeeded(2));
    assert_eq!(
        bench.send(refunded(3, 1, 100, "pm_test_refund_fails")),
        declined(DeclineCode::RefundDeclined)
    );
    assert_eq!(bench.send(refunded(4, 1, 100, "pm_test_refund_pending")), pending(4));
    assert_eq!(bench.look_up(4, AttemptKind::Refund), Found::Outcome(pending(4)));
    bench.pass(3 * SECOND);
    assert_eq!(tally(&bench).refunded, 100);
    assert_eq!(bench.look_up(4, AttemptKind::Refund), Found::Outcome(succeeded(4)));
    assert_eq!(tally(&bench).refunded, 200);
}

#[test]
fn the_same_attempt_sent_again_gets_the_first_answer_and_has_no_second_effect() {
    let bench = Bench::new();
    let authorization = charge(2, "pm_test_success");
    let requests = [
        charged(1, "pm_test_insufficient_funds"),
        Request::Authorize(authorization),
        captured(3, 2, 600),
        voided(4, 2),
        refunded(5, 2, 50, "pm_test_refund_pending"),
        charged(6, "pm_test_ach"),
    ];
    let answers = requests.clone().map(|request| bench.send(request));
    let other = bench.another();
    for (request, answer) in requests.into_iter().zip(answers) {
        assert_eq!(bench.send(request.clone()), answer);
        assert_eq!(send(&other, request), answer);
    }
    assert_eq!(bench.entries().len(), 6);
}

#[test]
fn an_attempt_id_is_not_taken_for_a_different_request() {
    let bench = Bench::new();
    bench.send(charged(1, "pm_test_success"));
    let mut dearer = charge(1, "pm_test_success");
    dearer.amount = florin_domain::Amount::new(1001).unwrap();
    for request in [Request::Charge(dearer), charged(1, "pm_test_decline"), voided(1, 1)] {
        let answer = bench.send(request);
        assert!(
            matches!(answer, Outcome::Declined { code: DeclineCode::OperationDeclined, .. }),
            "{answer:?}"
        );
    }
    assert_eq!(bench.entries().len(), 1);
}

fn tally(bench: &Bench) -> PaymentTally {
    florin_processors::sandbox::Books::tally(&bench.path).unwrap()[&payment_id(1)]
}

#[test]
fn the_books_witness_double_charges_and_excessive_refunds_and_do_not_prevent_them() {
    let bench = Bench::new();
    for attempt in [1, 2] {
        let mut request = charge(attempt, "pm_test_success");
        request.payment_id = payment_id(1);
        bench.send(Request::Charge(request));
    }
    let mut reserved = charge(3, "pm_test_success");
    reserved.payment_id = payment_id(1);
    bench.send(Request::Authorize(reserved));
    bench.send(captured(4, 1, 400));
    bench.send(voided(5, 1));
    bench.send(refunded(6, 1, 5000, "pm_test_success"));
    bench.send(refunded(7, 1, 9, "pm_test_refund_fails"));
    let expected = PaymentTally {
        charges: 3,
        authorized: 3000,
        captured: 2400,
        refunded: 5000,
        returned: 0,
        captures: 1,
        voids: 1,
        refunds: 1,
    };
    assert_eq!(tally(&bench), expected);
}

#[tokio::test(start_paused = true)]
async fn each_call_takes_the_latency_and_a_lost_answer_longer_but_the_effect_is_at_once() {
    let settings =
        SandboxSettings { latency: 2 * SECOND, timeout_after: 7 * SECOND, ..SandboxSettings::default() };
    let bench = Bench::with(settings);
    let begun = tokio::time::Instant::now();
    bench.sandbox.send(charged(1, "pm_test_success")).await;
    assert_eq!(begun.elapsed(), 2 * SECOND);
    bench.sandbox.look_up(&about(1, AttemptKind::Charge)).await.unwrap();
    assert_eq!(begun.elapsed(), 4 * SECOND);
    bench.sandbox.send(charged(2, "pm_test_timeout_lost")).await;
    assert_eq!(begun.elapsed(), 13 * SECOND);
    let dropped = tokio::time::timeout(SECOND, bench.sandbox.send(charged(3, "pm_test_success"))).await;
    assert!(dropped.is_err());
    assert_eq!(bench.entries().len(), 2, "the charge that nobody waited for stands");
}

#[test]
fn the_sandbox_keeps_keys_for_ever_and_answers_for_what_it_declares() {
    let bench = Bench::new();
    let capabilities = bench.sandbox.capabilities();
    assert!(capabilities.may_send_again_after(Duration::from_secs(100 * 366 * 24 * 3600)));
    assert!(!capabilities.not_found_is_proof_after(SECOND));
    assert!(capabilities.not_found_is_proof_after(3 * SECOND));
}

#[tokio::test]
async fn the_list_tells_where_each_charge_and_refund_stands() {
    let bench = Bench::new();
    bench.send(charged(1, "pm_test_success"));
    bench.send(charged(2, "pm_test_decline"));
    bench.send(charged(3, "pm_test_ach"));
    for attempt in [4, 5, 6] {
        bench.send(Request::Authorize(charge(attempt, "pm_test_success")));
    }
    bench.send(captured(7, 5, 600));
    bench.send(voided(8, 6));
    bench.send(refunded(9, 1, 300, "pm_test_success"));
    bench.sandbox.list(day(), None).await.unwrap();
    bench.pass(10 * SECOND);
    bench.look_up(3, AttemptKind::Charge);

    use MovementKind::{Charge, Refund};
    use MovementStatus::{Authorized, Failed, Succeeded};
    let expected = [
        (1, Charge, 1000, Succeeded),
        (2, Charge, 1000, Failed),
        (3, Charge, 1000, Succeeded),
        (4, Charge, 1000, Authorized),
        (5, Charge, 600, Succeeded),
        (6, Charge, 1000, Failed),
        (9, Refund, 300, Succeeded),
    ];
    let page = bench.sandbox.list(day(), None).await.unwrap();
    let told: Vec<_> = page
        .movements
        .iter()
        .map(|movement| (movement.attempt_id, movement.kind, movement.amount_minor, movement.status))
        .collect();
    assert_eq!(told, expected.map(|(id, kind, amount, status)| (Some(attempt_id(id)), kind, amount, status)));
    assert_eq!(page.next, None);
    let before = Window { from: day().from - 24 * 3600 * SECOND, until: day().from };
    assert_eq!(bench.sandbox.list(before, None).await.unwrap().movements, []);
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let bench = Bench::new();
    for attempt in 1..=250 {
        bench.send(charged(attempt, "pm_test_success"));
    }
    let (mut told, mut cursor) = (Vec::new(), None);
    loop {
        let page = bench.sandbox.list(day(), cursor).await.unwrap();
        assert!(page.movements.len() <= 100);
        told.extend(page.movements.iter().filter_map(|movement| movement.attempt_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(told, (1..=250).map(attempt_id).collect::<Vec<_>>());
    assert!(bench.sandbox.list(day(), Some("no cursor".to_owned())).await.is_err());
}

/// The day on which the sandbox's clock stands.
fn day() -> Window {
    let from = chrono::DateTime::from_timestamp(1_762_387_200, 0).unwrap();
    Window { from, until: from + 24 * 3600 * SECOND }
}
