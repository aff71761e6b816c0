//! One exhaustive match from each refusal of the domain to its code, parameter and message.

use florin_domain::{
    AmountRefused, CancelRefused, CaptureRefused, ChargeRefused, CreditsRefused, InvoiceRefused,
    MetadataRefused, Operation, PaymentId, RefundRefused, State, TextRefused, Total, UnknownCurrency,
};

use super::{ErrorCode, Refused};

impl From<ChargeRefused> for Refused {
    fn from(refused: ChargeRefused) -> Self {
        match refused {
            ChargeRefused::InProgress(operation) => in_progress(operation),
            ChargeRefused::NotProcessable(state) => {
                let message = format!(
                    "The payment is {}; only a payment that is pending or failed can be processed.",
                    in_words(state)
                );
                Refused::new(ErrorCode::PaymentNotProcessable, message)
            }
            ChargeRefused::NoPaymentMethod => {
                let message = "The payment names no payment method; send payment_method_id.";
                Refused::new(ErrorCode::ParameterMissing, message).param("payment_method_id")
            }
            ChargeRefused::TakesNoPaymentMethod(method_type) => {
                let message = format!(
                    "A payment by {method_type} takes no payment method; send it without payment_method_id."
                );
                Refused::new(ErrorCode::ParametersConflict, message).param("payment_method_id")
            }
        }
    }
}

impl From<InvoiceRefused> for Refused {
    fn from(refused: InvoiceRefused) -> Self {
        match refused {
            InvoiceRefused::NotPayable(status) => {
                let message = format!("The invoice is {status}; only an open invoice can be paid.");
                Refused::new(ErrorCode::InvoiceNotPayable, message).param("destination_id")
            }
            InvoiceRefused::OtherCurrency { invoice, payment } => {
                let message =
                    format!("The payment is in {payment}, the invoice in {invoice}; send {invoice}.");
                Refused::new(ErrorCode::ParametersConflict, message).param("currency")
            }
            InvoiceRefused::Exceeds { requested, remaining } => {
                let message = format!(
                    "The payment is for {}, but only {} of the invoice remains to be paid; send at most that.",
                    requested.minor(),
                    remaining.minor()
                );
                Refused::new(ErrorCode::AmountExceedsInvoice, message).param("amount")
            }
            InvoiceRefused::HasPayments { paid, held } => {
                let message = format!(
                    "Payments have brought {} towards the invoice and hold {}; only an invoice without payments can be voided.",
                    paid.minor(),
                    held.minor()
                );
                Refused::new(ErrorCode::InvoiceNotVoidable, message)
            }
            InvoiceRefused::Inconsistent => Refused::internal(),
        }
    }
}

impl From<CreditsRefused> for Refused {
    fn from(refused: CreditsRefused) -> Self {
        match refused {
            CreditsRefused::Insufficient { requested, available } => {
                let message = format!(
                    "The payment is for {}, but the customer has {} in credits; send at most that, or grant credits.",
                    requested.minor(),
                    available.minor()
                );
                Refused::new(ErrorCode::InsufficientCredits, message)
            }
            CreditsRefused::TooMany { added } => {
                let message = format!(
                    "With {} more the customer's credits would exceed {}; send less.",
                    added.minor(),
                    Total::MAX.minor()
                );
                Refused::new(ErrorCode::CreditLimitExceeded, message).param("amount")
            }
        }
    }
}

impl From<CaptureRefused> for Refused {
    fn from(refused: CaptureRefused) -> Self {
        match refused {
            CaptureRefused::InProgress(operation) => in_progress(operation),
            CaptureRefused::NotCapturable(state) => {
                let message = format!(
                    "The payment is {}; only an authorized payment can be captured.",
                    in_words(state)
                );
                Refused::new(ErrorCode::PaymentNotCapturable, message)
            }
            CaptureRefused::ExceedsAuthorized { requested, authorized } => {
                let message = format!(
                    "The amount is {}, but only {} is authorized; send at most that, or no amount to capture all.",
                    requested.minor(),
                    authorized.minor()
                );
                Refused::new(ErrorCode::AmountExceedsAuthorized, message).param("amount")
            }
        }
    }
}

impl From<CancelRefused> for Refused {
    fn from(refused: CancelRefused) -> Self {
        match refused {
            CancelRefused::AlreadyCanceled => {
                Refused::new(ErrorCode::PaymentAlreadyCanceled, "The payment is already canceled.")
            }
            CancelRefused::NotCancelable(state) => {
                let instead = match state {
                    State::Captured | State::PartiallyRefunded => " Refund it instead.",
                    State::Pending
                    | State::Processing
                    | State::Authorized
                    | State::Refunded
                    | State::Failed
                    | State::Canceled => "",
                };
                let message = format!("A payment that is {} can't be canceled.{instead}", in_words(state));
                Refused::new(ErrorCode::PaymentNotCancelable, message)
            }
            CancelRefused::InProgress(operation) => in_progress(operation),
        }
    }
}

