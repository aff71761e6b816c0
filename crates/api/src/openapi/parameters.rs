//! The parameters of paths, queries and headers.

use florin_domain::{
    CustomerId, InvoiceId, Metadata, MethodType, PaymentId, PaymentStatus, RefundId, Status,
};
use florin_engine::views::schema::{NamedSchema, string, text, time};
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Required, Schema, Type};

use super::bodies::idempotency_key_text;
use crate::idempotency::HEADER;
use crate::query::{MAX_OFFSET, MAX_SEARCH_CHARS};

/// The id in a path.
pub(super) fn path_id<T: NamedSchema>(description: &str) -> Parameter {
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(named::<T>()))
        .build()
}

/// The header that makes a request happen once.
pub(super) fn idempotency_key() -> Parameter {
    let description =
        "Makes the request happen once: a repetition with the same key and body gets the first answer.";
    ParameterBuilder::new()
        .name(HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(idempotency_key_text()))
        .build()
}

/// What every list takes; its cursors are ids of `T`.
pub(super) fn page<T: NamedSchema>() -> Vec<Parameter> {
    let mut parameters = limit_and_offset();
    parameters.extend([
        query("starting_after", "The id after which to go on: older objects.", named::<T>()),
        query("ending_before", "The id before which to stop: newer objects.", named::<T>()),
        query("created_after", "Created later than this instant.", time().build()),
        query("created_before", "Created earlier than this instant.", time().build()),
    ]);
    parameters
}

/// What a list takes whose objects have no ids.
pub(super) fn limit_and_offset() -> Vec<Parameter> {
    let limit = integer(1).maximum(Some(100)).default(Some(json!(10)));
    let offset = integer(0).maximum(Some(LARGEST_OFFSET));
    vec![
        query("limit", "How many objects at most.", limit.build()),
        query("offset", "How many to skip. Excludes the cursors.", offset.build()),
    ]
}

/// The filters of payments.
pub(super) fn payment_filters() -> Vec<Parameter> {
    vec![
        query("status", "Where they stand, in five words.", named::<Status>()),
        query("payment_status", "Where they stand, in finer words.", named::<PaymentStatus>()),
        query("customer_id", "Who pays.", named::<CustomerId>()),
        query("currency", "In which currency.", string().pattern(Some("^[A-Za-z]{3}$")).build()),
        query("payment_method_type", "What kind of money.", named::<MethodType>()),
        query("destination_id", "The invoice that is paid.", named::<InvoiceId>()),
        query("idempotency_key", "Created with this key.", idempotency_key_text().build()),
        deep("metadata", "With these values of metadata: `metadata[order_id]=12345`.", named::<Metadata>()),
        query(
            "q",
            "With this in id, description or reference.",
            text(MAX_SEARCH_CHARS).min_length(Some(1)).build(),
        ),
    ]
}

/// The filter of refunds.
pub(super) fn refund_filters() -> Vec<Parameter> {
    vec![query("payment_id", "Of this payment.", named::<PaymentId>())]
}

/// The cursors of refunds are their ids.
pub(super) fn refund_page() -> Vec<Parameter> {
    page::<RefundId>()
}

const LARGEST_OFFSET: i64 = i64::MAX;
const _: () = assert!(LARGEST_OFFSET.unsigned_abs() == MAX_OFFSET);

/// A parameter of a query.
pub(super) fn query(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    query_builder(name, description, schema).build()
}

fn deep(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    query_builder(name, description, schema)
        .style(Some(ParameterStyle::DeepObject))
        .explode(Some(true))
        .build()
}

fn query_builder(name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
}

fn integer(minimum: i64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(minimum))
}

/// The schema of that type, by its name.
pub(super) fn named<T: NamedSchema>() -> Ref {
    Ref::from_schema_name(T::NAME)
}
