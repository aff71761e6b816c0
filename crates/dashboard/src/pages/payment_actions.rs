//! What may be done about a payment: first what is asked for, then a look at it, then it is done, once.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use askama::Template;
use florin_domain::{Amount, Currency, Metadata, PaymentId, Reason};
use florin_engine::PaymentSheet;
use florin_engine::access::Scope;
use florin_engine::requests::CreateRefund;
use florin_engine::views::{Answer, Refused};
use serde::Deserialize;

use super::patiently;
use super::payment::{amounts, payment_id};
use crate::chrome::Chrome;
use crate::forgery::random_text;
use crate::form::{Form, form_of, missing};
use crate::headers::page;
use crate::show;
use crate::trouble::{Told, Trouble, go_to};
use crate::visit::{Posted, Visit};

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Capture,
    Cancel,
    Refund,
}

#[derive(Template)]
#[template(path = "payments/act.html")]
struct ActPage {
    chrome: Chrome,
    id: String,
    word: &'static str,
    currency: &'static str,
    description: Option<String>,
    amounts: Vec<(&'static str, i64)>,
    refusal: Option<String>,
    is_review: bool,
    takes_amount: bool,
    takes_reason: bool,
    amount_hint: String,
    typed_amount: String,
    typed_reason: String,
    reason_line: Option<String>,
    question: String,
    button: &'static str,
    button_class: &'static str,
    once: String,
}

impl Act {
    fn parse(word: &str) -> Result<Self, Trouble> {
        match word {
            "capture" => Ok(Act::Capture),
            "cancel" => Ok(Act::Cancel),
            "refund" => Ok(Act::Refund),
            _ => Err(Trouble::nothing_here()),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Act::Capture => "capture",
            Act::Cancel => "cancel",
            Act::Refund => "refund",
        }
    }

    fn scope(self) -> Scope {
        match self {
            Act::Capture | Act::Cancel => Scope::PaymentsWrite,
            Act::Refund => Scope::RefundsWrite,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Act::Capture => "Capture the payment",
            Act::Cancel => "Cancel the payment",
            Act::Refund => "Refund the payment",
        }
    }

    /// Why it can't be done now, in the words of the operation itself.
    fn refusal(self, sheet: &PaymentSheet) -> Option<String> {
        let refused = match self {
            Act::Capture => &sheet.no_capture,
            Act::Cancel => &sheet.no_cancel,
            Act::Refund => &sheet.no_refund,
        };
        refused.as_ref().map(|refused| refused.message.clone())
    }

    /// The most that can be asked for.
    fn most(self, sheet: &PaymentSheet) -> i64 {
        match self {
            Act::Capture => sheet.payment().facts.authorized().minor(),
            Act::Refund => sheet.payment().refundable().minor(),
            Act::Cancel => 0,
        }
    }
}

/// What was typed.
struct Asked {
    amount: Option<Amount>,
    reason: Option<Reason>,
}

fn read(act: Act, form: &Form, currency: Currency) -> Result<Asked, Refused> {
    let amount = form.amount("amount", currency)?;
    if act != Act::Cancel && amount.is_none() {
        return Err(missing("amount"));
    }
    Ok(Asked { amount, reason: form.text("reason", Reason::parse)? })
}

/// `GET /payments/{id}/{act}`: asks for amount and reason, then shows what will be done.
pub(crate) async fn ask(
    visit: Visit,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let act = Act::parse(&path.2)?;
    visit.needs(act.scope())?;
    let sheet = visit.desk.engine.payment_sheet(&visit.context, payment_id(&path.1)?).await?;
    let is_review = visit.query.get("step") == Some("review");
    let is_possible = act.refusal(&sheet).is_none();
    let asked = (is_review && is_possible).then(|| {
        let asked = read(act, &visit.query, sheet.payment().terms.currency)?;
        rehearse(&visit, act, &sheet, &asked).map(|()| asked)
    });
    match asked {
        None => show(&visit, act, &sheet, None, None, &visit.query).await,
        Some(Ok(asked)) => show(&visit, act, &sheet, Some(asked), None, &visit.query).await,
        Some(Err(refused)) => show(&visit, act, &sheet, None, Some(refused.into()), &visit.query).await,
    }
}

/// Refuses what the operation would refuse, so that nobody is asked to confirm it.
fn rehearse(visit: &Visit, act: Act, sheet: &PaymentSheet, asked: &Asked) -> Result<(), Refused> {
    let engine = &visit.desk.engine;
    match act {
        Act::Capture => engine.rehearse_capture(&visit.context, sheet, asked.amount),
        Act::Refund => engine.rehearse_refund(&visit.context, sheet, asked.amount),
        // It takes no amount; why it can't be done at all is shown anyway.
        Act::Cancel => Ok(()),
    }
}

/// `POST /payments/{id}/{act}`: does it.
pub(crate) async fn act(
    posted: Posted,
    path: web::Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let Posted { visit, form } = posted;
    let act = Act::parse(&path.2)?;
    visit.needs(act.scope())?;
    let id = payment_id(&path.1)?;
    let sheet = visit.desk.engine.payment_sheet(&visit.context, id).await?;
    let done = match read(act, &form, sheet.payment().terms.currency) {
        Ok(asked) => carry_out(&visit, act, id, asked, &form).await,
        Err(refused) => Err(refused.into()),
    };
    match done {
        Ok(done) => Ok(go_to(&visit.path(&format!("/payments/{id}?done={done}")))),
        Err(told) => {
            // What it was refused for may have changed it.
            let sheet = visit.desk.engine.payment_sheet(&visit.context, id).await?;
            show(&visit, act, &sheet, None, Some(told), &form).await
        }
    }
}

/// Does it, and tells by which word it is reported.
async fn carry_out(
    visit: &Visit,
    act: Act,
    id: PaymentId,
    asked: Asked,
    form: &Form,
) -> Result<&'static str, Told> {
    let idempotency = Some(form.idempotency(&format!("POST /payments/{id}/{}", act.word()))?);
    let engine = &visit.desk.engine;
    let Asked { amount, reason } = asked;
    let ask = async || {
        let (context, idempotency, reason) = (visit.context(), idempotency.clone(), reason.clone());
        match act {
            Act::Capture => engine.capture_payment(context, id, amount, idempotency).await,
            Act::Cancel => engine.cancel_payment(context, id, reason, idempotency).await,
            Act::Refund => {
                let refund = CreateRefund { amount, reason, metadata: Metadata::default() };
                engine.refund_payment(context, id, refund, idempotency).await
            }
        }
    };
    let answer = patiently(ask).await?;
    Told::check(&answer).map(|()| done(act, &answer))
}

