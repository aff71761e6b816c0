//! Who calls, what they may do, and the call itself.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use florin_domain::{
    Actor, Currency, KeyId, Mode, Role, SessionId, SessionOwner, TenantId, UnknownWord, UserId,
};
use florin_storage::Realm;
use strum::VariantArray;

use crate::views::{ErrorCode, Refused};

/// Something that an API key may be allowed to do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::VariantArray,
)]
pub enum Scope {
    /// Read payments, their refunds and attempts.
    #[strum(serialize = "payments:read")]
    PaymentsRead,
    /// Create, process, capture, cancel and change payments.
    #[strum(serialize = "payments:write")]
    PaymentsWrite,
    /// Refund payments.
    #[strum(serialize = "refunds:write")]
    RefundsWrite,
    /// Read customers.
    #[strum(serialize = "customers:read")]
    CustomersRead,
    /// Create and change customers.
    #[strum(serialize = "customers:write")]
    CustomersWrite,
    /// Read invoices.
    #[strum(serialize = "invoices:read")]
    InvoicesRead,
    /// Create and void invoices.
    #[strum(serialize = "invoices:write")]
    InvoicesWrite,
    /// Read transactions and balances.
    #[strum(serialize = "transactions:read")]
    TransactionsRead,
    /// Annotate transactions.
    #[strum(serialize = "transactions:write")]
    TransactionsWrite,
    /// Read webhook endpoints, deliveries and events.
    #[strum(serialize = "webhooks:read")]
    WebhooksRead,
    /// Create and change webhook endpoints.
    #[strum(serialize = "webhooks:write")]
    WebhooksWrite,
    /// Everything.
    #[strum(serialize = "admin")]
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: &'static [Scope] = <Scope as VariantArray>::VARIANTS;

    /// The scope as keys and messages write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// All scopes as words, in the order of [`Scope::ALL`].
pub const SCOPE_WORDS: &[&str] = &[
    "payments:read",
    "payments:write",
    "refunds:write",
    "customers:read",
    "customers:write",
    "invoices:read",
    "invoices:write",
    "transactions:read",
    "transactions:write",
    "webhooks:read",
    "webhooks:write",
    "admin",
];

impl FromStr for Scope {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Scope::ALL.iter().find(|scope| scope.as_str() == word);
        found.copied().ok_or_else(|| UnknownWord { found: word.to_owned(), allowed: SCOPE_WORDS })
    }
}

/// What one API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Scopes(u32);

impl Scopes {
    /// Everything.
    pub const ADMIN: Scopes = Scopes(Scope::Admin.bit());

    /// Whether the scope is among them, or everything is allowed.
    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// The scopes, one by one.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.0 & scope.bit() != 0)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Scopes(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    /// The words, with a blank between them; what [`FromStr`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = UnknownWord;

    fn from_str(words: &str) -> Result<Self, Self::Err> {
        words.split_whitespace().map(str::parse::<Scope>).collect()
    }
}

impl From<Role> for Scopes {
    /// What a user of that role may do.
    fn from(role: Role) -> Self {
        let wanted = |scope: &Scope| match role {
            Role::Admin => *scope == Scope::Admin,
            Role::Operator => !matches!(scope, Scope::Admin | Scope::WebhooksWrite),
            Role::Viewer => matches!(
                scope,
                Scope::PaymentsRead
                    | Scope::CustomersRead
                    | Scope::InvoicesRead
                    | Scope::TransactionsRead
                    | Scope::WebhooksRead
            ),
        };
        Scope::ALL.iter().copied().filter(wanted).collect()
    }
}

/// What a caller got in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An API key.
    Key(KeyId),
    /// An access token of a session that an API key was exchanged for.
    KeySession {
        /// The key.
        key: KeyId,
        /// The session.
        session: SessionId,
    },
    /// An access token of a session that a person began by signing in.
    UserSession {
        /// Who.
        user: UserId,
        /// Their epoch.
        epoch: i64,
        /// The session.
        session: SessionId,
    },
}

