//! `florin users`.
//!
//! Passwords come by standard input: arguments are seen by everybody on the machine.

use std::io::{BufRead, IsTerminal, Read};

use florin_domain::{SecondFactor, User, UserName, normalize_email};
use florin_engine::requests::{ChangeUser, CreateUser};
use florin_storage::access::find_tenant;
use florin_storage::sessions::list_users;

use super::{office, open};
use crate::cli::{AddUser, Users};
use crate::failure::Failure;
use crate::output::print_lines;
use crate::settings::Settings;

/// More than the longest password: what is longer is refused, and not cut off.
const MAX_INPUT_BYTES: u64 = 2048;

pub(super) fn run(settings: &Settings, command: Users) -> Result<(), Failure> {
    match command {
        Users::Add(request) => add(settings, request),
        Users::List { tenant } => {
            let mut connection = open(&settings.database_url)?;
            find_tenant(&mut connection, tenant)?.ok_or(Failure::NoTenant(tenant))?;
            let users = list_users(&mut connection, tenant)?;
            Ok(print_lines(users.iter().map(describe))?)
        }
        Users::Disable { user } => {
            let change = ChangeUser { enabled: Some(false), ..ChangeUser::default() };
            let user = office(&settings.database_url)?.change_user(user, change)?;
            eprintln!("{} ({}) can't sign in any more, and has no session", user.id, user.email);
            Ok(())
        }
        Users::Enable { user } => {
            let change = ChangeUser { enabled: Some(true), ..ChangeUser::default() };
            let user = office(&settings.database_url)?.change_user(user, change)?;
            eprintln!("{} ({}) may sign in", user.id, user.email);
            Ok(())
        }
        Users::ResetPassword { user } => {
            let password = read_password()?;
            let user = office(&settings.database_url)?.reset_password(user, password.into())?;
            eprintln!("{} ({}) has a new password, and no session", user.id, user.email);
            Ok(())
        }
        Users::DropTotp { user } => {
            let user = office(&settings.database_url)?.drop_second_factor(user)?;
            eprintln!("{} ({}) signs in without a second factor, and has no session", user.id, user.email);
            Ok(())
        }
    }
}

fn add(settings: &Settings, request: AddUser) -> Result<(), Failure> {
    let email =
        normalize_email(&request.email).map_err(|refused| Failure::Text("e-mail address", refused))?;
    let name = request.name.map(UserName::parse).transpose();
    let name = name.map_err(|refused| Failure::Text("name", refused))?;
    let password = read_password()?.into();
    let create = CreateUser { email, name, role: request.role, password };
    let user = office(&settings.database_url)?.create_user(request.tenant, create)?;
    print_lines([user.id.to_string()])?;
    eprintln!("made {} ({}) with the role {}", user.id, user.email, user.role);
    Ok(())
}

/// The first line of standard input.
fn read_password() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprintln!(
            "Type the password and Enter. It is shown; use a file or a pipe where somebody might look on."
        );
    }
    let mut line = String::new();
    stdin.lock().take(MAX_INPUT_BYTES).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn describe(user: &User) -> String {
    let state = if user.disabled_at.is_some() { "disabled" } else { "enabled" };
    let totp = match user.second_factor {
        SecondFactor::Off => "totp off",
        SecondFactor::Pending { .. } => "totp pending",
        SecondFactor::On { .. } => "totp on",
    };
    let name = user.name.as_ref().map_or("", UserName::as_str);
    format!("{}\t{}\t{name}\t{}\t{state}\t{totp}", user.id, user.email, user.role)
}
