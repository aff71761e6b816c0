//! Refusals about events and webhook endpoints.

use florin_domain::WebhookEndpoint;

use super::{ErrorCode, Refused};
use crate::delivery::TargetRefused;

impl Refused {
    /// No endpoint of that id is the caller's to see.
    pub fn webhook_endpoint_not_found() -> Self {
        let message = "There is no such webhook endpoint in this tenant and mode.";
        Refused::new(ErrorCode::WebhookEndpointNotFound, message)
    }

    /// No event of that id is the caller's to see.
    pub fn event_not_found() -> Self {
        Refused::new(ErrorCode::EventNotFound, "There is no such event in this tenant and mode.")
    }

    /// Nothing is sent to an endpoint that is disabled.
    pub fn webhook_endpoint_is_disabled() -> Self {
        let message = "The webhook endpoint is disabled; enable it by PATCH with {\"enabled\": true}.";
        Refused::new(ErrorCode::WebhookEndpointIsDisabled, message)
    }

    /// There are as many endpoints as there may be.
    pub fn too_many_webhook_endpoints() -> Self {
        let most = WebhookEndpoint::MAX_ENDPOINTS;
        let message = format!("There are {most} webhook endpoints, which is the limit; delete one.");
        Refused::new(ErrorCode::TooManyWebhookEndpoints, message)
    }

    /// The key has as many streams open as it may have.
    pub fn too_many_streams() -> Self {
        let message = "This API key has as many streams of events open as it may have; close one.";
        Refused::new(ErrorCode::TooManyStreams, message).retry_after(5)
    }
}

impl From<TargetRefused> for Refused {
    fn from(refused: TargetRefused) -> Self {
        Refused::new(ErrorCode::ParameterInvalid, format!("{refused}.")).param("url")
    }
}
