//! Payment requests: what a merchant asks somebody to pay on a page, and the one payment that comes of it.
//!
//! A request names its payment, which the first try makes, and a payment names its request. What a request is follows
//! from its payment ([`PaymentRequest::follow`]) and from the time ([`PaymentRequest::status`]); nobody sets it.

use chrono::{DateTime, Utc};

use crate::{
    Actor, Amount, CaptureMethod, Currency, CustomerId, Description, Destination, Metadata, Mode, PageToken,
    Payment, PaymentId, PaymentRequestId, Reason, State, TenantId, Total,
};

named_enum! {
    /// What somebody is asked to pay for.
    PaymentRequestType {
        /// Something that is sold once.
        Product => "product",
        /// A subscription.
        Subscription => "subscription",
        /// An invoice.
        Invoice => "invoice",
    }
}

named_enum! {
    /// Where a payment request stands.
    PaymentRequestStatus {
        /// It can be paid, or somebody is paying.
        Open => "open",
        /// Its payment has brought the money, or has reserved it where it is captured later.
        Paid => "paid",
        /// Its time is over, and nothing was paid.
        Expired => "expired",
        /// It was called off before anything was paid.
        Canceled => "canceled",
    }
}

named_enum! {
    /// What is stored of where a payment request stands: all but what only the time decides.
    PaymentRequestState {
        /// Nothing has ended it.
        Open => "open",
        /// It was paid.
        Paid => "paid",
        /// It was canceled.
        Canceled => "canceled",
    }
}

/// How often a payer may try to pay one request, so that nobody tries out cards on it.
pub const MAX_TRIES: u32 = 20;

/// What a new payment request is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPaymentRequest {
    /// The request; its creation time is the id's own.
    pub id: PaymentRequestId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What its page is found by.
    pub token: PageToken,
    /// What for.
    pub kind: PaymentRequestType,
    /// How much, in minor units.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// What for, in the merchant's words.
    pub description: Option<Description>,
    /// Who is asked.
    pub customer_id: Option<CustomerId>,
    /// The invoice that is paid by it.
    pub destination: Option<Destination>,
    /// When the money is taken: manual makes a pre-authorization.
    pub capture_method: CaptureMethod,
    /// Until when it can be paid.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where the payer goes afterwards.
    pub success_url: Option<String>,
    /// The merchant's own data, which the payment gets too.
    pub metadata: Metadata,
    /// Who asked for it.
    pub created_by: Actor,
}

/// Something that a merchant asks somebody to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequest {
    /// What it was made of; never changes.
    pub terms: NewPaymentRequest,
    /// Its payment, once somebody has tried to pay.
    pub payment_id: Option<PaymentId>,
    /// Whether its payment waits for an outcome: it is charged, the payer acts, or a cancellation is carried out.
    pub charging: bool,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was canceled.
    pub canceled_at: Option<DateTime<Utc>>,
    /// When its cancellation was asked for.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// Why, in the merchant's words.
    pub cancellation_reason: Option<Reason>,
    /// When it was last sent by e-mail.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// Counts the changes from 1.
    pub revision: i64,
    /// How many events told of it.
    pub event_count: i64,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// Why a payment request can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRequestRefused {
    /// It would be over before it began.
    #[error("a payment request has to expire in the future")]
    ExpiresTooEarly,
    /// A request for an invoice names none.
    #[error("a payment request of type invoice names the invoice")]
    NoInvoice,
    /// A request that is not for an invoice names one.
    #[error("a payment request of type {0} names no invoice")]
    TakesNoInvoice(PaymentRequestType),
}

/// Why a payment request takes no charge, or can't be canceled or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpen {
    /// It was paid.
    #[error("the payment request is paid")]
    Paid,
    /// Its time is over.
    #[error("the payment request has expired")]
    Expired,
    /// It was canceled.
    #[error("the payment request is canceled")]
    Canceled,
    /// Its cancellation was asked for, and waits for the outcome of a charge.
    #[error("the payment request is being canceled")]
    Canceling,
}

/// A canceled payment request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestCancellation {
    /// It is canceled.
    Done(PaymentRequest),
    /// A charge is under way, or its outcome unknown: that it shall be canceled is remembered. Its payment has to be
    /// canceled in the same commit.
    Remembered(PaymentRequest),
}