/// Who calls, as their API key or access token tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose objects they see.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What they got in with.
    pub credential: Credential,
    /// What they may do.
    pub scopes: Scopes,
    /// Requests a minute, by the key or its tenant: `Some(0)` for any number, `None` for the server's own limit.
    pub limit_per_minute: Option<u32>,
    /// Requests a second, in the same terms.
    pub limit_per_second: Option<u32>,
    /// The limits a minute and a second that the key has of its own, which the keys that it makes get too.
    pub own_limits: (Option<u32>, Option<u32>),
    /// From when on the key or token opens nothing.
    pub expires_at: Option<DateTime<Utc>>,
    /// Until when keys that they make may last: as long as their own; none for ever.
    pub grants_until: Option<DateTime<Utc>>,
    /// The access generation by which they were let in: while it stands, nothing was taken from them.
    pub generation: i64,
    /// The currencies that the tenant takes; none for all there are.
    pub currencies: Option<Arc<[Currency]>>,
}

impl Caller {
    /// Whose objects, and of which mode.
    pub const fn realm(&self) -> Realm {
        Realm { tenant_id: self.tenant_id, mode: self.mode }
    }

    /// Who acts.
    pub const fn actor(&self) -> Actor {
        match self.credential {
            Credential::Key(key) | Credential::KeySession { key, .. } => Actor::Key(key),
            Credential::UserSession { user, .. } => Actor::User(user),
        }
    }

    /// What sessions of theirs were exchanged for.
    pub const fn owner(&self) -> SessionOwner {
        match self.credential {
            Credential::Key(key) | Credential::KeySession { key, .. } => SessionOwner::Key(key),
            Credential::UserSession { user, epoch, .. } => SessionOwner::User { id: user, epoch },
        }
    }

    /// The session that the call is made in, if it is made in one.
    pub const fn session_id(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Key(_) => None,
            Credential::KeySession { session, .. } | Credential::UserSession { session, .. } => Some(session),
        }
    }

    /// What their requests are counted by: an API key with all of its sessions, or a person with all of theirs.
    pub const fn limit_key(&self) -> [u8; 16] {
        match self.credential {
            Credential::Key(key) | Credential::KeySession { key, .. } => key.bytes(),
            Credential::UserSession { user, .. } => user.bytes(),
        }
    }

    /// Whether they may do what needs the scope.
    ///
    /// # Errors
    /// 403 when they may not.
    pub fn check_scope(&self, scope: Scope) -> Result<(), Refused> {
        if self.scopes.allows(scope) {
            return Ok(());
        }
        let message =
            format!("The API key, or the user's role, lacks the scope {scope}; use one that has it.");
        Err(Refused::new(ErrorCode::PermissionDenied, message))
    }

    /// Whether the tenant takes the currency.
    ///
    /// # Errors
    /// 422 when it has switched it off.
    pub fn check_currency(&self, currency: Currency) -> Result<(), Refused> {
        match &self.currencies {
            Some(taken) if !taken.contains(&currency) => Err(Refused::currency_switched_off(currency)),
            Some(_) | None => Ok(()),
        }
    }
}

/// One call: who makes it, and the id by which it is found in answers and logs.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who calls.
    pub caller: Caller,
    /// The request, as in the header `x-request-id`.
    pub request_id: String,
    /// The address that it came from, where it is known.
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        assert!(Scope::ALL.iter().map(|scope| scope.as_str()).eq(SCOPE_WORDS.iter().copied()));
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(*scope));
        }
        let all: Scopes = Scope::ALL.iter().copied().collect();
        assert_eq!(all.to_string().parse(), Ok(all));
        assert!("payments:raed".parse::<Scopes>().is_err());
    }

    #[test]
    fn each_role_may_do_more_than_the_one_below() {
        let [viewer, operator, admin] = [Role::Viewer, Role::Operator, Role::Admin].map(Scopes::from);
        for scope in Scope::ALL {
            assert!(admin.allows(*scope));
            assert!(operator.allows(*scope) || !viewer.allows(*scope), "{scope}");
            assert_eq!(viewer.allows(*scope), scope.as_str().ends_with(":read"), "{scope}");
        }
        assert!(!operator.allows(Scope::Admin) && operator.allows(Scope::RefundsWrite));
    }

    #[test]
    fn admin_may_do_everything_and_nobody_else_may() {
        let reader: Scopes = [Scope::PaymentsRead].into_iter().collect();
        for scope in Scope::ALL {
            assert!(Scopes::ADMIN.allows(*scope));
            assert_eq!(reader.allows(*scope), *scope == Scope::PaymentsRead);
            assert!(!Scopes::default().allows(*scope));
        }
    }
}
