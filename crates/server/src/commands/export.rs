//! `florin export`: a realm's payments, refunds or transactions as a file.
//!
//! A file has its name once it is complete, and not before: until then it stands beside it under another.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write, stderr, stdout};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use florin_engine::export::{ExportRequest, ExportSink, export};
use florin_storage::Realm;
use florin_storage::access::find_tenant;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tempfile::{NamedTempFile, TempPath};

use super::open;
use crate::cli::ExportArguments;
use crate::failure::Failure;
use crate::settings::Settings;

pub(super) fn run(settings: &Settings, arguments: &ExportArguments) -> Result<(), Failure> {
    let mut connection = open(&settings.database_url)?;
    find_tenant(&mut connection, arguments.tenant)?.ok_or(Failure::NoTenant(arguments.tenant))?;
    let realm = Realm { tenant_id: arguments.tenant, mode: arguments.mode.into() };
    let request = ExportRequest {
        kind: arguments.kind.into(),
        format: arguments.format.into(),
        created_after: arguments.from.map(just_before),
        created_before: arguments.until,
    };
    let output = Output::open(&arguments.output)?;
    let shows_progress = stderr().is_terminal() && !(output.is_standard() && stdout().is_terminal());
    let mut sink = Sink { out: BufWriter::new(output), bar: None, shows_progress };
    let exported = export(&mut connection, realm, &request, &mut sink);
    if let Some(bar) = &sink.bar {
        bar.finish_and_clear();
    }
    let count = exported?;
    sink.finish().map_err(florin_engine::export::ExportFailed::Output)?;
    eprintln!("exported {count} {}", request.kind);
    Ok(())
}

/// The instant before: created later than that is created at this one or later.
fn just_before(at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(at)
}

/// Where the rows go, and the bar that shows how many have gone.
struct Sink {
    out: BufWriter<Output>,
    bar: Option<ProgressBar>,
    shows_progress: bool,
}

impl ExportSink for Sink {
    fn wants_total(&self) -> bool {
        self.shows_progress
    }

    fn expect(&mut self, total: u64) {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len}, {eta} left");
        self.bar = Some(style.map_or(bar.clone(), |style| bar.with_style(style)));
    }

    fn take(&mut self, rows: Vec<u8>, objects: u64) -> io::Result<()> {
        self.out.write_all(&rows)?;
        if let Some(bar) = &self.bar {
            bar.inc(objects);
        }
        Ok(())
    }
}

impl Sink {
    /// All is written: the file gets its name.
    fn finish(self) -> io::Result<()> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
    }
}

/// What an export is written to.
enum Output {
    /// Standard output.
    Standard(io::Stdout),
    /// A device or a pipe, which is there already and can't be replaced.
    Device(File),
    /// A file that is not complete, and the name that it gets.
    Unfinished(NamedTempFile, PathBuf),
}

impl Output {
    fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Output::Standard(stdout()));
        }
        let opened = match path.metadata() {
            Ok(found) if !found.is_file() => File::options().write(true).open(path).map(Output::Device),
            // Not over a link: what it points at is replaced.
            Ok(_) => path.canonicalize().and_then(unfinished),
            Err(_) => unfinished(path.to_owned()),
        };
        opened.map_err(|error| Failure::Output { path: path.to_owned(), error })
    }

    fn is_standard(&self) -> bool {
        matches!(self, Output::Standard(_))
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Output::Standard(mut out) => out.flush(),
            Output::Device(mut file) => file.flush(),
            Output::Unfinished(file, path) => {
                file.as_file().sync_all()?;
                let unnamed: TempPath = file.into_temp_path();
                unnamed.persist(path).map_err(|refused| refused.error)
            }
        }
    }
}

/// A file beside the one that it will replace. It goes when it is dropped.
fn unfinished(path: PathBuf) -> io::Result<Output> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy().into_owned();
    let file =
        tempfile::Builder::new().prefix(&format!("{name}.")).suffix(".unfinished").tempfile_in(folder)?;
    Ok(Output::Unfinished(file, path))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Standard(out) => out.write(bytes),
            Output::Device(file) => file.write(bytes),
            Output::Unfinished(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Standard(out) => out.flush(),
            Output::Device(file) => file.flush(),
            Output::Unfinished(file, _) => file.flush(),
        }
    }
}
