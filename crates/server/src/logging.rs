//! The log: lines on standard error, as text for people or JSON for machines, with no secret in any.

use std::io::{self, IsTerminal, Write, stderr};

use tracing_subscriber::EnvFilter;

use crate::redact;
use crate::settings::{LogFormat, Settings};

/// Starts logging. What libraries log through `log` arrives here as well.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::new(&settings.log);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Redacted);
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    // A second logger can only be a test's, which then wins.
    let _ = match settings.log_format {
        LogFormat::Text => subscriber.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
}

/// Standard error, for whole lines: a line is written by one call, so no secret is cut in two.
struct Redacted;

impl Write for Redacted {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        stderr().lock().write_all(redact::secrets(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}
