//! Finding out what became of an attempt.
//!
//! What is read by its id, and the refunds of a payment intent, are always up to date. A charge whose answer was lost has
//! no id here, and Stripe lets nobody choose one, so it is looked for in two ways that fail differently: the search by
//! our id is behind by up to a minute, and the list is up to date but needs a time, which depends on our clock. Only what
//! neither shows was not found.

use florin_domain::{AttemptId, AttemptKind};
use futures_util::future::try_join_all;

use super::Stripe;
use super::client::{CallFailed, Form};
use super::objects::{Dispute, Page, PaymentIntent, Refund};
use super::states;
use crate::{Found, LookUp, LookupFailed, Outcome};

/// How many pages of a hundred a charge is looked for in, in each part of the time when it may have been made.
const MOST_PAGES: usize = 100;

/// How many such parts there are. Each is asked for on its own, and Stripe allows 100 requests a second.
const PARTS: i64 = 8;

/// How many look-ups read lists at the same time.
pub(super) const LISTING_AT_ONCE: usize = 4;

impl From<CallFailed> for LookupFailed {
    fn from(failed: CallFailed) -> LookupFailed {
        LookupFailed(match failed {
            CallFailed::NotBegun(reason) | CallFailed::Unknown(reason) => reason,
            CallFailed::Refused(error) => error.to_string(),
        })
    }
}

impl Stripe {
    pub(super) async fn find(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        match attempt.kind {
            AttemptKind::Charge => self.find_charge(attempt).await,
            AttemptKind::Capture => {
                let units = self.units_of(attempt)?;
                found(states::captured(&self.acted_on(attempt).await?, units))
            }
            AttemptKind::Void => found(states::voided(&self.acted_on(attempt).await?)),
            AttemptKind::Refund => self.find_refund(attempt).await,
        }
    }

    async fn find_charge(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        let intent = match &attempt.reference {
            Some(id) => self.intent(id).await?,
            None => match self.search(attempt).await? {
                Some(intent) => intent,
                None => return Ok(Found::NotFound),
            },
        };
        self.check_sum(attempt, intent.amount, &intent.currency)?;
        if intent.status == "succeeded"
            && let Some(reason) = self.return_reason(&intent).await?
        {
            return Ok(Found::Returned { reference: intent.id, reason });
        }
        let intent = if is_declined(&intent) { self.close(intent).await? } else { intent };
        found(Some(states::charged(&intent, self.action_page.as_ref())))
    }

    /// Makes a decline final. As long as the payment intent is open, a payer who was sent to act can pay by it with
    /// another card, after the attempt has failed here.
    async fn close(&self, intent: PaymentIntent) -> Result<PaymentIntent, LookupFailed> {
        let path = ["payment_intents", &intent.id, "cancel"];
        let key = format!("close_{}", intent.id);
        let closed: PaymentIntent = match self.client.post(&path, &Form::new(), &key).await {
            Ok(closed) => closed,
            // The payer was quicker, or somebody else has canceled it.
            Err(CallFailed::Refused(error)) => match error.payment_intent {
                Some(intent) if !is_declined(&intent) => *intent,
                _ => return Err(LookupFailed("it was declined and can't be canceled".to_owned())),
            },
            Err(failed) => return Err(failed.into()),
        };
        if closed.id == intent.id { Ok(closed) } else { Err(other_object()) }
    }

    async fn find_refund(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        let refund = match (&attempt.reference, &attempt.charge_reference) {
            (Some(id), _) => {
                let refund = self.client.get::<Refund>(&["refunds", id], &Form::new()).await?;
                if refund.id != *id {
                    return Err(other_object());
                }
                Some(refund)
            }
            (None, Some(charge)) => self.refund_of(charge, attempt.attempt_id).await?,
            (None, None) => {
                return Err(LookupFailed("the reference of the charge is not known".to_owned()));
            }
        };
        let Some(refund) = refund else { return Ok(Found::NotFound) };
        self.check_sum(attempt, refund.amount, &refund.currency)?;
        found(Some(states::refunded(&refund)))
    }

    /// What a capture or a void acts on.
    async fn acted_on(&self, attempt: &LookUp) -> Result<PaymentIntent, LookupFailed> {
        match &attempt.charge_reference {
            Some(id) => self.intent(id).await,
            None => Err(LookupFailed("the reference of the charge is not known".to_owned())),
        }
    }

