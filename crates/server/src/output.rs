//! Standard output, for what a command was asked for. All else goes to standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints lines, at once also when nobody watches.
///
/// # Errors
/// When it can't be written, for instance because the reader is gone.
pub(crate) fn print_lines(lines: impl IntoIterator<Item = impl Display>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
