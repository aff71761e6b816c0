//! What the page of a payment request shows, and paying on it.
//!
//! Whoever has the link may see the page and pay. There is no key, no session and no realm: the token names them all.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use florin_domain::{
    Actor, Amount, CaptureMethod, Currency, Description, Invoice, InvoiceNumber, MAX_TRIES, MethodRef,
    MethodType, Mode, NotOpen, PageToken, Payment, PaymentId, PaymentRequest, PaymentRequestId,
    PaymentRequestStatus, PaymentRequestType, TenantId,
};
use florin_storage::access::find_tenant;
use florin_storage::{AnyConnection, InRealm, StorageError, load_payments, read};

use crate::commands::{Pay, PayBegun, Requester};
use crate::engine::{Engine, Inner};
use crate::reading::unavailable;
use crate::resources::STALE_AGAIN;
use crate::routing::Routes;
use crate::views::{Answer, ErrorCode, Refused, page_url};
use crate::writer::WriteFailed;

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
    /// What is added to the page's address, as its query, where the payer comes back to; may be empty.
    pub return_query: String,
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
        let Some(found) = self.inner.request_of_page(token).await? else { return Ok(None) };
        let realm = found.request.realm();
        let sender = self.inner.sender(realm).await?;
        Ok(Some(page(found, &sender.routes, self.inner.now())))
    }

    /// Pays the request of that token; none when there is no such page.
    ///
    /// Of any number of tries at once one goes to the processor, and the rest are told that it is being paid.
    ///
    /// # Errors
    /// 503 when the database is away: the outcome is unknown then, and the page will tell.
    pub async fn pay_request(&self, token: &PageToken, pay: PayTry) -> Result<Option<PayOutcome>, Refused> {
        let (inner, token) = (Arc::clone(&self.inner), token.clone());
        if inner.is_closed() {
            return Ok(Some(PayOutcome::Refused(Refused::overloaded())));
        }
        // It goes on when the payer's browser hangs up.
        let work = self.inner.outlive(async move { inner.pay(&token, &pay).await });
        work.await.unwrap_or_else(|_panicked| Err(Refused::outcome_unknown()))
    }
}

/// A payment request with what surrounds it, as of one moment or nearly.
struct Found {
    request: PaymentRequest,
    payment: Option<Payment>,
    invoice: Option<Invoice>,
    merchant: String,
}

impl Inner {
    async fn request_of_page(&self, token: &PageToken) -> Result<Option<Found>, Refused> {
        let token = token.clone();
        let found = self.read(move |connection| find_by_token(connection, &token)).await;
        found.map_err(|error| unavailable(&error))
    }

    async fn pay(self: &Arc<Self>, token: &PageToken, pay: &PayTry) -> Result<Option<PayOutcome>, Refused> {
        for _ in 0..STALE_AGAIN {
            let Some(found) = self.request_of_page(token).await? else { return Ok(None) };
            let request = found.request;
            let realm = request.realm();
            let requester = Requester {
                realm,
                actor: Actor::Payer,
                request_id: Arc::clone(&pay.request_id),
                address: pay.address,
            };
            let sender = self.sender(realm).await?;
            let (processor, method_type) = match sender.routes.accept(&request, pay) {
                Ok(accepted) => accepted,
                Err(refused) => return Ok(Some(PayOutcome::Refused(refused))),
            };
            let command = Pay {
                requester: requester.clone(),
                sender,
                id: request.id,
                payment_id: request.payment_id,
                new_payment_id: PaymentId::from_uuid(self.ids.next(self.now())),
                processor,
                method: pay.method.clone(),
                method_type,
                return_url: with_query(page_url(&request, &self.settings.public_url), &pay.return_query),
            };
            match self.write(command).await {
                Ok(PayBegun::Stale) => {}
                Ok(PayBegun::Send(sending)) => {
                    let answer = self.carry_out(*sending, requester).await;
                    return self.outcome(token, &answer).await;
                }
                Ok(begun) => return Ok(outcome_of(begun)),
                Err(WriteFailed::NotWritten) => {
                    return Ok(Some(PayOutcome::Refused(Refused::overloaded())));
                }
                Err(WriteFailed::Unknown) => return Err(Refused::outcome_unknown()),
            }
        }
        Ok(Some(PayOutcome::Refused(Refused::overloaded())))
    }

