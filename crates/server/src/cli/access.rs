//! What can be asked about tenants and API keys.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use florin_domain::{Currency, KeyId, TenantId};
use florin_engine::access::Scope;

use super::{ModeWord, parse_time};

/// What to do about tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum Tenants {
    /// Make a tenant, and print its id
    #[command(after_help = "Example:\n  tenant=$(florin tenants create 'Example GmbH')")]
    Create {
        /// What people call it, 1 to 200 characters
        name: String,
    },
    /// Print all tenants: id, name
    List,
    /// Print a tenant and its settings in both modes
    Show {
        /// Which one
        #[arg(value_name = "TENANT_ID")]
        tenant: TenantId,
    },
    /// Give a tenant another name
    Rename {
        /// Which one
        #[arg(value_name = "TENANT_ID")]
        tenant: TenantId,
        /// What people call it, 1 to 200 characters
        name: String,
    },
    /// Set what a tenant takes in one mode, and how often each of its keys may ask; what is not named stays
    #[command(after_help = TENANTS_SET_EXAMPLES)]
    Set(SetTenant),
}

const TENANTS_SET_EXAMPLES: &str = "\
Examples:
  florin tenants set ten_… --mode live --currencies EUR,USD
  florin tenants set ten_… --mode live --rate-limit-per-minute 600 --rate-limit-per-second 50
  florin tenants set ten_… --mode test --currencies all --rate-limit-per-minute default

It holds for the next request on every process. What is under way in a currency that is switched off goes on.";

/// Settings of a tenant.
#[derive(Debug, Args)]
pub(crate) struct SetTenant {
    /// Which one
    #[arg(value_name = "TENANT_ID")]
    pub(crate) tenant: TenantId,
    /// Settings for test keys, or for live ones
    #[arg(long, value_enum)]
    pub(crate) mode: ModeWord,
    /// The currencies that it takes, with commas between them; all for all there are
    #[arg(long, value_name = "CODES")]
    pub(crate) currencies: Option<CurrencyWords>,
    /// Requests a minute for each key: a number, 0 for any number, or default for the server's own limit
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate_limit_per_minute: Option<LimitWord>,
    /// Requests a second, in the same terms
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate_limit_per_second: Option<LimitWord>,
}

/// Currencies, or none for all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CurrencyWords(pub(crate) Option<Vec<Currency>>);

impl FromStr for CurrencyWords {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(CurrencyWords(None));
        }
        let parse = |code: &str| Currency::parse(code).map_err(|error| format!("{code}: {error}"));
        text.split(',').map(parse).collect::<Result<_, _>>().map(|codes| CurrencyWords(Some(codes)))
    }
}

/// A limit, or none for the server's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitWord(pub(crate) Option<u32>);

impl FromStr for LimitWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(LimitWord(None)),
            number => number
                .parse()
                .map(|limit| LimitWord(Some(limit)))
                .map_err(|_| "write a number, or default".into()),
        }
    }
}

/// What to do about API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key, and print it, this once
    #[command(after_help = KEYS_CREATE_EXAMPLES)]
    Create(CreateKey),
    /// Print a tenant's keys: id, mode, name, the key's last characters, scopes, whether it works, when it was used last
    List {
        /// Whose keys
        #[arg(long, value_name = "TENANT_ID")]
        tenant: TenantId,
    },
    /// Give a key a successor with the same scopes, and print that, this once; the old one works on for a while
    #[command(after_help = KEYS_ROTATE_EXAMPLES)]
    Rotate(RotateKey),
    /// Revoke a key: it opens nothing any more, on any process, as soon as this has ended
    Revoke {
        /// The key's id, as `florin keys list` prints it; not the key itself
        key_id: KeyId,
    },
    /// Say which key a text on standard input is, and whether it was mistyped; no database is asked
    #[command(after_help = "Example:\n  florin keys check < found-in-a-log.txt")]
    Check,
}

const KEYS_ROTATE_EXAMPLES: &str = "\
Examples:
  key=$(florin keys rotate key_…)
  key=$(florin keys rotate key_… --overlap-seconds 3600)

The argument is the key's id, as `florin keys list` prints it. Only the new key goes to standard output.";

/// How a key is replaced.
#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// The key's id, not the key itself
    pub(crate) key_id: KeyId,
    /// For how many seconds the old key still works: up to 30 days, 0 to end it at once
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u32).range(0..=2_592_000))]
    pub(crate) overlap_seconds: u32,
    /// When the new key expires; as the old one would have when not said
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) expires: Option<DateTime<Utc>>,
}

const KEYS_CREATE_EXAMPLES: &str = "\
Examples:
  florin keys create --tenant ten_… --mode test
  key=$(florin keys create --tenant ten_… --mode live --name checkout --scope payments:write --scope payments:read)

Only the key goes to standard output. Florin keeps its SHA-256 digest, and can't show it again.
A key without --scope may do everything (admin).";

/// The key to make.
#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// Whose key
    #[arg(long, value_name = "TENANT_ID")]
    pub(crate) tenant: TenantId,
    /// Test keys see and make test payments only, live keys live ones only
    #[arg(long, value_enum)]
    pub(crate) mode: ModeWord,
    /// What it may do, once for each scope; without any: admin, which is everything
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    /// A name to recognize it by, up to 200 characters
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// When it expires: 2026-01-31T12:00:00Z with any offset, or 2026-01-31 for its beginning in UTC; without: never
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) expires: Option<DateTime<Utc>>,
    /// Requests a minute, 0 for any number; without: the tenant's or the server's own limit
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate_limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate_limit_per_second: Option<u32>,
}
