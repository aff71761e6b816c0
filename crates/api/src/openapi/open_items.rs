//! The operations on open items, on attempts that need review, and for processors' webhooks.

use florin_domain::{
    AttemptId, ClosingNote, OpenItemId, OpenItemStatus, OpenItemType, PaymentId, ReferenceId, Resolution,
};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{nullable, string, text};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ComponentsBuilder, ContentBuilder, Object, ObjectBuilder, Required, Type};

use super::bodies::{VISIBLE, object};
use super::call::{Call, LIST};
use super::parameters::{named, page, query};
use super::responses::{Success, responses};

const TAG: &str = "Open items";

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    builder
        .path("/v1/open_items", PathItem::new(HttpMethod::Get, list()))
        .path("/v1/open_items/{id}", PathItem::new(HttpMethod::Get, find()))
        .path("/v1/open_items/{id}/close", PathItem::new(HttpMethod::Post, close()))
        .path("/v1/attempts/{id}/resolve", PathItem::new(HttpMethod::Post, resolve()))
        .path(crate::processor_webhooks::PATH, PathItem::new(HttpMethod::Post, webhook()))
}

/// Adds the bodies.
pub(super) fn bodies(builder: ComponentsBuilder) -> ComponentsBuilder {
    let note = || text(ClosingNote::MAX_CHARS).min_length(Some(1)).build();
    let mut closing = object([("note", "What you have found out, or done.", note())]);
    closing.required = vec!["note".to_owned()];
    builder.schema("CloseOpenItem", closing).schema("ResolveAttempt", decision(note()))
}

fn decision(note: Object) -> Object {
    let reference =
        string().min_length(Some(1)).max_length(Some(ReferenceId::MAX_CHARS)).pattern(Some(VISIBLE));
    let outcome = string().enum_values(Some(Resolution::WORDS.iter().copied())).build();
    let mut fields = object([
        ("outcome", "What became of the attempt.", outcome),
        (
            "reference",
            "The processor's name for it; required for a charge that has succeeded and has none yet.",
            nullable(reference),
        ),
        ("note", "How you know.", note),
    ]);
    fields.required = vec!["outcome".to_owned(), "note".to_owned()];
    fields
}

fn list() -> Operation {
    Call::get("listOpenItems", "List open items")
        .about("Findings that a person has to decide about; closed ones included unless `status` says otherwise.")
        .tag(TAG)
        .takes(filters())
        .takes(page::<OpenItemId>())
        .answers(200, "A page of open items, newest first.", "OpenItemList")
        .refuses(LIST)
        .build()
}

fn find() -> Operation {
    of_item(Call::get("findOpenItem", "Retrieve an open item"))
        .answers(200, "The open item.", "OpenItem")
        .build()
}

fn close() -> Operation {
    of_item(Call::post("closeOpenItem", "Close an open item", "CloseOpenItem"))
        .about("Changes nothing but the item. One of type `needs_review` is closed by resolving its attempt.")
        .body_required()
        .answers(200, "The open item.", "OpenItem")
        .refuses(&[ErrorCode::ParameterMissing, ErrorCode::OpenItemNotClosable])
        .build()
}

fn resolve() -> Operation {
    Call::post("resolveAttempt", "Resolve an attempt that needs review", "ResolveAttempt")
        .about(
            "Settles an attempt whose outcome nobody knows, as you have found out. The payment changes as if the \
             processor had said so.",
        )
        .tag(TAG)
        .of::<AttemptId>("The attempt.", ErrorCode::AttemptNotFound)
        .body_required()
        .answers(200, "The attempt's open item, closed.", "OpenItem")
        .refuses(&[
            ErrorCode::ParameterMissing,
            ErrorCode::AttemptNotInReview,
            ErrorCode::OperationInProgress,
        ])
        .build()
}

/// Signed by the processor, so that it needs no key.
fn webhook() -> Operation {
    let account = ParameterBuilder::new()
        .name("account")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The processor account."))
        .schema(Some(string().build()))
        .build();
    let any = ObjectBuilder::new().schema_type(Type::Object).build();
    let content = ContentBuilder::new().schema(Some(any)).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
    let received = Success {
        status: 200,
        meaning: "The webhook was received, maybe once more.",
        schema: "WebhookReceived",
        links: &[],
    };
    OperationBuilder::new()
        .operation_id(Some("receiveProcessorWebhook"))
        .summary(Some("Receive a processor's webhook"))
        .description(Some(
            "For processors. What an event says is not believed: the attempt that it names is looked up.",
        ))
        .tag(TAG)
        .parameter(account)
        .request_body(Some(body.build()))
        .responses(responses(
            &[received],
            &[
                ErrorCode::WebhookNotVerified,
                ErrorCode::ProcessorAccountNotFound,
                ErrorCode::RequestTimeout,
                ErrorCode::BodyTooLarge,
                ErrorCode::RateLimitExceeded,
                ErrorCode::InternalError,
                ErrorCode::Overloaded,
                ErrorCode::OutcomeUnknown,
            ],
        ))
        .build()
}

fn of_item(call: Call) -> Call {
    call.tag(TAG).of::<OpenItemId>("The open item.", ErrorCode::OpenItemNotFound)
}

fn filters() -> Vec<Parameter> {
    let processor =
        string().min_length(Some(1)).max_length(Some(ReferenceId::MAX_CHARS)).pattern(Some(VISIBLE)).build();
    vec![
        query("status", "Whether somebody has dealt with them.", named::<OpenItemStatus>()),
        query("type", "What was found.", named::<OpenItemType>()),
        query("payment_id", "About this payment.", named::<PaymentId>()),
        query("processor", "About something at this processor.", processor),
    ]
}
