//! The operations that answer with a file.

use florin_engine::export::{ExportFormat, ExportKind};
use florin_engine::views::ErrorCode;
use florin_engine::views::schema::{string, time};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem, PathsBuilder};

use super::call::Call;
use super::parameters::query;
use super::responses::download;

/// Adds the paths.
pub(super) fn paths(builder: PathsBuilder) -> PathsBuilder {
    [
        ("exportPayments", ExportKind::Payments),
        ("exportRefunds", ExportKind::Refunds),
        ("exportTransactions", ExportKind::Transactions),
    ]
    .into_iter()
    .fold(builder, |builder, (id, kind)| {
        builder.path(format!("/v1/exports/{kind}"), PathItem::new(HttpMethod::Get, export(id, kind)))
    })
}

fn export(id: &str, kind: ExportKind) -> Operation {
    let format =
        string().enum_values(Some(ExportFormat::WORDS.iter().copied())).default(Some(json!("jsonl")));
    let mut operation = Call::get(id, &format!("Export {kind}"))
        .about(ABOUT)
        .tag("Exports")
        .takes(vec![
            query("format", "JSON lines, an object in each as the API shows it, or CSV.", format.build()),
            query("created_after", "Created later than this instant.", time().build()),
            query("created_before", "Created earlier than this instant.", time().build()),
        ])
        .refuses(&[ErrorCode::RequestMalformed])
        .build();
    let file = download("The file, oldest first.", &["application/x-ndjson", "text/csv"]);
    operation.responses.responses.insert("200".to_owned(), file.into());
    operation
}

const ABOUT: &str = "All there are at one instant, sent while they are read. An export that is interrupted ends without \
    the last chunk of its body: clients report that, and what they have is not the whole. At most two of a tenant run at \
    the same time.";