impl From<RefundRefused> for Refused {
    fn from(refused: RefundRefused) -> Self {
        match refused {
            RefundRefused::AlreadyRefunded => {
                Refused::new(ErrorCode::PaymentAlreadyRefunded, "The payment is already refunded in full.")
            }
            RefundRefused::NotRefundable(state) => {
                let message =
                    format!("The payment is {}; only a captured payment can be refunded.", in_words(state));
                Refused::new(ErrorCode::PaymentNotRefundable, message)
            }
            RefundRefused::ExceedsAvailable { requested, available } => {
                let message = format!(
                    "The amount is {}, but only {} is left to refund; send at most that.",
                    requested.minor(),
                    available.minor()
                );
                Refused::new(ErrorCode::RefundExceedsAvailable, message).param("amount")
            }
            RefundRefused::AllHeld { held } => {
                let message = format!(
                    "Refunds under way hold the remaining {}, so 0 is left to refund; wait for their outcome.",
                    held.minor()
                );
                Refused::new(ErrorCode::RefundExceedsAvailable, message).param("amount")
            }
        }
    }
}

impl From<AmountRefused> for Refused {
    fn from(refused: AmountRefused) -> Self {
        match refused {
            AmountRefused::NotPositive { .. }
            | AmountRefused::Negative { .. }
            | AmountRefused::TooLarge { .. } => {
                Refused::new(ErrorCode::ParameterInvalid, sentence(&refused)).param("amount")
            }
        }
    }
}

impl From<UnknownCurrency> for Refused {
    fn from(refused: UnknownCurrency) -> Self {
        let UnknownCurrency = refused;
        Refused::new(ErrorCode::CurrencyNotSupported, sentence(&refused)).param("currency")
    }
}

impl From<TextRefused> for Refused {
    fn from(refused: TextRefused) -> Self {
        Refused::new(text_code(refused), sentence(&refused))
    }
}

impl From<MetadataRefused> for Refused {
    fn from(refused: MetadataRefused) -> Self {
        let code = match &refused {
            MetadataRefused::TooManyKeys { .. }
            | MetadataRefused::KeyLength { .. }
            | MetadataRefused::ValueTooLong { .. } => ErrorCode::ParameterInvalid,
            MetadataRefused::KeyText { refused } | MetadataRefused::Text { refused, .. } => {
                text_code(*refused)
            }
        };
        Refused::new(code, sentence(&refused)).param("metadata")
    }
}

impl Refused {
    /// No payment of that id is the caller's to see.
    pub fn payment_not_found() -> Self {
        let message =
            "There is no such payment in this tenant and mode; send the id of one of your payments.";
        Refused::new(ErrorCode::PaymentNotFound, message)
    }

    /// No customer of that id is the caller's to see.
    pub fn customer_not_found() -> Self {
        let message =
            "There is no such customer in this tenant and mode; send the id of one of your customers.";
        Refused::new(ErrorCode::CustomerNotFound, message)
    }

    /// No invoice of that id is the caller's to see.
    pub fn invoice_not_found() -> Self {
        let message =
            "There is no such invoice in this tenant and mode; send the id of one of your invoices.";
        Refused::new(ErrorCode::InvoiceNotFound, message)
    }

    /// No transaction of that id is the caller's to see.
    pub fn transaction_not_found() -> Self {
        let message =
            "There is no such transaction in this tenant and mode; send the id of one of your transactions.";
        Refused::new(ErrorCode::TransactionNotFound, message)
    }

    /// No refund of that id is the caller's to see.
    pub fn refund_not_found() -> Self {
        let message = "There is no such refund in this tenant and mode; send the id of one of your refunds.";
        Refused::new(ErrorCode::RefundNotFound, message)
    }

    /// The processor knows no such payment method.
    pub fn payment_method_not_found() -> Self {
        let message = "The payment method is not known; send the id of one of your payment methods.";
        Refused::new(ErrorCode::PaymentMethodNotFound, message).param("payment_method_id")
    }

    /// The payment method can't be charged any more.
    pub fn payment_method_invalid() -> Self {
        let message = "The payment method provided is invalid or has expired; send another one.";
        Refused::new(ErrorCode::PaymentMethodInvalid, message).param("payment_method_id")
    }

    /// The first request with the same idempotency key is still running.
    pub fn idempotency_key_in_use() -> Self {
        let message =
            "The first request with this idempotency key is still running; send it again in a moment.";
        Refused::new(ErrorCode::IdempotencyKeyInUse, message).param("idempotency_key").retry_after(1)
    }

