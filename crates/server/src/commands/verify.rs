//! `florin verify`.

use std::io::{self, Write};
use std::process::ExitCode;

use florin_storage::verify::verify;

use super::open;
use crate::failure::Failure;
use crate::settings::Settings;

/// What `florin verify` ends with when it found something.
const VIOLATED: u8 = 1;

pub(super) fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    let mut connection = open(&settings.database_url)?;
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    let summary = verify(&mut connection, &mut |violation| {
        if written.is_ok() {
            written = writeln!(out, "{violation}");
        }
    })?;
    written?;
    eprintln!("{summary}");
    Ok(if summary.violations == 0 { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
}
