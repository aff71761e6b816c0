//! Refusals of what surrounds payments: what is taken already, what can't be voided, what can't be shown of a card.

use florin_domain::{CustomerId, DisplayFactRefused, InvoiceRefused};

use super::{ErrorCode, Refused};

impl From<DisplayFactRefused> for Refused {
    fn from(refused: DisplayFactRefused) -> Self {
        let (param, message) = match refused {
            DisplayFactRefused::Last4 => ("last4", "Send four digits as last4, such as \"4242\"."),
            DisplayFactRefused::Expiry => {
                ("exp_month", "Send exp_month from 1 to 12, and exp_year from 2000 to 2199.")
            }
        };
        Refused::new(ErrorCode::ParameterInvalid, message).param(param)
    }
}

impl Refused {
    /// No stored payment method of that id is the caller's to see.
    pub fn stored_method_not_found() -> Self {
        Refused { param: None, ..Refused::payment_method_not_found() }
    }

    /// No processor account of that id or name is the caller's to see.
    pub fn processor_account_not_found() -> Self {
        let message = "There is no such processor account in this tenant and mode.";
        Refused::new(ErrorCode::ProcessorAccountNotFound, message)
    }

    /// The invoice can't be voided.
    pub fn invoice_not_voidable(refused: InvoiceRefused) -> Self {
        match refused {
            InvoiceRefused::NotPayable(status) => {
                Refused::new(ErrorCode::InvoiceNotVoidable, format!("The invoice is {status} already."))
            }
            InvoiceRefused::OtherCurrency { .. }
            | InvoiceRefused::Exceeds { .. }
            | InvoiceRefused::HasPayments { .. }
            | InvoiceRefused::Inconsistent => Refused::from(refused),
        }
    }

    /// Another invoice has the number.
    pub fn invoice_number_taken() -> Self {
        let message = "Another invoice has this number; send another, or none to have one counted up.";
        Refused::new(ErrorCode::InvoiceNumberTaken, message).param("number")
    }

    /// Another customer has the external id.
    pub fn external_id_taken(owner: CustomerId) -> Self {
        let message =
            format!("The customer {owner} has this external_id; send another, or change that customer.");
        Refused::new(ErrorCode::ExternalIdTaken, message).param("external_id")
    }
}