impl PaymentRequest {
    /// A new request that nobody has paid.
    ///
    /// # Errors
    /// [`PaymentRequestRefused`], which says why not.
    ///
    /// ```
    /// # use florin_domain::*;
    /// # let uuid = "preq_01jcy1p2bqfz0bkmjj3c4nx7g5".parse::<PaymentRequestId>().unwrap().uuid();
    /// let request = PaymentRequest::create(NewPaymentRequest {
    ///     id: PaymentRequestId::from_uuid(uuid),
    ///     tenant_id: TenantId::from_uuid(uuid),
    ///     mode: Mode::Test,
    ///     token: PageToken::parse("0a1b2c3d4e5f6g7h8i9jKLMN").unwrap(),
    ///     kind: PaymentRequestType::Product,
    ///     amount: Amount::new(4900).unwrap(),
    ///     currency: Currency::parse("EUR").unwrap(),
    ///     description: None,
    ///     customer_id: None,
    ///     destination: None,
    ///     capture_method: CaptureMethod::Automatic,
    ///     expires_at: None,
    ///     success_url: None,
    ///     metadata: Metadata::default(),
    ///     created_by: Actor::System,
    /// });
    /// let request = request.unwrap();
    /// assert_eq!(request.status(request.updated_at), PaymentRequestStatus::Open);
    /// ```
    pub fn create(terms: NewPaymentRequest) -> Result<PaymentRequest, PaymentRequestRefused> {
        let created_at = terms.id.created_at();
        if terms.expires_at.is_some_and(|expires_at| expires_at <= created_at) {
            return Err(PaymentRequestRefused::ExpiresTooEarly);
        }
        match (terms.kind, &terms.destination) {
            (PaymentRequestType::Invoice, None) => return Err(PaymentRequestRefused::NoInvoice),
            (PaymentRequestType::Product | PaymentRequestType::Subscription, Some(_)) => {
                return Err(PaymentRequestRefused::TakesNoInvoice(terms.kind));
            }
            (PaymentRequestType::Invoice, Some(_))
            | (PaymentRequestType::Product | PaymentRequestType::Subscription, None) => {}
        }
        Ok(PaymentRequest {
            payment_id: None,
            charging: false,
            paid_at: None,
            canceled_at: None,
            cancel_requested_at: None,
            cancellation_reason: None,
            last_sent_at: None,
            revision: 1,
            event_count: 0,
            updated_by: terms.created_by,
            updated_at: created_at,
            terms,
        })
    }

    /// What is stored of where it stands.
    pub fn state(&self) -> PaymentRequestState {
        match (self.paid_at, self.canceled_at) {
            (Some(_), _) => PaymentRequestState::Paid,
            (None, Some(_)) => PaymentRequestState::Canceled,
            (None, None) => PaymentRequestState::Open,
        }
    }

    /// Where it stands at that time. While a charge is under way its time is not over: the outcome decides.
    pub fn status(&self, at: DateTime<Utc>) -> PaymentRequestStatus {
        match self.state() {
            PaymentRequestState::Paid => PaymentRequestStatus::Paid,
            PaymentRequestState::Canceled => PaymentRequestStatus::Canceled,
            PaymentRequestState::Open if self.is_over(at) && !self.charging => PaymentRequestStatus::Expired,
            PaymentRequestState::Open => PaymentRequestStatus::Open,
        }
    }

    /// Whether it has expired by the clock, whatever is under way.
    fn is_over(&self, at: DateTime<Utc>) -> bool {
        self.terms.expires_at.is_some_and(|expires_at| expires_at <= at)
    }

    /// Checks that somebody may be asked to pay it, or be charged. That nothing is under way is the payment's own to check.
    ///
    /// # Errors
    /// [`NotOpen`], which says why not.
    pub fn check_chargeable(&self, at: DateTime<Utc>) -> Result<(), NotOpen> {
        self.check_open(at)?;
        if self.cancel_requested_at.is_some() { Err(NotOpen::Canceling) } else { Ok(()) }
    }

    /// Checks that it is open.
    ///
    /// # Errors
    /// [`NotOpen`], which says what it is instead.
    pub fn check_open(&self, at: DateTime<Utc>) -> Result<(), NotOpen> {
        match self.status(at) {
            PaymentRequestStatus::Open => Ok(()),
            PaymentRequestStatus::Paid => Err(NotOpen::Paid),
            PaymentRequestStatus::Expired => Err(NotOpen::Expired),
            PaymentRequestStatus::Canceled => Err(NotOpen::Canceled),
        }
    }

