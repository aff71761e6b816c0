//! `florin open-items`, `florin attempts` and `florin reconcile`, as the command line takes them.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use florin_domain::{
    AttemptId, ClosingNote, OpenItemId, OpenItemType, ProcessorAccountId, ReferenceId, Resolution, TenantId,
};

use super::{ModeWord, parse_time};

/// Whose objects.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Whose {
    /// Whose
    #[arg(long, value_name = "TENANT_ID")]
    pub(crate) tenant: TenantId,
    /// Test or live objects
    #[arg(long, value_enum)]
    pub(crate) mode: ModeWord,
}

/// What to do about open items.
#[derive(Debug, Subcommand)]
pub(crate) enum OpenItems {
    /// Print open items, newest first: id, type, status, payment, attempt, message
    #[command(after_help = LIST_EXAMPLES)]
    List {
        #[command(flatten)]
        whose: Whose,
        /// Closed ones as well
        #[arg(long)]
        all: bool,
        /// Of this type only
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<OpenItemType>,
    },
    /// Print one, as JSON
    #[command(after_help = "Example:\n  florin open-items show item_… --tenant ten_… --mode live")]
    Show {
        /// The item's id
        id: OpenItemId,
        #[command(flatten)]
        whose: Whose,
    },
    /// Close one, since it is dealt with
    #[command(after_help = CLOSE_EXAMPLES)]
    Close {
        /// The item's id
        id: OpenItemId,
        #[command(flatten)]
        whose: Whose,
        /// What was found out, or done
        #[arg(long)]
        note: ClosingNote,
    },
}

const LIST_EXAMPLES: &str = "\
Examples:
  florin open-items list --tenant ten_… --mode live
  florin open-items list --tenant ten_… --mode live --type missing_here --all";

const CLOSE_EXAMPLES: &str = "\
Example:
  florin open-items close item_… --tenant ten_… --mode live --note 'claimed back, letter of 3 May'

Nothing but the item changes. One of type needs_review is closed by `florin attempts resolve`. On SQLite no server may
run meanwhile; ask it instead, by POST /v1/open_items/{id}/close.";

/// What to do about attempts.
#[derive(Debug, Subcommand)]
pub(crate) enum Attempts {
    /// Print the attempts that need review: attempt, payment, processor, its reference, amount, currency
    #[command(after_help = "Example:\n  florin attempts list --needs-review --tenant ten_… --mode live")]
    List {
        /// Those that need review, which is all that is listed
        #[arg(long, required = true)]
        needs_review: bool,
        #[command(flatten)]
        whose: Whose,
    },
    /// Settle an attempt that needs review, as you have found out; prints its open item as JSON
    #[command(after_help = RESOLVE_EXAMPLES)]
    Resolve(ResolveArguments),
}

const RESOLVE_EXAMPLES: &str = "\
Examples:
  florin attempts resolve att_… --tenant ten_… --mode live --outcome succeeded --reference ch_123 --note 'in the dashboard'
  florin attempts resolve att_… --tenant ten_… --mode live --outcome failed --note 'support says it never arrived'

The payment or refund changes as if the processor had said so. On SQLite no server may run meanwhile; ask it instead, by
POST /v1/attempts/{id}/resolve.";

/// The attempt to settle, and how.
#[derive(Debug, Args)]
pub(crate) struct ResolveArguments {
    /// The attempt's id
    pub(crate) id: AttemptId,
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// What became of it: succeeded or failed
    #[arg(long)]
    pub(crate) outcome: Resolution,
    /// The processor's name for it; needed for a charge that has succeeded
    #[arg(long)]
    pub(crate) reference: Option<ReferenceId>,
    /// How you know
    #[arg(long)]
    pub(crate) note: ClosingNote,
}

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArguments {
    /// The processor account, as `florin processors list` prints it
    #[arg(long, value_name = "ACCOUNT_ID")]
    pub(crate) account: ProcessorAccountId,
    /// From this time on: 2026-01-31T12:00:00Z with any offset, or 2026-01-31 for its beginning in UTC
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: DateTime<Utc>,
    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) to: DateTime<Utc>,
}

pub(crate) const RECONCILE_EXAMPLES: &str = "\
Example:
  florin reconcile --account pacc_… --from 2026-01-01 --to 2026-01-02

What differs becomes an open item, once for each cause. Servers do the same for each day by themselves. The status is 0
when nothing differs, 1 when something does, 2 when it could not be compared. On SQLite no server may run meanwhile.";
