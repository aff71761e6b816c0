//! What the parts of a request for a payment say about each other, whoever it came from.

use florin_domain::{CaptureMethod, MethodType};

use super::CreatePayment;
use crate::views::{ErrorCode, Refused};

impl CreatePayment {
    /// Checks what each kind of money needs, and what it excludes.
    ///
    /// # Errors
    /// 400 naming the part that is missing or contradicts another.
    pub fn check_method(&self) -> Result<(), Refused> {
        let has_method = self.payment_method.is_some();
        let refused = |param: &'static str, message: String| {
            Err(Refused::new(ErrorCode::ParametersConflict, message).param(param))
        };
        match self.payment_method_type {
            Some(kind @ (MethodType::Offline | MethodType::Credits)) => {
                if has_method {
                    return refused(
                        "payment_method_id",
                        format!("A payment by {kind} takes no payment_method_id."),
                    );
                }
                let has_payer = self.customer_id.is_some() || self.invoice_id.is_some();
                if kind == MethodType::Credits && !has_payer {
                    let message =
                        "Send customer_id, the customer whose credits are spent, or the invoice of one.";
                    return Err(missing("customer_id", message));
                }
            }
            None | Some(MethodType::Card | MethodType::Ach) => {
                if self.process_payment && !has_method {
                    let message = "Send payment_method_id, the payment method to charge; or process_payment: false to charge later.";
                    return Err(missing("payment_method_id", message));
                }
            }
        }
        match (self.capture_method, self.payment_method_type) {
            (
                CaptureMethod::Manual,
                Some(kind @ (MethodType::Ach | MethodType::Offline | MethodType::Credits)),
            ) => {
                let message =
                    format!("A payment by {kind} can't be authorized first; send capture_method: automatic.");
                refused("capture_method", message)
            }
            (CaptureMethod::Automatic | CaptureMethod::Manual, _) => Ok(()),
        }
    }
}

fn missing(param: &str, message: &str) -> Refused {
    Refused::new(ErrorCode::ParameterMissing, message).param(param)
}
