//! Refusals of what needs a person: open items, attempts in review, and processors' webhooks.

use florin_domain::{AttemptStatus, CloseRefused};
use florin_processors::WebhookRefused;

use super::{ErrorCode, Refused};

impl From<CloseRefused> for Refused {
    fn from(refused: CloseRefused) -> Self {
        let message = match refused {
            CloseRefused::Closed => "The item was closed before, with another note.",
            CloseRefused::NeedsResolution => {
                "The item waits for a decision about its attempt; send POST /v1/attempts/{id}/resolve instead."
            }
        };
        Refused::new(ErrorCode::OpenItemNotClosable, message)
    }
}

impl From<WebhookRefused> for Refused {
    /// Says nothing about the secret, the signature or the body.
    fn from(refused: WebhookRefused) -> Self {
        let message = match refused {
            WebhookRefused::NotSupported => "The processor of this account sends no webhooks.",
            WebhookRefused::NoSecret => "No secret is configured for the webhooks of this account.",
            WebhookRefused::Unsigned => "The signature is missing or not readable.",
            WebhookRefused::WrongSignature => "The signature is wrong.",
            WebhookRefused::OutOfTime { .. } => "The signature is of another time.",
            WebhookRefused::Unreadable(_) => "The signature is right, and the body is no event.",
        };
        Refused::new(ErrorCode::WebhookNotVerified, message)
    }
}

impl Refused {
    /// No open item of that id is the caller's to see.
    pub fn open_item_not_found() -> Self {
        Refused::new(
            ErrorCode::OpenItemNotFound,
            "There is no open item with this id in the tenant and mode of the API key.",
        )
    }

    /// No attempt of that id is the caller's to settle.
    pub fn attempt_not_found() -> Self {
        let message = "There is no attempt with this id that needs, or needed, a review in the tenant and mode of the \
                       API key.";
        Refused::new(ErrorCode::AttemptNotFound, message)
    }

    /// The attempt does not wait for a person's decision.
    pub fn attempt_not_in_review(status: AttemptStatus) -> Self {
        let message = match status {
            AttemptStatus::Succeeded => "The attempt has succeeded already.",
            AttemptStatus::Failed => "The attempt has failed already.",
            AttemptStatus::NeedsReview => "The attempt was reviewed already.",
            AttemptStatus::Sending
            | AttemptStatus::Unknown
            | AttemptStatus::Pending
            | AttemptStatus::RequiresAction => {
                "The attempt does not need review: its outcome is still looked for at the processor."
            }
        };
        Refused::new(ErrorCode::AttemptNotInReview, message)
    }

    /// Another attempt has to be settled first.
    pub fn attempt_waits() -> Self {
        let message =
            "Another operation of the payment has to be settled first. Read the payment and try again.";
        Refused::new(ErrorCode::OperationInProgress, message)
    }

    /// A charge that has succeeded needs a name.
    pub fn reference_missing() -> Self {
        let message = "Send reference: the processor's name for the charge, by which it can be refunded.";
        Refused::new(ErrorCode::ParameterMissing, message).param("reference")
    }

    /// No processor account has that id.
    pub fn processor_account_unknown() -> Self {
        Refused::new(ErrorCode::ProcessorAccountNotFound, "There is no processor account with this id.")
    }

    /// Too many webhooks for one account.
    pub fn too_many_webhooks() -> Self {
        let message = "Too many webhooks for this account; send it again later.";
        Refused { retry_after_seconds: Some(1), ..Refused::new(ErrorCode::RateLimitExceeded, message) }
    }
}