    /// The request after a change of its payment; none when nothing follows from that. The first payment that names the
    /// request becomes its payment, and there is never a second.
    ///
    /// It is paid when the money is captured, or reserved by a payment that is captured later, and stays paid whatever
    /// becomes of the money then. It is canceled when its payment is, or when the charge that its cancellation waited for
    /// has failed.
    pub fn follow(&self, payment: &Payment, at: DateTime<Utc>) -> Option<PaymentRequest> {
        let is_its_own = self.payment_id.is_none_or(|own| own == payment.id);
        if self.state() != PaymentRequestState::Open || !is_its_own {
            return None;
        }
        let mut next = self.changed(at, payment.updated_by);
        next.payment_id = Some(payment.id);
        match payment.state() {
            State::Processing => next.charging = true,
            State::Captured | State::PartiallyRefunded | State::Refunded | State::Authorized => {
                next.charging = false;
                next.paid_at = Some(at);
            }
            State::Canceled => {
                next.charging = false;
                next.canceled_at = Some(at);
            }
            State::Pending | State::Failed => {
                next.charging = false;
                next.canceled_at = self.cancel_requested_at.map(|_| at);
            }
        }
        let same = |one: &PaymentRequest| (one.payment_id, one.charging, one.state());
        (same(&next) != same(self)).then_some(next)
    }

    /// Cancels the request, or remembers that it shall be canceled.
    ///
    /// # Errors
    /// [`NotOpen`] when it is over, and then nothing has changed.
    pub fn cancel(
        &self,
        reason: Option<Reason>,
        at: DateTime<Utc>,
        by: Actor,
    ) -> Result<RequestCancellation, NotOpen> {
        self.check_open(at)?;
        let mut next = self.changed(at, by);
        next.cancel_requested_at = self.cancel_requested_at.or(Some(at));
        next.cancellation_reason = reason.or_else(|| self.cancellation_reason.clone());
        if self.charging {
            return Ok(RequestCancellation::Remembered(next));
        }
        next.canceled_at = Some(at);
        Ok(RequestCancellation::Done(next))
    }

    /// The request after it was sent by e-mail.
    #[must_use]
    pub fn sent(&self, at: DateTime<Utc>, by: Actor) -> PaymentRequest {
        let mut next = self.changed(at, by);
        next.last_sent_at = Some(at);
        next
    }

    /// The request with one more event told of it; the event's sequence number is the new count.
    #[must_use]
    pub fn with_event(mut self) -> PaymentRequest {
        self.event_count = self.event_count.saturating_add(1);
        self
    }

    /// What contradicts itself in a stored request, if anything does.
    pub fn contradiction(&self) -> Option<&'static str> {
        let is_over = self.state() != PaymentRequestState::Open;
        match () {
            () if self.paid_at.is_some() && self.canceled_at.is_some() => Some("it is paid and canceled"),
            () if self.paid_at.is_some() && self.payment_id.is_none() => {
                Some("it is paid and names no payment")
            }
            () if self.charging && self.payment_id.is_none() => Some("it is charged and names no payment"),
            () if self.charging && is_over => Some("it is over and charged"),
            () => None,
        }
    }

    /// What the request and its payment contradict each other in, if in anything.
    pub fn contradiction_with(&self, payment: &Payment) -> Option<&'static str> {
        let has_paid = payment.facts.authorized() == Total::from(self.amount);
        match (self.state(), payment.state()) {
            (PaymentRequestState::Paid, _) if has_paid => None,
            (PaymentRequestState::Paid, _) => Some("it is paid, and its payment has not brought its amount"),
            (PaymentRequestState::Canceled, State::Canceled | State::Failed | State::Pending) => None,
            (PaymentRequestState::Canceled, _) => Some("it is canceled, and its payment is not over"),
            (PaymentRequestState::Open, State::Processing) if self.charging => None,
            (PaymentRequestState::Open, State::Failed | State::Pending) if !self.charging => None,
            (PaymentRequestState::Open, State::Processing | State::Failed | State::Pending) => {
                Some("it tells otherwise than its payment whether something is under way")
            }
            (
                PaymentRequestState::Open,
                State::Authorized
                | State::Captured
                | State::PartiallyRefunded
                | State::Refunded
                | State::Canceled,
            ) => Some("its payment is over, and it is open"),
        }
    }

    fn changed(&self, at: DateTime<Utc>, by: Actor) -> PaymentRequest {
        let mut next = self.clone();
        next.revision = self.revision.saturating_add(1);
        next.updated_at = at;
        next.updated_by = by;
        next
    }
}

impl std::ops::Deref for PaymentRequest {
    type Target = NewPaymentRequest;

    fn deref(&self) -> &NewPaymentRequest {
        &self.terms
    }
}