    /// What a try came to that was sent: its decline as it was answered, and else where the request stands now.
    async fn outcome(&self, token: &PageToken, answer: &Answer) -> Result<Option<PayOutcome>, Refused> {
        if answer.status == 402
            && let Some(decline) = decline_of(answer)
        {
            return Ok(Some(PayOutcome::Declined(decline)));
        }
        let Some(found) = self.request_of_page(token).await? else { return Ok(None) };
        Ok(Some(match state(&found, self.now()) {
            PageState::Paid { .. } => PayOutcome::Paid,
            PageState::ActionRequired { url } => PayOutcome::ActionRequired { url },
            PageState::Canceled => PayOutcome::Canceled,
            PageState::Open | PageState::BeingPaid | PageState::Expired { .. } | PageState::InvoiceClosed => {
                PayOutcome::Pending
            }
        }))
    }
}

fn with_query(url: String, query: &str) -> String {
    if query.is_empty() { url } else { format!("{url}?{query}") }
}

fn outcome_of(begun: PayBegun) -> Option<PayOutcome> {
    Some(match begun {
        PayBegun::NotOpen(NotOpen::Paid) => PayOutcome::AlreadyPaid,
        PayBegun::NotOpen(NotOpen::Expired) => PayOutcome::Expired,
        PayBegun::NotOpen(NotOpen::Canceled | NotOpen::Canceling) => PayOutcome::Canceled,
        PayBegun::BeingPaid => PayOutcome::BeingPaid,
        PayBegun::TooManyTries => PayOutcome::TooManyTries,
        PayBegun::Refused(refused) => PayOutcome::Refused(refused),
        PayBegun::Send(_) | PayBegun::Stale => return None,
    })
}

/// The decline that an answer tells of.
fn decline_of(answer: &Answer) -> Option<PageDecline> {
    let body: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    let word = body["error"]["code"].as_str()?;
    let code = ErrorCode::ALL.iter().copied().find(|code| code.as_str() == word)?;
    Some(PageDecline { code, message: answer.error_message().unwrap_or_default() })
}

fn find_by_token(connection: &mut AnyConnection, token: &PageToken) -> Result<Option<Found>, StorageError> {
    let Some(request) = read::find_request_of_page(connection, token)? else { return Ok(None) };
    let realm = request.realm();
    let payment = match request.payment_id {
        Some(id) => load_payments(connection, &BTreeSet::from([(realm, id)]))?.pop().map(|found| found.0),
        None => None,
    };
    let invoice = match &request.destination {
        Some(destination) => read::find_invoice(connection, realm, destination.invoice_id)?,
        None => None,
    };
    let merchant = find_tenant(connection, realm.tenant_id)?.map(|tenant| tenant.name).unwrap_or_default();
    Ok(Some(Found { request, payment, invoice, merchant }))
}

fn page(found: Found, routes: &Routes, at: DateTime<Utc>) -> PaymentPage {
    let state = state(&found, at);
    let can_be_paid = state == PageState::Open;
    let Found { request, payment, merchant, .. } = found;
    let failure = payment.as_ref().and_then(|payment| payment.failure.as_ref()).filter(|_| can_be_paid);
    let tries = payment.as_ref().map_or(0, |payment| payment.charge_count);
    let offer = if can_be_paid { routes.offers(&request).into_iter().next() } else { None };
    let terms = request.terms;
    PaymentPage {
        request_id: terms.id,
        tenant_id: terms.tenant_id,
        mode: terms.mode,
        merchant,
        kind: terms.kind,
        amount: terms.amount,
        currency: terms.currency,
        description: terms.description,
        invoice_number: terms.destination.map(|invoice| invoice.invoice_number),
        capture_method: terms.capture_method,
        expires_at: terms.expires_at,
        success_url: terms.success_url,
        state,
        last_decline: failure.map(|failure| PageDecline {
            code: ErrorCode::from(failure.code),
            message: failure.message.clone(),
        }),
        offer,
        tries_left: MAX_TRIES.saturating_sub(tries),
    }
}

/// Where the request stands, as its payer sees it.
fn state(found: &Found, at: DateTime<Utc>) -> PageState {
    let request = &found.request;
    match request.status(at) {
        PaymentRequestStatus::Paid => PageState::Paid { at: request.paid_at.unwrap_or(at) },
        PaymentRequestStatus::Expired => PageState::Expired { at: request.expires_at.unwrap_or(at) },
        PaymentRequestStatus::Canceled => PageState::Canceled,
        PaymentRequestStatus::Open if request.cancel_requested_at.is_some() => PageState::Canceled,
        PaymentRequestStatus::Open if request.charging => {
            let action = found.payment.as_ref().and_then(|payment| payment.next_action_url.clone());
            action.map_or(PageState::BeingPaid, |url| PageState::ActionRequired { url })
        }
        PaymentRequestStatus::Open => {
            let takes = |invoice: &Invoice| invoice.check_payable(request.amount, request.currency).is_ok();
            if found.invoice.as_ref().is_none_or(takes) { PageState::Open } else { PageState::InvoiceClosed }
        }
    }
}
