//! What the page of a payment request shows, and paying on it.
//!
//! Whoever has the link may see the page and pay. There is no key, no session and no realm: the token names them all.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use florin_domain::{
    Amount, CaptureMethod, Currency, Description, InvoiceNumber, MethodRef, MethodType, Mode, PageToken,
    PaymentRequestId, PaymentRequestType, TenantId,
};

use crate::engine::Engine;
use crate::views::{ErrorCode, Refused};

/// All that the page of a payment request shows.
#[derive(Clone, Debug)]
pub struct PaymentPage {
    /// The request.
    pub request_id: PaymentRequestId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Whether real money moves.
    pub mode: Mode,
    /// What the tenant is called.
    pub merchant: String,
    /// What is paid for.
    pub kind: PaymentRequestType,
    /// How much, in minor units.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// What for, in the merchant's words.
    pub description: Option<Description>,
    /// The number of the invoice that is paid by it.
    pub invoice_number: Option<InvoiceNumber>,
    /// Manual when the money is only reserved, and taken later.
    pub capture_method: CaptureMethod,
    /// Until when it can be paid.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where the payer goes afterwards: an http or https address.
    pub success_url: Option<String>,
    /// Where it stands.
    pub state: PageState,
    /// Why the last try failed, while it can be tried again.
    pub last_decline: Option<PageDecline>,
    /// What can be paid with now; none when the tenant has nothing that takes such a payment.
    pub offer: Option<PageOffer>,
    /// How often it may still be tried.
    pub tries_left: u32,
}

/// Where a payment request stands, as its payer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageState {
    /// It can be paid.
    Open,
    /// A try is under way, or its outcome is not known yet: a bank debit clears, or the processor has not answered. Look
    /// again in a while.
    BeingPaid,
    /// The payer has to act at this address, and comes back to the page.
    ActionRequired {
        /// Where.
        url: String,
    },
    /// It was paid, or reserved where the capture method is manual.
    Paid {
        /// When.
        at: DateTime<Utc>,
    },
    /// Its time is over.
    Expired {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The merchant has called it off, or is about to.
    Canceled,
    /// Its invoice was paid otherwise, is void, or has not so much left.
    InvoiceClosed,
}

/// Why a try failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageDecline {
    /// For programs: one of those with status 402.
    pub code: ErrorCode,
    /// For people, in English.
    pub message: String,
}

/// What can be paid with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOffer {
    /// The account that takes the payment; sent back with the token, which is good nowhere else.
    pub processor: String,
    /// The kinds of payment methods that it takes in the currency: `CARD` and `ACH` at most.
    pub method_types: Vec<MethodType>,
    /// How the payer's payment method becomes a token.
    pub form: PageForm,
}

/// How the payer's payment method becomes a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageForm {
    /// The sandbox: one of its test payment methods is chosen.
    Sandbox {
        /// Their ids, such as `pm_test_success`, in the order in which they are offered.
        methods: Vec<&'static str>,
    },
    /// Stripe's own element collects it, and gives a `pm_…`.
    Stripe {
        /// The account's publishable key.
        publishable_key: String,
    },
}

/// A try at paying.
#[derive(Clone, Debug)]
pub struct PayTry {
    /// [`PageOffer::processor`], as the form sends it back.
    pub processor: String,
    /// The token.
    pub method: MethodRef,
    /// What kind of payment method it is, where the processor can't tell; a card when absent.
    pub method_type: Option<MethodType>,
    /// From where.
    pub address: Option<IpAddr>,
    /// The request, for the log.
    pub request_id: Arc<str>,
}

/// What a try at paying comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayOutcome {
    /// This try has paid, or reserved where the capture method is manual.
    Paid,
    /// Nothing was paid; another try may be made.
    Declined(PageDecline),
    /// The payer has to act at this address, and comes back to the page.
    ActionRequired {
        /// Where.
        url: String,
    },
    /// The outcome is not known yet; the page will show it.
    Pending,
    /// Nothing was tried, since another try is under way.
    BeingPaid,
    /// Nothing was tried, since it was paid already.
    AlreadyPaid,
    /// Nothing was tried, since its time is over.
    Expired,
    /// Nothing was tried, since it was canceled or is to be.
    Canceled,
    /// Nothing was tried, since it was tried too often.
    TooManyTries,
    /// Nothing was tried, for a reason that the payer can do something about, or that passes: the payment method is unknown
    /// or has expired, the invoice is closed, the offer has changed, the server is busy.
    Refused(Refused),
}

impl Engine {
    /// What the page of that token shows; none when there is no such page.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub async fn payment_page(&self, token: &PageToken) -> Result<Option<PaymentPage>, Refused> {
        let _ = token;
        Err(Refused::overloaded())
    }

    /// Pays the request of that token; none when there is no such page.
    ///
    /// Of any number of tries at once one goes to the processor, and the rest are told that it is being paid.
    ///
    /// # Errors
    /// 503 when the database is away: the outcome is unknown then, and the page will tell.
    pub async fn pay_request(&self, token: &PageToken, pay: PayTry) -> Result<Option<PayOutcome>, Refused> {
        let _ = (token, pay);
        Err(Refused::overloaded())
    }
}
