//! Charges, once each.

use florin_domain::AttemptKind;

use super::{Bench, Checked, ensure, found_success, named, succeeded};
use crate::{Found, Outcome, Request};

pub(super) async fn charge_succeeds(bench: &Bench<'_>) -> Checked {
    succeeded(bench.processor.charge(bench.charge()).await)?;
    succeeded(bench.processor.authorize(bench.charge()).await)?;
    Ok(true)
}

pub(super) async fn found_by_reference(bench: &Bench<'_>) -> Checked {
    for request in [Request::Charge(bench.charge()), Request::Authorize(bench.charge())] {
        let reference = succeeded(bench.send(&request).await)?;
        found_success(bench.look_up(&request, Some(&reference)).await?, &reference)?;
    }
    Ok(true)
}

pub(super) async fn found_without_reference(bench: &Bench<'_>) -> Checked {
    for request in [Request::Charge(bench.charge()), Request::Authorize(bench.charge())] {
        let reference = succeeded(bench.send(&request).await)?;
        found_success(bench.look_up(&request, None).await?, &reference)?;
    }
    Ok(true)
}

pub(super) async fn unsent_is_not_found(bench: &Bench<'_>) -> Checked {
    let (charge, authorization) = (bench.charge(), bench.charge());
    let charged = succeeded(bench.processor.charge(charge.clone()).await)?;
    let authorized = succeeded(bench.processor.authorize(authorization.clone()).await)?;
    let unsent = [
        Request::Charge(bench.charge()),
        Request::Capture(bench.capture(&authorization, &authorized, bench.amount)),
        Request::Void(bench.void(&authorization, &authorized)),
        Request::Refund(bench.refund(&charge, &charged, bench.amount)),
    ];
    for request in unsent {
        let found = bench.look_up(&request, None).await?;
        ensure(found == Found::NotFound, || {
            format!("a {} that was never sent is {found:?}", named(request.kind()))
        })?;
    }
    Ok(true)
}

pub(super) async fn same_charge_once(bench: &Bench<'_>) -> Checked {
    for request in [Request::Charge(bench.charge()), Request::Authorize(bench.charge())] {
        let first = succeeded(bench.send(&request).await)?;
        let again = succeeded(bench.send(&request).await)?;
        ensure(first == again, || format!("sent twice, it is {first} and {again}"))?;
        one_effect(bench, &request).await?;
    }
    Ok(true)
}

pub(super) async fn same_charge_at_once(bench: &Bench<'_>) -> Checked {
    let request = Request::Charge(bench.charge());
    let (one, other) = tokio::join!(bench.send(&request), bench.send(&request));
    let mut references = Vec::new();
    for outcome in [one, other] {
        match outcome {
            Outcome::Succeeded { reference } => references.push(reference),
            // The one that comes second may be told only that the first is under way.
            Outcome::Unknown { .. } => {}
            outcome => return Err(format!("sent twice at once, one is {outcome:?}")),
        }
    }
    references.dedup();
    ensure(references.len() == 1, || format!("sent twice at once, it is {references:?}"))?;
    found_success(bench.look_up(&request, None).await?, &references[0])?;
    one_effect(bench, &request).await
}

pub(super) async fn other_charge_never(bench: &Bench<'_>) -> Checked {
    let charge = bench.charge();
    let reference = succeeded(bench.processor.charge(charge.clone()).await)?;
    let mut dearer = charge.clone();
    dearer.amount = bench.less(-2)?;
    let outcome = bench.processor.charge(dearer).await;
    ensure(matches!(outcome, Outcome::Declined { .. } | Outcome::Unknown { .. }), || {
        format!("the same attempt with another amount is {outcome:?}")
    })?;
    let request = Request::Charge(charge);
    found_success(bench.look_up(&request, None).await?, &reference)?;
    one_effect(bench, &request).await
}

/// Where there is a list, it has one movement of the attempt.
async fn one_effect(bench: &Bench<'_>, request: &Request) -> Checked {
    debug_assert_eq!(request.kind(), AttemptKind::Charge);
    if bench.processor.capabilities().lists {
        let id = request.attempt_id();
        let all = bench.list_around(id).await?;
        let effects = all.iter().filter(|movement| movement.attempt_id == Some(id)).count();
        ensure(effects == 1, || format!("the list has {effects} movements of one attempt"))?;
    }
    Ok(true)
}
