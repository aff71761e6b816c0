//! The limits that pages pass: lists wait first, and who is refused is told when to come back.

use std::sync::{Arc, Mutex};

use florin_dashboard::{AdmitVisit, Admitted, DashboardSettings, Urgency};
use florin_domain::Currency;
use florin_engine::views::{ErrorCode, Refused};

use crate::world::with_world_of;

#[test]
fn lists_wait_before_payments_and_who_asks_too_often_is_told_when_to_come_back() {
    let seen: Arc<Mutex<Vec<Urgency>>> = Arc::default();
    let refused: Arc<Mutex<Option<Refused>>> = Arc::default();
    let (noting, refusing) = (Arc::clone(&seen), Arc::clone(&refused));
    let admit_visit: AdmitVisit = Arc::new(move |urgency, _caller| {
        noting.lock().unwrap().push(urgency);
        let answer = match refusing.lock().unwrap().clone() {
            Some(refused) if urgency == Urgency::CanWait || refused.code != ErrorCode::Overloaded => {
                Err(refused)
            }
            _ => Ok(Box::new(()) as Admitted),
        };
        Box::pin(std::future::ready(answer))
    });
    with_world_of(&DashboardSettings { admit_visit, ..DashboardSettings::default() }, async |world| {
        *refused.lock().unwrap() = None;
        let id = world.paid(5000, Currency::EUR).await;
        let browser = world.admin().await;
        let payment = format!("/dashboard/test/payments/{id}");
        let refund = format!("{payment}/refund");
        let review = browser.get(&format!("{refund}?step=review&amount=1.00")).await;
        seen.lock().unwrap().clear();
        for path in ["/dashboard/test", "/dashboard/test/payments", &payment, &refund] {
            assert_eq!(browser.get(path).await.status, 200, "{path}");
        }
        use Urgency::{CanWait, Pressing};
        assert_eq!(*seen.lock().unwrap(), [CanWait, CanWait, Pressing, Pressing]);

        *refused.lock().unwrap() = Some(Refused::overloaded());
        let shed = browser.get("/dashboard/test/payments").await;
        assert_eq!((shed.status, shed.header("retry-after")), (503, "1"), "{}", shed.body);
        assert!(shed.body.contains("Try again in a moment") && shed.body.contains("busy"), "{}", shed.body);
        let done = browser.submit(&review, &refund, &[("amount", "1.00"), ("reason", "")]).await;
        assert_eq!(done.status, 303, "money is not kept waiting: {}", done.body);

        let limited = Refused::new(ErrorCode::RateLimitExceeded, "This user may make 100.").retry_after(42);
        *refused.lock().unwrap() = Some(limited);
        for page in [browser.get(&payment).await, browser.poll("/dashboard/test/payments/rows").await] {
            assert_eq!((page.status, page.header("retry-after")), (429, "42"), "{}", page.body);
            assert!(page.tells("This user may make 100."), "{}", page.body);
        }
        assert_eq!(browser.get("/dashboard/sign-in").await.status, 200, "whoever is nobody has other limits");
    });
}
