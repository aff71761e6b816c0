//! A payment to create, as Flexprice's clients ask for it.

use florin_domain::{
    Amount, AmountRefused, CaptureMethod, Currency, IdempotencyKey, MethodRef, MethodType, Money,
};
use florin_engine::requests::CreatePayment;
use florin_engine::views::{ErrorCode, Refused};

use crate::fields::{Fields, missing};
use crate::json::Object;
use crate::payments::{destination, web_address};

/// The fields of `POST /flexprice/v1/payments`.
const CREATE_FIELDS: &[&str] = &[
    "amount",
    "currency",
    "destination_type",
    "destination_id",
    "payment_method_type",
    "payment_method_id",
    "process_payment",
    "idempotency_key",
    "metadata",
    "success_url",
    "cancel_url",
    "payment_gateway",
    "gateway_options",
    "save_card_and_make_default",
];

/// What can be asked of Flexprice and would be silently lost here, with what to do instead.
const REFUSED_FIELDS: [(&str, &str); 3] = [
    (
        "cancel_url",
        "a payer comes back to one address, whatever happened; send it as success_url, without cancel_url",
    ),
    ("payment_gateway", "the processor is chosen by the server's configuration; leave payment_gateway out"),
    ("gateway_options", "the processor is chosen by the server's configuration; leave gateway_options out"),
];

/// The engine's request for a payment.
pub(crate) fn parse_create(
    body: Object,
    idempotency_key: Option<IdempotencyKey>,
) -> Result<CreatePayment, Refused> {
    let mut fields = Fields::new(body, CREATE_FIELDS)?;
    for (name, reason) in REFUSED_FIELDS {
        if fields.is_given(name) {
            let message = format!("{name} is not taken here: {reason}.");
            return Err(Refused::new(ErrorCode::ParameterInvalid, message).param(name));
        }
    }
    if fields.boolean("save_card_and_make_default")? == Some(true) {
        let message = "Cards are saved as payment methods, by POST /v1/payment_methods; send save_card_and_make_default: false.";
        return Err(Refused::new(ErrorCode::ParameterInvalid, message).param("save_card_and_make_default"));
    }
    let currency = fields.required_currency("currency")?;
    let request = CreatePayment {
        amount: amount(&mut fields, currency)?,
        currency,
        payment_method: fields.text("payment_method_id", MethodRef::parse)?,
        payment_method_type: fields.word("payment_method_type", MethodType::WORDS)?,
        customer_id: None,
        invoice_id: destination(&mut fields)?,
        process_payment: fields.boolean("process_payment")?.unwrap_or(true),
        capture_method: CaptureMethod::Automatic,
        return_url: web_address(&mut fields, "success_url")?,
        off_session: false,
        description: None,
        metadata: fields.metadata()?,
        idempotency_key,
    };
    if request.payment_method_type == Some(MethodType::Credits) && request.invoice_id.is_none() {
        let message = "Send destination_id, an invoice of the customer whose credits are spent.";
        return Err(missing("destination_id", message));
    }
    request.check_method()?;
    Ok(request)
}

/// The amount: a decimal string in major units, such as `"12.34"`.
///
/// A JSON number is refused: it has been through somebody's floating point, and it might be meant in minor units.
fn amount(fields: &mut Fields, currency: Currency) -> Result<Amount, Refused> {
    let most = Money::new(999_999_999_999, currency).to_major_string();
    let expected = format!("a decimal number as a string, in {currency} and up to {most}");
    let Some(text) = fields.string("amount", &expected)? else {
        return Err(missing("amount", &format!("Send amount: {expected}.")));
    };
    let refused = |found: String| {
        let message = format!("amount must be {expected}: {found}.");
        Refused::new(ErrorCode::ParameterInvalid, message).param("amount")
    };
    let money = Money::parse_major(&text, currency).map_err(|error| refused(error.to_string()))?;
    Amount::new(money.minor()).map_err(|error| match error {
        AmountRefused::NotPositive { .. } | AmountRefused::Negative { .. } => {
            refused("it must be more than zero".to_owned())
        }
        AmountRefused::TooLarge { .. } => refused("it is larger".to_owned()),
    })
}