fn done(act: Act, answer: &Answer) -> &'static str {
    #[derive(Deserialize)]
    struct Status {
        status: String,
    }
    let is_unknown = answer.status == 202;
    match act {
        Act::Capture if is_unknown => "capture-pending",
        Act::Capture => "captured",
        Act::Cancel if is_unknown => "cancel-pending",
        Act::Cancel => "canceled",
        Act::Refund => {
            match serde_json::from_str::<Status>(&answer.body).map(|refund| refund.status).as_deref() {
                Ok("succeeded") => "refunded",
                Ok("failed") => "refund-failed",
                _ => "refund-pending",
            }
        }
    }
}

async fn show(
    visit: &Visit,
    act: Act,
    sheet: &PaymentSheet,
    asked: Option<Asked>,
    told: Option<Told>,
    form: &Form,
) -> Result<HttpResponse, Trouble> {
    let payment = sheet.payment();
    let currency = payment.terms.currency;
    let refusal = if told.is_none() { act.refusal(sheet) } else { None };
    let most = act.most(sheet);
    let typed_amount = match form.get("amount") {
        Some(typed) => typed.to_owned(),
        None => show::typed(most, currency),
    };
    let shown = |minor: i64| format!("{} {currency}", show::amount(&minor, currency.code()));
    let (question, button, button_class) = match (act, asked.as_ref().and_then(|asked| asked.amount)) {
        (Act::Capture, amount) => {
            let minor = amount.map_or(most, Amount::minor);
            let rest = if minor < most { " The rest of the authorization is released." } else { "" };
            (format!("Capture {}?{rest}", shown(minor)), "Capture", "primary")
        }
        (Act::Refund, amount) => {
            let minor = amount.map_or(most, Amount::minor);
            (format!("Give {} back to the payer? This can't be undone.", shown(minor)), "Refund", "danger")
        }
        (Act::Cancel, _) => {
            ("Cancel this payment? This can't be undone.".to_owned(), "Cancel the payment", "danger")
        }
    };
    let status = told.as_ref().map_or(StatusCode::OK, Told::status);
    let template = ActPage {
        chrome: visit.chrome(act.title(), "/payments").await?.telling(told),
        id: payment.terms.id.to_string(),
        word: act.word(),
        currency: currency.code(),
        description: payment.terms.description.as_ref().map(ToString::to_string),
        amounts: amounts(payment),
        refusal,
        is_review: asked.is_some(),
        takes_amount: act != Act::Cancel,
        takes_reason: act != Act::Capture,
        amount_hint: format!("At most {}. {}", shown(most), form_of(currency)),
        typed_amount: if act == Act::Cancel { String::new() } else { typed_amount },
        typed_reason: form.shown("reason"),
        reason_line: form.get("reason").map(str::to_owned),
        question,
        button,
        button_class,
        once: random_text().ok_or_else(Refused::internal)?,
    };
    Ok(page(status, &template))
}
