//! The command line: what can be asked of the binary, and the help that teaches it.

mod access;
mod processors;
mod recovery;
mod users;
mod webhooks;

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};
use florin_domain::{Mode, TenantId};
use florin_engine::export::{ExportFormat, ExportKind};

pub(crate) use access::{CreateKey, Keys, RotateKey, SetTenant, Tenants};
pub(crate) use processors::{AddProcessor, CredentialsFrom, Processors};
use recovery::RECONCILE_EXAMPLES;
pub(crate) use recovery::{Attempts, OpenItems, ReconcileArguments, ResolveArguments, Whose};
use webhooks::{LISTEN_EXAMPLES, TRIGGER_EXAMPLES};
pub(crate) use webhooks::{ListenArguments, Remote, TriggerArguments};

pub(crate) use users::{AddUser, Users};

use crate::settings::{Flags, listing};

const EXAMPLES: &str = "\
Examples:
  florin dev
      Try it: a server on 127.0.0.1:8080 with a database file, a sandbox and a key, made on the spot.

  export FLORIN_DATABASE_URL=postgres://florin@db.internal/florin
  florin migrate
  florin tenants create 'Example GmbH'
  florin keys create --tenant ten_… --mode test --scope payments:read --scope payments:write
  florin serve
      Run it: a database prepared, a tenant with a key, a server.

  florin verify
      Check that every money rule holds in the whole database.

  florin export transactions --tenant ten_… --mode live --format csv --output transactions.csv
      Write them to a file.

Settings come from a TOML file (--config), from FLORIN_… variables and from flags; the later wins.
`florin serve --help` lists them.";

/// Florin, a payments server in one binary.
#[derive(Debug, Parser)]
#[command(name = "florin", version, about, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// Read settings from this TOML file [env: FLORIN_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database: sqlite://PATH or postgres://USER@HOST/NAME [env: FLORIN_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a server to try things out: migrates, makes a sandbox tenant with the documented key, and listens
    #[command(after_help = DEV_EXAMPLES, after_long_help = format!("{DEV_EXAMPLES}\n\n{}", listing()))]
    Dev(DevArguments),
    /// Start a server for production; the database has to be migrated before
    #[command(after_help = SERVE_EXAMPLES, after_long_help = format!("{SERVE_EXAMPLES}\n\n{}", listing()))]
    Serve(Listen),
    /// Bring the database to this version's schema; says what it applied
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate,
    /// Make, list and set up tenants, each of which has its own payments and keys
    #[command(subcommand)]
    Tenants(Tenants),
    /// Make, list, rotate and revoke API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Make, list, disable and enable users, who sign in with passwords, and reset these
    #[command(subcommand)]
    Users(Users),
    /// Add, list and change accounts with payment processors, and encrypt their credentials anew
    #[command(subcommand)]
    Processors(Processors),
    /// Recompute every money rule over the whole database, and name each violation
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// List and close findings that a person has to decide about
    #[command(subcommand)]
    OpenItems(OpenItems),
    /// List and resolve attempts whose outcome nobody knows
    #[command(subcommand)]
    Attempts(Attempts),
    /// Compare a processor account with what is booked here, in a window of time
    #[command(after_help = RECONCILE_EXAMPLES)]
    Reconcile(ReconcileArguments),
    /// Write payments, refunds or transactions of a tenant to a file, oldest first
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArguments),
    /// Show a server's events as they happen, and send them to a program on this machine
    #[command(after_help = LISTEN_EXAMPLES)]
    Listen(ListenArguments),
    /// Make happen what an event tells of, in the sandbox
    #[command(after_help = TRIGGER_EXAMPLES)]
    Trigger(TriggerArguments),
}

const DEV_EXAMPLES: &str = "\
Examples:
  florin dev
  florin dev --demo                           with four weeks of payments to look at
  florin dev --listen 127.0.0.1:0             any free port; the first line printed names it
  florin dev --database-url sqlite://demo.db  another file than florin-dev.db";

