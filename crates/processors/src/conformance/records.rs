//! What the processor tells of its own accord, and its lists.

use std::time::Duration;

use super::{Bench, Checked, ensure, succeeded};
use crate::{MovementKind, MovementStatus, WebhookRequest, Window};

pub(super) async fn unsigned_is_refused(bench: &Bench<'_>) -> Checked {
    let now = bench.charge().attempt_id.created_at();
    let bodies: [&[u8]; 4] = [b"", b"{}", b"\xff\x00", br#"{"id":"evt_1","type":"x","data":{"object":{}}}"#];
    for body in bodies {
        let parsed = bench.processor.parse_webhook(&WebhookRequest { header: &|_| None, body, now });
        ensure(parsed.is_err(), || format!("nobody signed it, and it is taken: {parsed:?}"))?;
        let nonsense = WebhookRequest { header: &|_| Some("t=1,v1=00"), body, now };
        let parsed = bench.processor.parse_webhook(&nonsense);
        ensure(parsed.is_err(), || format!("it was signed with nonsense, and is taken: {parsed:?}"))?;
    }
    Ok(true)
}

pub(super) async fn list_tells_all(bench: &Bench<'_>) -> Checked {
    if !bench.processor.capabilities().lists {
        return Ok(false);
    }
    let (paid, reserved, refused) =
        (bench.charge(), bench.charge(), bench.charge_of(&bench.methods.declined));
    let charged = succeeded(bench.processor.charge(paid.clone()).await)?;
    let authorized = succeeded(bench.processor.authorize(reserved.clone()).await)?;
    bench.processor.charge(refused.clone()).await;
    let refund = bench.refund(&paid, &charged, bench.less(2)?);
    let refunded = succeeded(bench.processor.refund(refund.clone()).await)?;

    let all = bench.list_around(paid.attempt_id).await?;
    let sum = bench.amount.minor();
    let expected = [
        (paid.attempt_id, charged, MovementKind::Charge, sum, MovementStatus::Succeeded),
        (reserved.attempt_id, authorized, MovementKind::Charge, sum, MovementStatus::Authorized),
        (refund.attempt_id, refunded, MovementKind::Refund, sum - 2, MovementStatus::Succeeded),
    ];
    for (attempt_id, reference, kind, amount, status) in expected {
        let told: Vec<_> = all.iter().filter(|movement| movement.attempt_id == Some(attempt_id)).collect();
        let [movement] = told.as_slice() else {
            return Err(format!("the list has {} movements of {attempt_id}", told.len()));
        };
        let found = (&movement.reference, movement.kind, movement.amount_minor, movement.status);
        ensure(found == (&reference, kind, amount, status), || format!("the list has {movement:?}"))?;
        ensure(movement.currency == bench.currency, || format!("the currency is {}", movement.currency))?;
    }
    let of_refused = all.iter().find(|movement| movement.attempt_id == Some(refused.attempt_id));
    ensure(of_refused.is_none_or(|movement| movement.status == MovementStatus::Failed), || {
        format!("it was declined, and the list has {of_refused:?}")
    })?;
    Ok(true)
}

pub(super) async fn list_keeps_to_window(bench: &Bench<'_>) -> Checked {
    if !bench.processor.capabilities().lists {
        return Ok(false);
    }
    let charge = bench.charge();
    succeeded(bench.processor.charge(charge.clone()).await)?;
    let (at, hour) = (charge.attempt_id.created_at(), Duration::from_secs(3600));
    for window in
        [Window { from: at - 2 * hour, until: at - hour }, Window { from: at + hour, until: at + 2 * hour }]
    {
        let all = bench.list(window).await?;
        let is_there = all.iter().any(|movement| movement.attempt_id == Some(charge.attempt_id));
        ensure(!is_there, || format!("the list of {window:?} has a charge of {at}"))?;
    }
    Ok(true)
}