    /// A payment intent that Stripe has named before. Should it not know it any more, it is asked with the key of another
    /// account, and that proves nothing.
    async fn intent(&self, id: &str) -> Result<PaymentIntent, LookupFailed> {
        let whole_charge = vec![("expand[]", "latest_charge".to_owned())];
        let intent: PaymentIntent = self.client.get(&["payment_intents", id], &whole_charge).await?;
        if intent.id == id { Ok(intent) } else { Err(other_object()) }
    }

    /// Looks for the charge of an attempt whose answer was lost.
    async fn search(&self, attempt: &LookUp) -> Result<Option<PaymentIntent>, LookupFailed> {
        let id = attempt.attempt_id;
        let mut ids = Vec::new();
        if self.options.filters_lists {
            let query = format!("metadata['florin_attempt_id']:'{id}'");
            // Accounts in some countries have no search.
            let hits: Option<Page<PaymentIntent>> =
                match self.client.list(&["payment_intents", "search"], &vec![("query", query)]).await {
                    Err(CallFailed::Refused(_)) => None,
                    answer => Some(answer?),
                };
            let hits = hits.map(|hits| hits.data).unwrap_or_default();
            if !hits.iter().all(is_of(id)) {
                return Err(other_object());
            }
            ids.extend(hits.into_iter().map(|intent| intent.id));
        }
        if ids.is_empty() {
            ids = self.search_list(attempt).await?;
        }
        match ids.as_slice() {
            [] => Ok(None),
            // A hit may be old by a minute.
            [id] => self.intent(id).await.map(Some),
            several => Err(LookupFailed(format!("{id} made {} payment intents: {several:?}", several.len()))),
        }
    }

    /// Looks through the list of payment intents of the time when it was made. Of few it is one page; of many, all parts of
    /// that time are read at once, since together they have to be read before the look-up's deadline. A few look-ups do so at
    /// a time, since Stripe counts its requests, too.
    async fn search_list(&self, attempt: &LookUp) -> Result<Vec<String>, LookupFailed> {
        let _turn = self.turns.acquire().await;
        let made = attempt.attempt_id.created_at().timestamp();
        let tolerance = i64::try_from(self.options.clock_tolerance_seconds).unwrap_or(i64::MAX / 4);
        let delay = i64::try_from(self.options.max_delay_seconds).unwrap_or(i64::MAX / 4);
        let window = (made - tolerance, made + tolerance + delay);
        let page = self.listed(window, None).await?;
        if !page.has_more {
            return Ok(ids_of(attempt.attempt_id, page).collect());
        }
        let parts = if self.options.filters_lists { parts(window, PARTS) } else { vec![window] };
        let parts = parts.into_iter().map(|part| self.search_part(attempt.attempt_id, part));
        Ok(try_join_all(parts).await?.concat())
    }

