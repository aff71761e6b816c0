//! What can be asked about users.

use clap::{Args, Subcommand};
use florin_domain::{Role, TenantId, UserId};

/// What to do about users.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Make a user, and print their id; the password is read from standard input
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddUser),
    /// Print a tenant's users: id, e-mail address, name, role, enabled or disabled, second factor
    List {
        /// Whose
        #[arg(long, value_name = "TENANT_ID")]
        tenant: TenantId,
    },
    /// Let a user sign in no more, and end their sessions, on every process at once
    Disable {
        /// Who
        #[arg(value_name = "USER_ID")]
        user: UserId,
    },
    /// Let a user sign in again
    Enable {
        /// Who
        #[arg(value_name = "USER_ID")]
        user: UserId,
    },
    /// Give a user another password, read from standard input, and end their sessions
    #[command(after_help = "Example:\n  florin users reset-password usr_… < password.txt")]
    ResetPassword {
        /// Who
        #[arg(value_name = "USER_ID")]
        user: UserId,
    },
    /// Switch off the second factor of a user who has lost it, and end their sessions
    DropTotp {
        /// Who
        #[arg(value_name = "USER_ID")]
        user: UserId,
    },
}

const ADD_EXAMPLES: &str = "\
Examples:
  florin users add --tenant ten_… --email ada@example.com --role admin < password.txt
  pass show florin | florin users add --tenant ten_… --email ada@example.com --name 'Ada Lovelace' --role operator

A password has at least 12 characters. Users sign in by POST /v1/auth/token, and work in both modes.";

/// A user to make.
#[derive(Debug, Args)]
pub(crate) struct AddUser {
    /// Whose
    #[arg(long, value_name = "TENANT_ID")]
    pub(crate) tenant: TenantId,
    /// The address that they sign in with
    #[arg(long)]
    pub(crate) email: String,
    /// What they are called
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// admin may do everything, operator works with payments, viewer reads
    #[arg(long)]
    pub(crate) role: Role,
}
