//! What is declined, and what waits for the payer.

use florin_domain::{Amount, Currency};

use super::{Bench, Checked, declined, ensure};
use crate::{ChargeRequest, Currencies, DeclineCode, Found, MethodCheck, Outcome, Request};

pub(super) async fn decline_is_told(bench: &Bench<'_>) -> Checked {
    for request in [
        Request::Charge(bench.charge_of(&bench.methods.declined)),
        Request::Authorize(bench.charge_of(&bench.methods.declined)),
    ] {
        declined(&bench.send(&request).await)?;
        no_success(bench, &request).await?;
    }
    Ok(true)
}

pub(super) async fn unheard_of_is_declined(bench: &Bench<'_>) -> Checked {
    let method = &bench.methods.unheard_of;
    let checked = bench.processor.check_method(method);
    ensure(!matches!(checked, MethodCheck::Usable { .. }), || format!("{method} is said to be {checked:?}"))?;
    let request = Request::Charge(bench.charge_of(method));
    declined(&bench.send(&request).await)?;
    no_success(bench, &request).await
}

pub(super) async fn inexpressible_is_declined(bench: &Bench<'_>) -> Checked {
    let capabilities = bench.processor.capabilities();
    let mut applies = false;
    for (currency, _) in &capabilities.units {
        let inexpressible = (1..=1000).filter_map(|minor| Amount::new(minor).ok());
        let mut inexpressible =
            inexpressible.filter(|amount| capabilities.to_units(*amount, *currency).is_err());
        let Some(amount) = inexpressible.next() else { continue };
        applies = true;
        refused(bench, ChargeRequest { amount, currency: *currency, ..bench.charge() }).await?;
    }
    Ok(applies)
}

pub(super) async fn untaken_is_declined(bench: &Bench<'_>) -> Checked {
    let Currencies::Only(taken) = &bench.processor.capabilities().currencies else { return Ok(false) };
    let sorted = taken.windows(2).all(|pair| pair[0] < pair[1]);
    ensure(sorted, || "the currencies are not sorted".to_owned())?;
    let Some(currency) = Currency::all().find(|currency| !taken.contains(currency)) else { return Ok(false) };
    refused(bench, ChargeRequest { currency, ..bench.charge() }).await?;
    Ok(true)
}

pub(super) async fn action_has_address(bench: &Bench<'_>) -> Checked {
    let Some(method) = &bench.methods.needs_action else { return Ok(false) };
    let request =
        Request::Charge(ChargeRequest { return_url: bench.return_url.clone(), ..bench.charge_of(method) });
    let outcome = bench.send(&request).await;
    let Outcome::RequiresAction { url, reference } = &outcome else {
        return Err(format!("no action is required: {outcome:?}"));
    };
    ensure(url.starts_with("https://"), || format!("the payer would be sent to {url}"))?;
    for known in [Some(reference.as_str()), None] {
        let found = bench.look_up(&request, known).await?;
        ensure(found == Found::Outcome(outcome.clone()), || format!("a look-up finds {found:?}"))?;
    }
    Ok(true)
}

pub(super) async fn absent_payer_is_declined(bench: &Bench<'_>) -> Checked {
    let Some(method) = &bench.methods.needs_action else { return Ok(false) };
    let charge =
        ChargeRequest { off_session: true, return_url: bench.return_url.clone(), ..bench.charge_of(method) };
    match bench.processor.charge(charge).await {
        Outcome::Declined { code: DeclineCode::ActionNotCompleted, may_retry_elsewhere: false, .. } => {
            Ok(true)
        }
        other => Err(format!("the payer is absent: {other:?}")),
    }
}

/// A charge is declined and leaves nothing behind.
async fn refused(bench: &Bench<'_>, charge: ChargeRequest) -> Result<(), String> {
    let request = Request::Charge(charge.clone());
    declined(&bench.send(&request).await)?;
    // It can't be looked up by its sum, which has none at the processor; a list would tell of it.
    if bench.processor.capabilities().lists {
        let all = bench.list_around(charge.attempt_id).await?;
        let is_there = all.iter().any(|movement| movement.attempt_id == Some(charge.attempt_id));
        ensure(!is_there, || format!("{} {} was sent", charge.amount.minor(), charge.currency))?;
    }
    Ok(())
}

async fn no_success(bench: &Bench<'_>, request: &Request) -> Checked {
    match bench.look_up(request, None).await? {
        Found::NotFound | Found::Outcome(Outcome::Declined { .. }) => Ok(true),
        other => Err(format!("it was declined, and a look-up finds {other:?}")),
    }
}
