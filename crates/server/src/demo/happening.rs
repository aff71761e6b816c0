//! What can happen in the made-up shop, and when.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{InvoiceId, PageToken, PaymentId, PaymentRequestId};

/// Something that happens at its time.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// Somebody buys something.
    Order,
    /// Somebody buys something that is captured when it is sent.
    OrderAhead,
    /// A company is sent an invoice.
    Invoice,
    /// Somebody is sent a link to pay by.
    AskToPay,
    /// A request to pay is paid on its page, with a test payment method.
    PayRequest(PageToken, &'static str),
    /// A request to pay is called off.
    CancelRequest(PaymentRequestId),
    /// A customer is given credits, and buys with them later.
    Grant,
    /// A payment is tried again with another payment method.
    Retry(PaymentId, &'static str),
    /// Money goes back: so much of it, or all that is left.
    Refund(PaymentId, Option<i64>),
    /// An authorized payment is captured: so much of it, or all.
    Capture(PaymentId, Option<i64>),
    /// A payment is not gone through with.
    Cancel(PaymentId),
    /// A payer confirms, or does not, what their bank asks.
    Confirm(PaymentId, bool),
    /// An invoice is paid, or a part of it.
    PayInvoice(Owed),
    /// An invoice is given up.
    VoidInvoice(InvoiceId),
    /// A customer pays by credits.
    SpendCredits(usize, i64),
    /// Whatever is open is looked up.
    LookUp,
}

/// What is to be paid of an invoice, by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    pub(super) invoice_id: InvoiceId,
    pub(super) amount: i64,
    pub(super) currency_code: &'static str,
    pub(super) person: usize,
}

/// What is to come, the next thing first.
#[derive(Default)]
pub(super) struct Agenda {
    coming: BTreeMap<(DateTime<Utc>, usize), Happening>,
    count: usize,
}

impl Agenda {
    /// Something is to happen then.
    pub(super) fn add(&mut self, at: DateTime<Utc>, happening: Happening) {
        self.count += 1;
        self.coming.insert((at, self.count), happening);
    }

    /// Something is to happen so much later.
    pub(super) fn after(&mut self, now: DateTime<Utc>, later: TimeDelta, happening: Happening) {
        self.add(now.checked_add_signed(later).unwrap_or(now), happening);
    }

    /// What comes next, if it does before the end.
    pub(super) fn next(&mut self, end: DateTime<Utc>) -> Option<(DateTime<Utc>, Happening)> {
        let ((at, _), happening) = self.coming.pop_first()?;
        (at < end).then_some((at, happening))
    }
}
