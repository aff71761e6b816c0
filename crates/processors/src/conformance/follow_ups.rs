//! Captures, voids and refunds.

use florin_domain::Amount;

use super::{Bench, Checked, declined, ensure, found_success, succeeded};
use crate::{ChargeRequest, Request};

/// An authorization, and its reference.
async fn authorized(bench: &Bench<'_>) -> Result<(ChargeRequest, String), String> {
    let charge = bench.charge();
    let reference = succeeded(bench.processor.authorize(charge.clone()).await)?;
    Ok((charge, reference))
}

/// A charge, and its reference.
async fn charged(bench: &Bench<'_>) -> Result<(ChargeRequest, String), String> {
    let charge = bench.charge();
    let reference = succeeded(bench.processor.charge(charge.clone()).await)?;
    Ok((charge, reference))
}

async fn capture_of(bench: &Bench<'_>, amount: Amount) -> Checked {
    let (charge, reference) = authorized(bench).await?;
    let request = Request::Capture(bench.capture(&charge, &reference, amount));
    let captured = succeeded(bench.send(&request).await)?;
    for known in [Some(captured.as_str()), None] {
        found_success(bench.look_up(&request, known).await?, &captured)?;
    }
    Ok(true)
}

pub(super) async fn capture_in_full(bench: &Bench<'_>) -> Checked {
    capture_of(bench, bench.amount).await
}

pub(super) async fn capture_in_part(bench: &Bench<'_>) -> Checked {
    if !bench.processor.capabilities().partial_capture {
        return Ok(false);
    }
    capture_of(bench, bench.less(2)?).await
}

pub(super) async fn same_capture_once(bench: &Bench<'_>) -> Checked {
    let (charge, reference) = authorized(bench).await?;
    let request = Request::Capture(bench.capture(&charge, &reference, bench.amount));
    let first = succeeded(bench.send(&request).await)?;
    let again = succeeded(bench.send(&request).await)?;
    ensure(first == again, || format!("captured twice, it is {first} and {again}"))?;
    Ok(true)
}

pub(super) async fn void_releases(bench: &Bench<'_>) -> Checked {
    let (charge, reference) = authorized(bench).await?;
    let request = Request::Void(bench.void(&charge, &reference));
    let voided = succeeded(bench.send(&request).await)?;
    for known in [Some(voided.as_str()), None] {
        found_success(bench.look_up(&request, known).await?, &voided)?;
    }
    Ok(true)
}

pub(super) async fn voided_is_not_captured(bench: &Bench<'_>) -> Checked {
    let (charge, reference) = authorized(bench).await?;
    succeeded(bench.processor.void(bench.void(&charge, &reference)).await)?;
    declined(&bench.processor.capture(bench.capture(&charge, &reference, bench.amount)).await)?;
    Ok(true)
}

pub(super) async fn captured_is_not_voided(bench: &Bench<'_>) -> Checked {
    let (charge, reference) = authorized(bench).await?;
    succeeded(bench.processor.capture(bench.capture(&charge, &reference, bench.amount)).await)?;
    declined(&bench.processor.void(bench.void(&charge, &reference)).await)?;
    Ok(true)
}

pub(super) async fn refund_in_parts(bench: &Bench<'_>) -> Checked {
    let (charge, reference) = charged(bench).await?;
    let mut references = Vec::new();
    for amount in [bench.less(2)?, bench.less(bench.amount.minor() - 2)?] {
        let request = Request::Refund(bench.refund(&charge, &reference, amount));
        let refunded = succeeded(bench.send(&request).await)?;
        for known in [Some(refunded.as_str()), None] {
            found_success(bench.look_up(&request, known).await?, &refunded)?;
        }
        references.push(refunded);
    }
    ensure(references[0] != references[1], || format!("two refunds are both {}", references[0]))?;
    ensure(!references.contains(&reference), || "a refund has the reference of its charge".to_owned())?;
    Ok(true)
}

pub(super) async fn same_refund_once(bench: &Bench<'_>) -> Checked {
    let (charge, reference) = charged(bench).await?;
    let request = Request::Refund(bench.refund(&charge, &reference, bench.less(2)?));
    let first = succeeded(bench.send(&request).await)?;
    let again = succeeded(bench.send(&request).await)?;
    ensure(first == again, || format!("refunded twice, it is {first} and {again}"))?;
    Ok(true)
}

pub(super) async fn no_refund_beyond(bench: &Bench<'_>) -> Checked {
    let (charge, reference) = charged(bench).await?;
    declined(&bench.processor.refund(bench.refund(&charge, &reference, bench.less(-2)?)).await)?;
    succeeded(bench.processor.refund(bench.refund(&charge, &reference, bench.amount)).await)?;
    declined(&bench.processor.refund(bench.refund(&charge, &reference, bench.amount)).await)?;
    Ok(true)
}