    /// The idempotency key belongs to another request.
    pub fn idempotency_key_reused() -> Self {
        let message = "The idempotency key was used with another body; use a new key for a new request.";
        Refused::new(ErrorCode::IdempotencyKeyReused, message).param("idempotency_key")
    }

    /// The idempotency key is older than its stored answer.
    pub fn idempotency_key_expired(object: impl std::fmt::Display, payment_id: Option<PaymentId>) -> Self {
        let message = format!(
            "The idempotency key was used before and its answer is no longer kept; it made {object}. Read that, or \
             use a new key for a new request."
        );
        let refused = Refused::new(ErrorCode::IdempotencyKeyExpired, message).param("idempotency_key");
        Refused { payment_id, ..refused }
    }
}

fn in_progress(operation: Operation) -> Refused {
    let message =
        format!("A {operation} of this payment waits for the processor; read the payment and try again.");
    Refused::new(ErrorCode::OperationInProgress, message).retry_after(1)
}

fn text_code(refused: TextRefused) -> ErrorCode {
    match refused {
        TextRefused::ContainsCardNumber => ErrorCode::CardNumberNotAllowed,
        TextRefused::Empty
        | TextRefused::TooLong { .. }
        | TextRefused::NotVisibleAscii
        | TextRefused::NotProcessorName
        | TextRefused::NotEmail
        | TextRefused::NotPageToken
        | TextRefused::ContainsNul => ErrorCode::ParameterInvalid,
    }
}

/// The state as a sentence has it.
fn in_words(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Processing => "being processed",
        State::Authorized => "authorized",
        State::Captured => "succeeded",
        State::PartiallyRefunded => "partially refunded",
        State::Refunded => "refunded",
        State::Failed => "failed",
        State::Canceled => "canceled",
    }
}

/// An error's text with a capital and a full stop.
fn sentence(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use florin_domain::{Amount, Total};

    use super::*;

    #[test]
    fn refusals_are_answered_as_documented() {
        let amount = Amount::new(1001).unwrap();
        let left = Total::new(1000).unwrap();
        let cases: [(Refused, u16, &str, Option<&str>); 14] = [
            (ChargeRefused::InProgress(Operation::Charge).into(), 409, "operation_in_progress", None),
            (ChargeRefused::NotProcessable(State::Captured).into(), 409, "payment_not_processable", None),
            (ChargeRefused::NoPaymentMethod.into(), 400, "parameter_missing", Some("payment_method_id")),
            (CaptureRefused::InProgress(Operation::Void).into(), 409, "operation_in_progress", None),
            (CaptureRefused::NotCapturable(State::Pending).into(), 409, "payment_not_capturable", None),
            (
                CaptureRefused::ExceedsAuthorized { requested: amount, authorized: left }.into(),
                422,
                "amount_exceeds_authorized",
                Some("amount"),
            ),
            (CancelRefused::AlreadyCanceled.into(), 409, "payment_already_canceled", None),
            (CancelRefused::NotCancelable(State::Captured).into(), 400, "payment_not_cancelable", None),
            (CancelRefused::InProgress(Operation::Capture).into(), 409, "operation_in_progress", None),
            (RefundRefused::AlreadyRefunded.into(), 409, "payment_already_refunded", None),
            (RefundRefused::NotRefundable(State::Pending).into(), 400, "payment_not_refundable", None),
            (
                RefundRefused::ExceedsAvailable { requested: amount, available: left }.into(),
                422,
                "refund_exceeds_available",
                Some("amount"),
            ),
            (RefundRefused::AllHeld { held: left }.into(), 422, "refund_exceeds_available", Some("amount")),
            (UnknownCurrency.into(), 422, "currency_not_supported", Some("currency")),
        ];
        for (refused, status, code, param) in cases {
            let shown = (refused.code.status(), refused.code.as_str(), refused.param.as_deref());
            assert_eq!(shown, (status, code, param));
            assert!(refused.message.ends_with('.'), "{}", refused.message);
        }
    }

    #[test]
    fn a_refund_of_too_much_is_told_what_is_left() {
        let requested = Amount::new(1001).unwrap();
        let refused =
            Refused::from(RefundRefused::ExceedsAvailable { requested, available: Total::new(999).unwrap() });
        assert!(refused.message.contains("only 999 is left"), "{}", refused.message);
    }

    #[test]
    fn no_text_that_is_refused_is_repeated() {
        let card = "4242424242424242";
        let refused = Refused::from(florin_domain::Description::parse(card).unwrap_err());
        assert_eq!(refused.code, ErrorCode::CardNumberNotAllowed);
        let map = [(card.to_owned(), card.to_owned())].into_iter().collect();
        let refused = Refused::from(florin_domain::Metadata::new(map).unwrap_err());
        assert_eq!(refused.code, ErrorCode::CardNumberNotAllowed);
        assert!(!refused.message.contains("4242"), "{}", refused.message);
    }
}