    async fn search_part(&self, id: AttemptId, part: (i64, i64)) -> Result<Vec<String>, LookupFailed> {
        let mut ids = Vec::new();
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let page = self.listed(part, after.take()).await?;
            after = page.data.last().filter(|_| page.has_more).map(|intent| intent.id.clone());
            ids.extend(ids_of(id, page));
            if after.is_none() {
                return Ok(ids);
            }
        }
        if ids.is_empty() {
            return Err(LookupFailed("there are too many payment intents of that time".to_owned()));
        }
        Ok(ids)
    }

    /// A page of the payment intents that were made in these seconds, the first and the last included.
    async fn listed(
        &self,
        (from, until): (i64, i64),
        after: Option<String>,
    ) -> Result<Page<PaymentIntent>, LookupFailed> {
        let mut query = vec![("limit", "100".to_owned())];
        if self.options.filters_lists {
            query.push(("created[gte]", from.to_string()));
            query.push(("created[lte]", until.to_string()));
        }
        query.extend(after.map(|id| ("starting_after", id)));
        Ok(self.client.list(&["payment_intents"], &query).await?)
    }

    async fn refund_of(&self, charge: &str, id: AttemptId) -> Result<Option<Refund>, LookupFailed> {
        let mut after = None;
        loop {
            let mut query = vec![("payment_intent", charge.to_owned()), ("limit", "100".to_owned())];
            query.extend(after.take().map(|id| ("starting_after", id)));
            let page: Page<Refund> = self.client.list(&["refunds"], &query).await?;
            let is_of_charge =
                |refund: &Refund| refund.payment_intent.as_deref().is_none_or(|of| of == charge);
            if !page.data.iter().all(is_of_charge) {
                return Err(other_object());
            }
            after = page.data.last().map(|refund| refund.id.clone());
            let has_more = page.has_more && after.is_some();
            let is_ours = |refund: &Refund| {
                refund.metadata.as_ref().and_then(|metadata| metadata.attempt_id()) == Some(id)
            };
            match page.data.into_iter().find(is_ours) {
                Some(refund) => return Ok(Some(refund)),
                None if !has_more => return Ok(None),
                None => {}
            }
        }
    }

    /// The bank's reason, where a bank debit that had cleared was taken back. Stripe tells it as a dispute, which for bank
    /// debits is lost as it begins.
    async fn return_reason(&self, intent: &PaymentIntent) -> Result<Option<String>, LookupFailed> {
        let charge = intent.latest_charge.as_ref();
        let is_debit = |kind: &str| kind == "us_bank_account";
        let taken_back = charge.is_some_and(|charge| {
            charge.disputed && charge.payment_method_details.as_ref().is_some_and(|d| is_debit(&d.kind))
        });
        if !taken_back {
            return Ok(None);
        }
        let query = vec![("payment_intent", intent.id.clone()), ("limit", "100".to_owned())];
        let page: Page<Dispute> = self.client.list(&["disputes"], &query).await?;
        let lost = page.data.into_iter().find(|dispute| dispute.status != "won");
        Ok(lost.map(|dispute| dispute.reason.replace('_', " ")))
    }

    fn units_of(&self, attempt: &LookUp) -> Result<i64, LookupFailed> {
        let units = self.capabilities.to_units(attempt.amount, attempt.currency);
        units.map_err(|refused| LookupFailed(refused.to_string()))
    }

    /// What was found is the attempt's only if its sum is.
    fn check_sum(&self, attempt: &LookUp, amount: i64, currency: &str) -> Result<(), LookupFailed> {
        if amount == self.units_of(attempt)? && currency.eq_ignore_ascii_case(attempt.currency.code()) {
            return Ok(());
        }
        Err(LookupFailed(format!("Stripe's sum is {amount} {currency}, which is not the attempt's")))
    }
}

fn is_declined(intent: &PaymentIntent) -> bool {
    intent.status == "requires_payment_method" && intent.last_payment_error.is_some()
}

/// As a connection that got out of step brings it.
fn other_object() -> LookupFailed {
    LookupFailed("the answer is about something else".to_owned())
}

/// Cuts a time into parts that follow each other without gap or overlap. Both ends of each are part of it.
fn parts((from, until): (i64, i64), count: i64) -> Vec<(i64, i64)> {
    let length = (until - from) / count + 1;
    let starts = (0..count).map(|number| from + number * length).take_while(|start| *start <= until);
    starts.map(|start| (start, until.min(start + length - 1))).collect()
}

/// The payment intents of a page that an attempt made.
fn ids_of(id: AttemptId, page: Page<PaymentIntent>) -> impl Iterator<Item = String> {
    page.data.into_iter().filter(is_of(id)).map(|intent| intent.id)
}

fn is_of(id: AttemptId) -> impl Fn(&PaymentIntent) -> bool {
    move |intent| intent.metadata.attempt_id() == Some(id)
}

/// A state that tells nothing is no answer.
fn found(outcome: Option<Outcome>) -> Result<Found, LookupFailed> {
    match outcome {
        None => Ok(Found::NotFound),
        Some(Outcome::Unknown { reason }) => Err(LookupFailed(reason)),
        Some(outcome) => Ok(Found::Outcome(outcome)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_time_have_each_second_once() {
        for (until, count) in [(0, 8), (6, 8), (7, 8), (8, 8), (2099, 8), (2100, 7), (2101, 7)] {
            let cut = parts((0, until), count);
            let seconds: Vec<i64> = cut.iter().flat_map(|(from, until)| *from..=*until).collect();
            assert_eq!(seconds, (0..=until).collect::<Vec<_>>(), "{cut:?}");
            assert!(i64::try_from(cut.len()).unwrap() <= count);
        }
    }
}
