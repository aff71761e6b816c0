//! Handlers of exports: parse, call the engine, answer with a file.

use actix_web::http::Version;
use florin_engine::export::{ExportFormat, ExportKind, ExportRequest};
use florin_engine::views::{ErrorCode, Refused};

use crate::call::Call;
use crate::reply::Download;

/// The parameters of every export.
pub(crate) const EXPORT_PARAMETERS: [&str; 3] = ["format", "created_after", "created_before"];

pub(crate) async fn payments(call: Call) -> Result<Download, Refused> {
    export(call, ExportKind::Payments).await
}

pub(crate) async fn refunds(call: Call) -> Result<Download, Refused> {
    export(call, ExportKind::Refunds).await
}

pub(crate) async fn transactions(call: Call) -> Result<Download, Refused> {
    export(call, ExportKind::Transactions).await
}

async fn export(call: Call, kind: ExportKind) -> Result<Download, Refused> {
    let mut query = call.query(&EXPORT_PARAMETERS)?;
    let format = query.word("format", ExportFormat::WORDS)?.unwrap_or(ExportFormat::Jsonl);
    let created_after = query.time("created_after")?;
    let created_before = query.time("created_before")?;
    refuse_old_http(call.request.version())?;
    let request = ExportRequest { kind, format, created_after, created_before };
    let export = call.state.engine.export(call.context, request).await?;
    Ok(Download { export, kind, format })
}

/// HTTP/1.0 has no chunks: the end of a broken connection would be the end of the file.
fn refuse_old_http(version: Version) -> Result<(), Refused> {
    if version >= Version::HTTP_11 {
        return Ok(());
    }
    let message = "An export needs HTTP/1.1, by which a part is told from the whole; send the request as HTTP/1.1, also \
                   from a proxy to this server.";
    Err(Refused::new(ErrorCode::RequestMalformed, message))
}
