//! The log: lines on standard error, as text for people or JSON for machines.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// Starts logging. What libraries log through `log` arrives here as well.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::new(&settings.log);
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // A second logger can only be a test's, which then wins.
    let _ = match settings.log_format {
        LogFormat::Text => subscriber.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => {
            std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
            subscriber.json().flatten_event(true).try_init()
        }
    };
}