const SERVE_EXAMPLES: &str = "\
Examples:
  FLORIN_DATABASE_URL=sqlite:///var/lib/florin/florin.db florin serve
  florin serve --config /etc/florin.toml --listen 0.0.0.0:8080
  FLORIN_MIGRATE=true florin serve            migrates first

SIGTERM and SIGINT end it gracefully: no new connections, running requests and charges are finished, then status 0.
A second signal ends it at once; recovery settles at the next start what was left open.";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  florin migrate --database-url sqlite://florin.db
  FLORIN_DATABASE_URL=postgres://florin@db.internal/florin florin migrate

It may be run by several processes at once, and again at any time: what is there already is left alone.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  florin verify --database-url sqlite://florin-dev.db
  florin verify > violations.txt && echo clean
  florin verify --card-numbers --log-file florin.log --log-file florin.log.1

Each violation is a line on standard output. The status is 0 when there is none, 1 when there are some, 2 when the
database could not be checked. It only reads, and may run beside a server.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  florin export payments --tenant ten_… --mode live --format csv --output payments.csv
  florin export transactions --tenant ten_… --mode live --format jsonl --from 2026-01-01 --until 2026-02-01 | gzip > january.gz

It shows what there was at one instant, and may run beside a server. The status is 0 when all is written. When it is 2,
what was written is not the whole, and a file has not got its name. A text that a spreadsheet would take for a formula
stands behind an apostrophe in CSV; JSON lines have it as it is.";

/// What to verify.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// Look for card numbers in every text of the database, instead of recomputing the money rules
    #[arg(long)]
    pub(crate) card_numbers: bool,
    /// Look for card numbers in this file of logs, too; - for standard input; may be repeated
    #[arg(long, value_name = "FILE", requires = "card_numbers")]
    pub(crate) log_file: Vec<PathBuf>,
}

/// What to export, and where to.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// What to export
    #[arg(value_enum)]
    pub(crate) kind: KindWord,
    /// Whose
    #[arg(long, value_name = "TENANT_ID")]
    pub(crate) tenant: TenantId,
    /// Test or live objects
    #[arg(long, value_enum)]
    pub(crate) mode: ModeWord,
    /// Comma-separated values, or a JSON object in each line
    #[arg(long, value_enum)]
    pub(crate) format: FormatWord,
    /// The file to write, which is replaced when it is complete; - for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) output: PathBuf,
    /// Created at this time or later: 2026-01-31T12:00:00Z with any offset, or 2026-01-31 for its beginning in UTC
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Created before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<DateTime<Utc>>,
}

/// What can be exported, as the command line writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindWord {
    /// Payments, in JSON lines with their attempts.
    Payments,
    /// Refunds.
    Refunds,
    /// Transactions of the journal.
    Transactions,
}

impl From<KindWord> for ExportKind {
    fn from(word: KindWord) -> ExportKind {
        match word {
            KindWord::Payments => ExportKind::Payments,
            KindWord::Refunds => ExportKind::Refunds,
            KindWord::Transactions => ExportKind::Transactions,
        }
    }
}

/// How an export is written, as the command line writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatWord {
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object in each line.
    Jsonl,
}

impl From<FormatWord> for ExportFormat {
    fn from(word: FormatWord) -> ExportFormat {
        match word {
            FormatWord::Csv => ExportFormat::Csv,
            FormatWord::Jsonl => ExportFormat::Jsonl,
        }
    }
}

fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let day = text.parse::<NaiveDate>().map_err(|_| "write 2026-01-31T12:00:00Z or 2026-01-31".to_owned())?;
    Ok(day.and_time(NaiveTime::MIN).and_utc())
}

/// Where a server listens.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Address and port to listen on; port 0 takes any free one [env: FLORIN_LISTEN]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// How a sandbox is started.
#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    #[command(flatten)]
    listen: Listen,
    /// Fill the sandbox with four weeks of a made-up shop's payments, once; another seed makes others
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub(crate) demo: Option<u64>,
}

/// A mode, as the command line writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeWord {
    /// No real money.
    Test,
    /// Real money.
    Live,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Mode {
        match word {
            ModeWord::Test => Mode::Test,
            ModeWord::Live => Mode::Live,
        }
    }
}

