//! Why a command failed, said to the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use florin_domain::{KeyId, MetadataRefused, OpenItemId, ProcessorAccountId, TenantId, TextRefused, UserId};
use florin_engine::export::ExportFailed;
use florin_engine::requests::MalformedCredentials;
use florin_engine::{NotDone, OperatorFailed, ReconcileFailed, StartFailed};
use florin_processors::sandbox::BooksError;
use florin_storage::StorageError;

use crate::claim::ClaimRefused;
use crate::demo::DemoRefused;
use crate::http::TlsRefused;
use crate::settings::Mistakes;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The settings are wrong.
    #[error(transparent)]
    Settings(#[from] Mistakes),
    /// The database can't be served here and now.
    #[error(transparent)]
    Claim(#[from] ClaimRefused),
    /// The sandbox was not filled.
    #[error(transparent)]
    Demo(#[from] DemoRefused),
    /// The database is not there, not ready, or refused something.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file that should be a database is not there, and only migrating makes one.
    #[error("there is no database {}: check its name, or make it by `florin migrate`", .0.display())]
    NoDatabase(PathBuf),
    /// A name is too long, or empty.
    #[error("the name has {length} characters: write {least} to 200")]
    NameLength {
        /// How many it has.
        length: usize,
        /// How many it needs.
        least: usize,
    },
    /// There is no such tenant.
    #[error("there is no tenant {0}: `florin tenants list` prints those there are")]
    NoTenant(TenantId),
    /// There is no such key.
    #[error("there is no key {0}: `florin keys list --tenant ten_…` prints a tenant's")]
    NoKey(KeyId),
    /// There is no such user.
    #[error("there is no user {0}: `florin users list --tenant ten_…` prints a tenant's")]
    NoUser(UserId),
    /// A text is refused.
    #[error("the {0} is refused: {1}")]
    Text(&'static str, TextRefused),
    /// There is no such processor account.
    #[error("there is no processor account {0}: `florin processors list --tenant ten_…` prints a tenant's")]
    NoProcessorAccount(ProcessorAccountId),
    /// An account was refused, or could not be changed.
    #[error(transparent)]
    Operator(#[from] OperatorFailed),
    /// What was read is no credentials; it is not repeated.
    #[error(transparent)]
    Credentials(#[from] MalformedCredentials),
    /// Settings of an account are refused.
    #[error("the settings of the account are refused: {0}")]
    AccountSettings(#[from] MetadataRefused),
    /// Credentials are not where they were said to be.
    #[error("the variable {0} is not set, or holds something else than text")]
    NoVariable(String),
    /// A file of logs can't be read.
    #[error("the log {} can't be read: {error}", path.display())]
    Log {
        /// Where it is.
        path: PathBuf,
        /// What stands against it.
        error: io::Error,
    },
    /// Standard input can't be read.
    #[error("standard input can't be read: {0}")]
    Input(io::Error),
    /// The documented key is taken, by some other tenant.
    #[error(
        "the documented test key belongs to the tenant {0} here, so this is no database for `florin dev`: \
         name another one by --database-url"
    )]
    DocumentedKeyTaken(TenantId),
    /// What an operator asked for was not done.
    #[error(transparent)]
    NotDone(NotDone),
    /// A text is no API key that works.
    #[error("{0}")]
    NotAKey(&'static str),
    /// A server can't be asked.
    #[error("the server can't be asked: {}", causes(.0))]
    Unreachable(#[from] reqwest::Error),
    /// A server answered otherwise than expected.
    #[error("the server answered {status}: {message}")]
    Answered {
        /// The status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// A text is no secret of a webhook.
    #[error("the secret of a webhook is whsec_ and base64, as an endpoint's answer shows it")]
    NotASecret,
    /// There is no randomness to make a secret of.
    #[error(transparent)]
    Random(#[from] florin_engine::NoRandomness),
    /// The event did not come.
    #[error("what {0} tells of was made to happen, and no event came")]
    NothingHappened(florin_domain::EventType),
    /// There is no such open item.
    #[error(
        "there is no open item {0} in this tenant and mode: `florin open-items list` prints those there are"
    )]
    NoOpenItem(OpenItemId),
    /// A window without an instant in it.
    #[error("--from has to be earlier than --to")]
    EmptyWindow,
    /// A server has the SQLite file.
    #[error("a server is serving {}: ask it instead, by its API, or stop it", .0.display())]
    Served(PathBuf),
    /// The rules forbid it.
    #[error("{0}")]
    Refused(String),
    /// A window could not be compared.
    #[error("{0}; what was raised until then stands")]
    Reconcile(#[from] ReconcileFailed),
    /// The engine can't start.
    #[error(transparent)]
    Start(#[from] StartFailed),
    /// The sandbox can't write its books.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The certificate can't be used.
    #[error("{0}; FLORIN_TLS_CERTIFICATE and FLORIN_TLS_KEY name PEM files that belong together")]
    Tls(#[from] TlsRefused),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {error}; name another address by --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The file of an export can't be made.
    #[error("can't write {}: {error}", .path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// An export is not complete.
    #[error("{0}; the export is not complete")]
    Export(#[from] ExportFailed),
    /// Something else that the operating system refuses.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<NotDone> for Failure {
    fn from(failed: NotDone) -> Self {
        match failed {
            NotDone::NoTenant(id) => Failure::NoTenant(id),
            NotDone::NoKey(id) => Failure::NoKey(id),
            NotDone::NoUser(id) => Failure::NoUser(id),
            NotDone::Storage(error) => Failure::Storage(error),
            NotDone::Refused(_) | NotDone::Random(_) => Failure::NotDone(failed),
        }
    }
}

/// What went wrong, with its causes.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
