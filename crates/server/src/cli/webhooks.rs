//! The commands for developers of receivers: hearing events at one's desk, and making them happen.

use chrono::{DateTime, Utc};
use clap::Args;
use florin_domain::EventType;

use super::parse_time;
use crate::secret::DOCUMENTED_KEY;

pub(super) const LISTEN_EXAMPLES: &str = "\
Examples:
  florin listen --forward-to http://localhost:4242/webhooks
      Shows each event of the sandbox as it happens, and sends it there, signed by a secret that is printed first.

  florin listen --types payment.succeeded,payment.failed
      Shows these only, and sends them nowhere.

  florin listen --forward-to http://localhost:4242/ --replay-since 2026-01-31T12:00:00Z
      Begins with what has happened since.

It needs a key with the scope webhooks:read. Ctrl-C ends it. The server need not reach this machine.";

pub(super) const TRIGGER_EXAMPLES: &str = "\
Examples:
  florin trigger payment.succeeded
      Makes a payment that succeeds, in the sandbox, and prints the event.

  florin trigger refund.failed --server https://florin.internal --key sk_test_…

What is triggered happens: with a key of test mode, in the sandbox. For webhook_endpoint.disabled there is an endpoint on this
machine for a moment, which the server has to be allowed to reach, as `florin dev` is.";

/// Which server, and as whom.
#[derive(Clone, Debug, Args)]
pub(crate) struct Remote {
    /// The server
    #[arg(long, value_name = "URL", env = "FLORIN_SERVER", default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// An API key; by default that of the sandbox which `florin dev` makes
    #[arg(long, value_name = "KEY", env = "FLORIN_API_KEY", default_value = DOCUMENTED_KEY, hide_env_values = true)]
    pub(crate) key: String,
}

/// What to hear, and where to send it.
#[derive(Debug, Args)]
pub(crate) struct ListenArguments {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// A program of yours that receives webhooks
    #[arg(long, value_name = "URL")]
    pub(crate) forward_to: Option<String>,
    /// Events of these types only
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) types: Vec<EventType>,
    /// Begin with what has happened since this time: 2026-01-31T12:00:00Z, or 2026-01-31
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) replay_since: Option<DateTime<Utc>>,
    /// Sign by this secret instead of a new one
    #[arg(long, value_name = "WHSEC", env = "FLORIN_WEBHOOK_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,
}

/// What to make happen.
#[derive(Debug, Args)]
pub(crate) struct TriggerArguments {
    /// The type of the event, such as payment.succeeded
    #[arg(value_name = "TYPE")]
    pub(crate) kind: EventType,
    #[command(flatten)]
    pub(crate) remote: Remote,
}
