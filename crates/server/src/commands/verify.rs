//! `florin verify`.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use florin_domain::contains_card_number;
use florin_storage::verify::{find_card_numbers, verify};

use super::open;
use crate::cli::VerifyArguments;
use crate::failure::Failure;
use crate::settings::Settings;

/// What `florin verify` ends with when it found something.
const VIOLATED: u8 = 1;

pub(super) fn run(settings: &Settings, arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    let found = match arguments.card_numbers {
        true => look_for_card_numbers(settings, &arguments.log_file)?,
        false => check_money_rules(settings)?,
    };
    Ok(if found == 0 { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
}

fn check_money_rules(settings: &Settings) -> Result<u64, Failure> {
    let mut connection = open(&settings.database_url)?;
    let mut findings = Findings::new();
    let summary = verify(&mut connection, &mut |violation| findings.write(&violation))?;
    findings.end()?;
    eprintln!("{summary}");
    Ok(summary.violations)
}

fn look_for_card_numbers(settings: &Settings, log_files: &[std::path::PathBuf]) -> Result<u64, Failure> {
    let mut findings = Findings::new();
    let mut lines = 0;
    let mut found = 0;
    // Before the database, which takes longer: a file that can't be read is told at once.
    for path in log_files {
        let failed = |error| Failure::Log { path: path.clone(), error };
        look_at_log(path, |number, has_card_number| {
            lines += 1;
            if has_card_number {
                found += 1;
                findings.write(&format_args!("{}, line {number}: a card number", path.display()));
            }
        })
        .map_err(failed)?;
    }
    let mut connection = open(&settings.database_url)?;
    let summary = find_card_numbers(&mut connection, &mut |row| findings.write(&row))?;
    findings.end()?;
    let found = found + summary.found;
    let noun = if found == 1 { "card number" } else { "card numbers" };
    eprintln!("{} rows of {} tables, {lines} lines of logs: {found} {noun}", summary.rows, summary.tables);
    Ok(found)
}

/// Looks at a log line by line, and tells of each its number and whether a card number is in it.
fn look_at_log(path: &Path, mut tell: impl FnMut(u64, bool)) -> io::Result<()> {
    let mut log: Box<dyn BufRead> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::new(File::open(path)?)),
    };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if log.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        tell(number, contains_card_number(&String::from_utf8_lossy(&line)));
    }
    Ok(())
}

/// What was found, a line each on standard output.
struct Findings {
    out: io::StdoutLock<'static>,
    written: io::Result<()>,
}

impl Findings {
    fn new() -> Self {
        Findings { out: io::stdout().lock(), written: Ok(()) }
    }

    fn write(&mut self, finding: &dyn Display) {
        if self.written.is_ok() {
            self.written = writeln!(self.out, "{finding}");
        }
    }

    /// # Errors
    /// That of the first line that could not be written.
    fn end(self) -> io::Result<()> {
        self.written
    }
}
