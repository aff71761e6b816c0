//! Stripe's own list of what moved, for reconciliation: first all payment intents of a window, then all refunds.

use chrono::{DateTime, Utc};
use florin_domain::Currency;

use super::Stripe;
use super::client::{CallFailed, Form};
use super::objects::{Page, PaymentIntent, Refund};
use crate::{ListFailed, Movement, MovementKind, MovementPage, MovementStatus, Window};

/// What cursors begin with, before the id of the last object seen.
const INTENTS: &str = "payment_intents";
const REFUNDS: &str = "refunds";

impl From<CallFailed> for ListFailed {
    fn from(failed: CallFailed) -> ListFailed {
        ListFailed::Unanswered(match failed {
            CallFailed::NotBegun(reason) | CallFailed::Unknown(reason) => reason,
            CallFailed::Refused(error) => error.to_string(),
        })
    }
}

impl Stripe {
    pub(super) async fn list_page(
        &self,
        window: Window,
        cursor: Option<String>,
    ) -> Result<MovementPage, ListFailed> {
        let cursor = cursor.unwrap_or_else(|| INTENTS.to_owned());
        let (objects, after) = cursor.split_once(' ').unwrap_or((cursor.as_str(), ""));
        let query = self.list_query(window, after);
        if objects == REFUNDS {
            let page: Page<Refund> = self.client.list(&["refunds"], &query).await?;
            let next = next_of(&page, REFUNDS, |refund| &refund.id);
            let movements = page.data.iter().map(|refund| self.refund_movement(refund));
            return Ok(MovementPage { movements: within(window, movements)?, next });
        }
        let page: Page<PaymentIntent> = self.client.list(&["payment_intents"], &query).await?;
        let next = next_of(&page, INTENTS, |intent| &intent.id).unwrap_or_else(|| REFUNDS.to_owned());
        let movements = page.data.iter().map(|intent| self.charge_movement(intent));
        Ok(MovementPage { movements: within(window, movements)?, next: Some(next) })
    }

    fn list_query(&self, window: Window, after: &str) -> Form {
        let mut query = vec![("limit", "100".to_owned())];
        if self.options.filters_lists {
            // Stripe's times are whole seconds: the first and the last may hold more than the window.
            query.push(("created[gte]", window.from.timestamp().to_string()));
            query.push(("created[lte]", window.until.timestamp().to_string()));
        }
        if !after.is_empty() {
            query.push(("starting_after", after.to_owned()));
        }
        query
    }

    fn charge_movement(&self, intent: &PaymentIntent) -> Result<Movement, ListFailed> {
        let status = match intent.status.as_str() {
            "succeeded" => MovementStatus::Succeeded,
            "requires_capture" => MovementStatus::Authorized,
            "canceled" | "requires_payment_method" => MovementStatus::Failed,
            _ => MovementStatus::Open,
        };
        let captured = intent.amount_received.filter(|_| status == MovementStatus::Succeeded);
        let (amount_minor, currency) = self.sum(captured.unwrap_or(intent.amount), &intent.currency)?;
        Ok(Movement {
            reference: intent.id.clone(),
            attempt_id: intent.metadata.attempt_id(),
            payment_id: intent.metadata.payment_id(),
            kind: MovementKind::Charge,
            amount_minor,
            currency,
            status,
            at: time(intent.created)?,
        })
    }

    fn refund_movement(&self, refund: &Refund) -> Result<Movement, ListFailed> {
        let (amount_minor, currency) = self.sum(refund.amount, &refund.currency)?;
        Ok(Movement {
            reference: refund.id.clone(),
            attempt_id: refund.metadata.as_ref().and_then(|metadata| metadata.attempt_id()),
            payment_id: refund.metadata.as_ref().and_then(|metadata| metadata.payment_id()),
            kind: MovementKind::Refund,
            amount_minor,
            currency,
            status: match refund.status.as_deref() {
                Some("succeeded") => MovementStatus::Succeeded,
                Some("failed" | "canceled") => MovementStatus::Failed,
                _ => MovementStatus::Open,
            },
            at: time(refund.created)?,
        })
    }

    fn sum(&self, units: i64, code: &str) -> Result<(i64, Currency), ListFailed> {
        let unreadable = || ListFailed::Unanswered(format!("the sum {units} {code} can't be read"));
        let currency = Currency::parse(code).map_err(|_| unreadable())?;
        Ok((self.capabilities.from_units(units, currency).map_err(|_| unreadable())?, currency))
    }
}

/// The movements of the window: an imitation that can't narrow its lists down gives others as well.
fn within(
    window: Window,
    movements: impl Iterator<Item = Result<Movement, ListFailed>>,
) -> Result<Vec<Movement>, ListFailed> {
    let is_within = |movement: &Movement| window.from <= movement.at && movement.at < window.until;
    movements.filter(|movement| movement.as_ref().map_or(true, is_within)).collect()
}

fn next_of<T>(page: &Page<T>, objects: &str, id: impl Fn(&T) -> &String) -> Option<String> {
    let last = page.data.last().filter(|_| page.has_more)?;
    Some(format!("{objects} {}", id(last)))
}

fn time(seconds: i64) -> Result<DateTime<Utc>, ListFailed> {
    DateTime::from_timestamp(seconds, 0)
        .ok_or_else(|| ListFailed::Unanswered(format!("the time {seconds} can't be read")))
}
