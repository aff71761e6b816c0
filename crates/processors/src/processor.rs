//! What Florin asks of a payment processor.

use async_trait::async_trait;
use florin_domain::{MethodRef, MethodType, Mode};

use crate::{
    Capabilities, CaptureRequest, ChargeRequest, Found, ListFailed, LookUp, LookupFailed, MovementPage,
    Outcome, ProcessorEvent, RefundRequest, Request, VoidRequest, WebhookRefused, WebhookRequest, Window,
};

/// A payment processor, as its connector presents it. `docs/adding-a-processor.md` tells how to write one, and
/// `conformance` (a feature of this crate) checks what one has to keep to.
///
/// Implementations keep no state that matters: after a crash, [`Processor::look_up`] must tell from the processor's own
/// records what became of an attempt.
///
/// Whoever drops the future of a request learns nothing: the effect may have happened.
#[async_trait]
pub trait Processor: Send + Sync + 'static {
    /// The name that payments and attempts carry in their `processor` field.
    fn name(&self) -> &str;

    /// Whether it takes payments of this mode: a sandbox never takes live ones.
    fn serves(&self, mode: Mode) -> bool;

    /// What it can do, and what can be relied on when an answer is missing.
    fn capabilities(&self) -> &Capabilities;

    /// Says, before anything happens, whether a payment method exists and may be charged.
    fn check_method(&self, method: &MethodRef) -> MethodCheck;

    /// How a payer's payment method becomes a token, on a page of Florin's own; none, by default, where it can't there.
    fn payer_form(&self) -> Option<PayerForm> {
        None
    }

    /// Reserves money.
    async fn authorize(&self, request: ChargeRequest) -> Outcome;

    /// Takes money.
    async fn charge(&self, request: ChargeRequest) -> Outcome;

    /// Takes money that was reserved.
    async fn capture(&self, request: CaptureRequest) -> Outcome;

    /// Gives up a reservation.
    async fn void(&self, request: VoidRequest) -> Outcome;

    /// Gives money back.
    async fn refund(&self, request: RefundRequest) -> Outcome;

    /// Asks where an attempt that was sent, or may have been sent, stands now. Moves nothing; at most it makes a failure
    /// final, where the processor would let the payer try again.
    async fn look_up(&self, attempt: &LookUp) -> Result<Found, LookupFailed>;

    /// Checks that a webhook was sent by the processor, and tells what it is about.
    ///
    /// Nothing in it is believed: it only says which attempts to look up. So its order, repetitions and delays do not
    /// matter.
    ///
    /// # Errors
    /// [`WebhookRefused`], by default for every webhook.
    fn parse_webhook(&self, _webhook: &WebhookRequest<'_>) -> Result<Vec<ProcessorEvent>, WebhookRefused> {
        Err(WebhookRefused::NotSupported)
    }

    /// Lists what moved, or was to move, in a window of time: a page of it, from `cursor` on, in no particular order.
    ///
    /// # Errors
    /// [`ListFailed`], by default [`ListFailed::NotSupported`]; [`Capabilities::lists`] says so beforehand.
    async fn list(&self, _window: Window, _cursor: Option<String>) -> Result<MovementPage, ListFailed> {
        Err(ListFailed::NotSupported)
    }

    /// Carries out a request by the operation that it is for.
    async fn send(&self, request: Request) -> Outcome {
        match request {
            Request::Authorize(request) => self.authorize(request).await,
            Request::Charge(request) => self.charge(request).await,
            Request::Capture(request) => self.capture(request).await,
            Request::Void(request) => self.void(request).await,
            Request::Refund(request) => self.refund(request).await,
        }
    }
}

/// How a payer's payment method becomes a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayerForm {
    /// One of these test payment methods is chosen.
    TestMethods(&'static [&'static str]),
    /// An element of Stripe's collects it, and gives a `pm_…`.
    Stripe {
        /// What the element identifies the account by. No secret.
        publishable_key: String,
    },
}

/// Whether a payment method may be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodCheck {
    /// It may.
    Usable {
        /// What kind of payment method it is.
        method_type: MethodType,
    },
    /// It looks like one of the processor's; what kind it is, and whether it may be charged, shows when it is.
    Unchecked,
    /// There is no such payment method.
    NotFound,
    /// It exists and may not be charged.
    Invalid(InvalidMethod),
}

/// Why a payment method that exists may not be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidMethod {
    /// It has expired.
    Expired,
    /// It was detached from its customer.
    Detached,
}
