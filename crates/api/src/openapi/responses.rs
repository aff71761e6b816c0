//! The answers of an operation: its successes, and its errors by status.

use std::collections::BTreeMap;

use florin_engine::views::ErrorCode;
use florin_engine::views::schema::string;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::{
    ContentBuilder, Header, ObjectBuilder, Ref, Response, ResponseBuilder, Responses, Type,
};

/// A success.
pub(super) struct Success {
    /// Its status.
    pub(super) status: u16,
    /// What it means.
    pub(super) meaning: &'static str,
    /// The schema of its body.
    pub(super) schema: &'static str,
    /// The operations whose path takes the `id` of its body.
    pub(super) links: &'static [&'static str],
}

/// All answers of an operation.
pub(super) fn responses(successes: &[Success], errors: &[ErrorCode]) -> Responses {
    let mut responses = Responses::new();
    for answer in successes {
        responses.responses.insert(answer.status.to_string(), success(answer).into());
    }
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in errors {
        by_status.entry(code.status()).or_default().push(*code);
    }
    for (status, codes) in by_status {
        responses.responses.insert(status.to_string(), error(status, &codes).into());
    }
    responses
}

fn success(answer: &Success) -> Response {
    let builder = with_headers(ResponseBuilder::new().description(answer.meaning))
        .header("idempotency-replayed", header("`true` on a stored answer that is given again.", string()))
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name(answer.schema))).build(),
        );
    let link =
        |operation: &str| LinkBuilder::new().operation_id(operation).parameter("id", "$response.body#/id");
    answer
        .links
        .iter()
        .fold(builder, |builder, operation| builder.link(*operation, link(operation).build()))
        .build()
}

/// The answer that is a file, in any of these content types.
pub(super) fn download(meaning: &str, content_types: &[&str]) -> Response {
    let name = header("A name for the file.", string());
    let builder =
        with_headers(ResponseBuilder::new().description(meaning)).header("content-disposition", name);
    let content = ContentBuilder::new().schema(Some(string().build())).build();
    content_types.iter().fold(builder, |builder, name| builder.content(*name, content.clone())).build()
}

fn error(status: u16, codes: &[ErrorCode]) -> Response {
    let meanings: Vec<_> =
        codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.meaning())).collect();
    let mut builder = with_headers(ResponseBuilder::new().description(meanings.join("\n\n")));
    if matches!(status, 409 | 429 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        builder = builder.header("retry-after", header("After how many seconds to try again.", seconds));
    }
    if status == 401 {
        builder = builder.header("www-authenticate", header("How to authenticate.", string()));
    }
    builder
        .content(
            "application/json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build(),
        )
        .build()
}

fn with_headers(builder: ResponseBuilder) -> ResponseBuilder {
    builder
        .header("x-request-id", header("The id of the request, to quote when you ask about it.", string()))
        .header("ratelimit", header("What is left of the rate limits, when there are any.", string()))
        .header("ratelimit-policy", header("The rate limits, when there are any.", string()))
}

fn header(description: &str, schema: ObjectBuilder) -> Header {
    HeaderBuilder::new().schema(Some(schema.build())).description(Some(description)).build()
}
