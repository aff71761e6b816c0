//! The users and sessions of a batch.

use florin_domain::{Session, SessionId, TenantId, User, UserId};

use super::WorkingSet;
use crate::rows::{Realm, SessionToken};

impl WorkingSet {
    /// A user.
    pub fn user(&self, tenant: TenantId, id: UserId) -> Option<&User> {
        self.users.get(&(tenant, id))
    }

    /// Whether a user of the tenant has this address, this batch's included.
    pub fn is_email_taken(&self, tenant: TenantId, email: &str) -> bool {
        self.user_emails.contains_key(&(tenant, email.to_owned()))
            || self.users.iter().any(|user| user.tenant_id == tenant && user.email.as_str() == email)
    }

    /// A session.
    pub fn session(&self, realm: Realm, id: SessionId) -> Option<&Session> {
        self.sessions.get(&(realm, id))
    }

    /// The tokens of a session that was asked for with its tokens, this batch's included.
    pub fn tokens_of(&self, realm: Realm, id: SessionId) -> impl Iterator<Item = &SessionToken> {
        let all = self.session_tokens.iter().chain(&self.new_tokens);
        all.filter(move |token| (token.realm, token.session_id) == (realm, id))
    }
}
