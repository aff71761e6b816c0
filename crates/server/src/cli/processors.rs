//! `florin processors`, as the command line takes it. Credentials never stand on it: everybody on a machine can see the
//! command lines of all.

use clap::{Args, Subcommand};
use florin_domain::{AccountPosition, ProcessorAccountId, ProcessorName, TenantId};

use super::ModeWord;

/// What to do about processor accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Processors {
    /// Add an account; its credentials are read from standard input or a variable
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddProcessor),
    /// Print a tenant's accounts: id, mode, name, connector, position, the key of its credentials, whether it is enabled
    List {
        /// Whose accounts
        #[arg(long, value_name = "TENANT_ID")]
        tenant: TenantId,
    },
    /// Let an account take new charges
    Enable {
        /// The account's id
        account_id: ProcessorAccountId,
    },
    /// Let an account take no new charges from the next second on; what it has charged it captures and refunds
    Disable {
        /// The account's id
        account_id: ProcessorAccountId,
    },
    /// Replace an account's credentials, read from standard input or a variable
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate {
        /// The account's id
        account_id: ProcessorAccountId,
        #[command(flatten)]
        from: CredentialsFrom,
    },
    /// Encrypt all credentials with the first key of FLORIN_CREDENTIALS_KEY
    #[command(after_help = REENCRYPT_EXAMPLES)]
    Reencrypt,
}

const ADD_EXAMPLES: &str = "\
Examples:
  echo '{\"secret_key\": \"sk_live_…\", \"webhook_secret\": \"whsec_…\"}' |
    florin processors add --tenant ten_… --mode live --connector stripe --name stripe-eu
  florin processors add --tenant ten_… --mode live --connector stripe --name stripe-us --credentials-env STRIPE_US
  echo '{}' | florin processors add --tenant ten_… --mode test --connector sandbox --name trial

The credentials are a JSON object, and are stored encrypted with the key of FLORIN_CREDENTIALS_KEY. The account's id goes
to standard output. A server that runs uses the account after a second.";

const ROTATE_EXAMPLES: &str = "\
Example:
  echo '{\"secret_key\": \"sk_live_…\", \"webhook_secret\": \"whsec_new,whsec_old\"}' | florin processors rotate pacc_…";

const REENCRYPT_EXAMPLES: &str = "\
Example:
  FLORIN_CREDENTIALS_KEY=$new,$old florin processors reencrypt

To replace the key: set both, the new one first, and restart the servers; run this; then take the old one away. It may be
run beside servers, and again at any time.";

/// The account to add.
#[derive(Debug, Args)]
pub(crate) struct AddProcessor {
    /// Whose account
    #[arg(long, value_name = "TENANT_ID")]
    pub(crate) tenant: TenantId,
    /// Whether it takes test or live payments
    #[arg(long, value_enum)]
    pub(crate) mode: ModeWord,
    /// What speaks to the processor: stripe or sandbox
    #[arg(long)]
    pub(crate) connector: ProcessorName,
    /// What payments will call it, for ever: lower-case letters, digits, - and _
    #[arg(long)]
    pub(crate) name: ProcessorName,
    /// What the connector has to know beside the credentials, once for each setting
    #[arg(long = "setting", value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub(crate) settings: Vec<(String, String)>,
    /// Its place where no rule of the routes says otherwise: lower ones first
    #[arg(long, value_name = "NUMBER", default_value = "0", value_parser = parse_position)]
    pub(crate) position: AccountPosition,
    #[command(flatten)]
    pub(crate) from: CredentialsFrom,
}

/// Where credentials are read from.
#[derive(Debug, Args)]
pub(crate) struct CredentialsFrom {
    /// Read the credentials from this environment variable rather than from standard input
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) credentials_env: Option<String>,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_position(text: &str) -> Result<AccountPosition, String> {
    let number = text.parse().map_err(|_| "write a whole number".to_owned())?;
    AccountPosition::new(number).map_err(|refused| refused.to_string())
}