impl Cli {
    /// The settings given by flags.
    pub(crate) fn flags(&self) -> Flags {
        let listen = match &self.command {
            Command::Dev(arguments) => arguments.listen.listen,
            Command::Serve(listen) => listen.listen,
            Command::Migrate
            | Command::Tenants(_)
            | Command::Keys(_)
            | Command::Users(_)
            | Command::Processors(_)
            | Command::OpenItems(_)
            | Command::Attempts(_)
            | Command::Reconcile(_)
            | Command::Verify(_)
            | Command::Export(_)
            | Command::Listen(_)
            | Command::Trigger(_) => None,
        };
        Flags { config: self.common.config.clone(), database_url: self.common.database_url.clone(), listen }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_flags_may_stand_before_and_after_the_command() {
        for line in ["florin --database-url sqlite://a.db dev", "florin dev --database-url sqlite://a.db"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.flags().database_url.as_deref(), Some("sqlite://a.db"));
        }
    }

    #[test]
    fn what_is_wrong_is_refused_before_anything_is_opened() {
        for line in [
            "florin",
            "florin dev --listen 8080",
            "florin dev --port 8080",
            "florin keys create --mode test",
            "florin keys create --tenant cus_01jgfjjz00e008000000000001 --mode test",
            "florin keys create --tenant ten_01jgfjjz00e008000000000001 --mode prod",
            "florin keys create --tenant ten_01jgfjjz00e008000000000001 --mode test --scope payments:raed",
            "florin keys revoke sk_test_1234567890abcdefghijklmnop",
            "florin processors add --tenant ten_01jgfjjz00e008000000000001 --mode live --connector stripe",
            "florin processors add --tenant ten_01jgfjjz00e008000000000001 --mode live --connector stripe --name Stripe",
            "florin processors add --tenant ten_01jgfjjz00e008000000000001 --mode live --connector stripe --name s --setting x",
            "florin processors rotate",
            "florin processors disable key_01jgfjjz00e008000000000001",
            "florin keys rotate key_01jgfjjz00e008000000000001 --overlap-seconds 2592001",
            "florin tenants set ten_01jgfjjz00e008000000000001 --currencies EUR",
            "florin tenants set ten_01jgfjjz00e008000000000001 --mode test --currencies EURO",
            "florin tenants set ten_01jgfjjz00e008000000000001 --mode test --rate-limit-per-second some",
            "florin export payments --mode test --format csv",
            "florin listen --types payment.exploded",
            "florin trigger",
            "florin export payments --tenant ten_01jgfjjz00e008000000000001 --mode test",
            "florin export customers --tenant ten_01jgfjjz00e008000000000001 --mode test --format csv",
            "florin export payments --tenant ten_01jgfjjz00e008000000000001 --mode test --format xml",
            "florin export payments --tenant ten_01jgfjjz00e008000000000001 --mode test --format csv --from 2026",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn a_time_has_any_offset_or_is_the_beginning_of_a_day() {
        for (text, expected) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:00.5+02:00", "2026-01-31T10:00:00.5Z"),
            ("2026-01-31", "2026-01-31T00:00:00Z"),
        ] {
            assert_eq!(parse_time(text), Ok(expected.parse().unwrap()), "{text}");
        }
        for text in ["", "now", "2026", "2026-02-30", "2026-01-31 12:00", "2026-01-31T12:00:00"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn help_of_every_command_tells_by_examples() {
        let mut root = Cli::command();
        for command in ["add", "rotate", "reencrypt"] {
            let processors = root.find_subcommand_mut("processors").unwrap();
            let help = processors.find_subcommand_mut(command).unwrap().render_long_help().to_string();
            assert!(help.contains("Example"), "{command}");
        }
        for command in ["dev", "serve", "migrate", "verify", "export", "listen", "trigger"] {
            let help = root.find_subcommand_mut(command).unwrap().render_long_help().to_string();
            assert!(help.contains("Example"), "{command}");
        }
        let serve = root.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
        assert!(serve.contains("FLORIN_RATE_LIMIT_PER_MINUTE"));
    }
}
