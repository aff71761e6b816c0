//! Whole lists as files: JSON lines for programs, CSV for spreadsheets.
//!
//! Objects are read page by page in one snapshot and handed on in parts of whole rows, so that memory does not grow with
//! the list. Deliberately not here: files and HTTP.

mod cells;
mod rows;
mod stream;

use std::fmt;
use std::io;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use florin_domain::{Attempt, Payment, Refund, Transaction, UnknownWord};
use florin_storage::read::{Export, ExportQuery, Exported};
use florin_storage::{AnyConnection, Realm, StorageError};

use rows::{Exportable, Rows};
pub(crate) use stream::export_slots;
pub use stream::{ExportInterrupted, ExportStream};

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// Payments; with their attempts in JSON lines.
    Payments,
    /// Refunds.
    Refunds,
    /// The journal's transactions.
    Transactions,
}

impl ExportKind {
    /// The kind in the plural, as paths and file names have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ExportKind::Payments => "payments",
            ExportKind::Refunds => "refunds",
            ExportKind::Transactions => "transactions",
        }
    }

    /// What the columns of its CSV are called.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            ExportKind::Payments => <(Payment, Vec<Attempt>)>::COLUMNS,
            ExportKind::Refunds => Refund::COLUMNS,
            ExportKind::Transactions => Transaction::COLUMNS,
        }
    }
}

impl fmt::Display for ExportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values as in RFC 4180, with a header; see `docs/export.md` for the cells.
    Csv,
    /// An object in each line, as the API shows it.
    Jsonl,
}

impl ExportFormat {
    /// All formats as words.
    pub const WORDS: &'static [&'static str] = &["csv", "jsonl"];

    /// The format as a word, which is also the extension of a file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ExportFormat::Csv => "csv",
            ExportFormat::Jsonl => "jsonl",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [ExportFormat::Csv, ExportFormat::Jsonl];
        let found = all.into_iter().find(|format| format.as_str() == word);
        found.ok_or_else(|| UnknownWord { found: word.to_owned(), allowed: ExportFormat::WORDS })
    }
}

/// What is to be exported, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportRequest {
    /// What.
    pub kind: ExportKind,
    /// How.
    pub format: ExportFormat,
    /// Created later than this instant.
    pub created_after: Option<DateTime<Utc>>,
    /// Created earlier than this instant.
    pub created_before: Option<DateTime<Utc>>,
}

/// Where an export goes.
pub trait ExportSink {
    /// Whether it wants to know beforehand how many objects will come, for which they have to be counted.
    fn wants_total(&self) -> bool {
        false
    }

    /// So many objects will come.
    fn expect(&mut self, _total: u64) {}

    /// Takes some rows, none of them cut, and hears how many objects they are.
    ///
    /// # Errors
    /// When they can't be passed on; that ends the export.
    fn take(&mut self, rows: Vec<u8>, objects: u64) -> io::Result<()>;
}

/// Why an export is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ExportFailed {
    /// The database or one of its rows.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What it was written to.
    #[error("the export can't be written: {0}")]
    Output(#[from] io::Error),
}

/// Writes what there is now, oldest first, and gives back how many objects that was. It blocks.
///
/// # Errors
/// [`ExportFailed`]; what the sink has taken by then is not the whole.
pub fn export(
    connection: &mut AnyConnection,
    realm: Realm,
    request: &ExportRequest,
    sink: &mut dyn ExportSink,
) -> Result<u64, ExportFailed> {
    let ExportRequest { kind, format, created_after, created_before } = *request;
    let query = ExportQuery { realm, created_after, created_before };
    match kind {
        ExportKind::Payments => write_all::<(Payment, Vec<Attempt>)>(connection, &query, format, sink),
        ExportKind::Refunds => write_all::<Refund>(connection, &query, format, sink),
        ExportKind::Transactions => write_all::<Transaction>(connection, &query, format, sink),
    }
}

/// How many bytes are handed on together, and somewhat more.
const PART: usize = 64 * 1024;

fn write_all<T: Exported + Exportable>(
    connection: &mut AnyConnection,
    query: &ExportQuery,
    format: ExportFormat,
    sink: &mut dyn ExportSink,
) -> Result<u64, ExportFailed> {
    let mut export = Export::<T>::begin(connection, query)?;
    if sink.wants_total() {
        sink.expect(export.count()?);
    }
    let mut rows = Rows::begin(format, T::COLUMNS)?;
    let (mut written, mut waiting) = (0, 0);
    loop {
        let page = export.next_page()?;
        for object in &page {
            rows.add(object)?;
            waiting += 1;
            if rows.len() >= PART {
                sink.take(rows.take()?, waiting)?;
                written += std::mem::take(&mut waiting);
            }
        }
        if page.is_empty() {
            sink.take(rows.take()?, waiting)?;
            return Ok(written + waiting);
        }
    }
}
