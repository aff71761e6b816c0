//! Beginning, refreshing and ending sessions.
//!
//! Everything about one session is decided over its locked row, so that of any number of requests with one refresh token
//! the first makes the successor and the others find it.

use chrono::{DateTime, Utc};
use florin_domain::{
    AuditAction, Device, Ending, KeyId, Lifetimes, NewSession, Proof, Reason, Refresh, RefreshRefused,
    Refreshed, Session, SessionEnd, SessionId, SessionOwner, TokenKind, User, UserId,
};
use florin_storage::sessions::SessionToken;
use florin_storage::{Needs, Realm};
use serde_json::json;

use super::change::{Change, Desk, Made};
use crate::access::{Caller, Scope};
use crate::tokens::{Token, TokenOf};
use crate::views::{Refused, SessionEndedResponse, TokensResponse};

/// What a session is exchanged for.
pub(crate) enum Exchanged {
    /// An API key, which was found to work.
    Key { id: KeyId, expires_at: Option<DateTime<Utc>> },
    /// A password, which was found to be the right one for this hash.
    Password {
        id: UserId,
        password_hash: String,
        /// What is used up of the second factor.
        proof: Option<Proof>,
        /// The same password hashed as passwords are hashed now.
        rehashed: Option<String>,
    },
    /// Nothing: the user was recognized otherwise, at that epoch where it is known.
    Trusted { id: UserId, epoch: Option<i64> },
}

/// Begins a session.
pub(crate) struct BeginSession {
    pub(crate) id: SessionId,
    pub(crate) exchanged: Exchanged,
    pub(crate) device: Device,
    pub(crate) lifetimes: Lifetimes,
    /// The first tokens.
    pub(crate) access: Token,
    pub(crate) refresh: Token,
}

impl Change for BeginSession {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        match &self.exchanged {
            Exchanged::Password { id, .. } | Exchanged::Trusted { id, .. } => {
                needs.users.insert((realm.tenant_id, *id));
            }
            Exchanged::Key { .. } => {}
        }
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let at = on.deciding.at;
        let (owner, owner_expires_at) = match &self.exchanged {
            Exchanged::Key { id, expires_at } => (SessionOwner::Key(*id), *expires_at),
            Exchanged::Password { id, password_hash, proof, rehashed } => {
                let user = on.set.user(on.realm.tenant_id, *id).ok_or_else(Refused::login_failed)?;
                let (owner, changed) = sign_in(user, password_hash, *proof, rehashed.as_ref())?;
                if let Some(user) = changed {
                    on.set.put_user(user);
                }
                (owner, None)
            }
            Exchanged::Trusted { id, epoch } => {
                let user = on.set.user(on.realm.tenant_id, *id).ok_or_else(Refused::login_failed)?;
                if user.disabled_at.is_some() || epoch.is_some_and(|epoch| epoch != user.epoch) {
                    return Err(Refused::login_failed());
                }
                (SessionOwner::User { id: user.id, epoch: user.epoch }, None)
            }
        };
        let Realm { tenant_id, mode } = on.realm;
        let new =
            NewSession { id: self.id, tenant_id, mode, owner, owner_expires_at, device: self.device.clone() };
        let session = Session::begin(new, self.lifetimes, at);
        put_tokens(on, &session, &self.access, Some(&self.refresh));
        on.set.put_session(session.clone());
        let details = json!({
            "device_id": session.device.device_id.as_ref().map(ToString::to_string),
            "client_version": session.device.client_version.as_ref().map(ToString::to_string),
        });
        on.log(AuditAction::SessionCreated, session.id, &details);
        Ok(answered(201, &session, &self.access, &self.refresh))
    }
}

/// The user's sign-in, as the row stands now, and the user as changed by it.
fn sign_in(
    user: &User,
    password_hash: &str,
    proof: Option<Proof>,
    rehashed: Option<&String>,
) -> Result<(SessionOwner, Option<User>), Refused> {
    // The password may have been changed, or the user disabled, since they were looked at.
    if user.disabled_at.is_some() || user.password_hash != password_hash {
        return Err(Refused::login_failed());
    }
    let owner = SessionOwner::User { id: user.id, epoch: user.epoch };
    let is_asked = matches!(user.second_factor, florin_domain::SecondFactor::On { .. });
    let proved = match proof {
        Some(proof) => Some(user.use_up(proof).ok_or_else(Refused::login_failed)?),
        None if is_asked => return Err(Refused::totp_required()),
        None => None,
    };
    let changed = match rehashed {
        Some(hash) => Some(proved.as_ref().unwrap_or(user).rehash(hash.clone())),
        None => proved,
    };
    Ok((owner, changed))
}

/// Gets new tokens for a refresh token that is the session's.
pub(crate) struct RefreshSession {
    pub(crate) id: SessionId,
    /// What was presented, and which of the session's refresh tokens it is.
    pub(crate) presented: Token,
    pub(crate) refresh: Refresh,
    pub(crate) lifetimes: Lifetimes,
    /// The access token, should the refresh token stay.
    pub(crate) access: Token,
}

impl Change for RefreshSession {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.sessions.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let session = on.set.session(on.realm, self.id).ok_or_else(Refused::refresh_token_invalid)?.clone();
        let number = self.refresh.number;
        match session.refresh(self.refresh.clone(), self.lifetimes, on.deciding.at) {
            Ok(Refreshed::Rotated(after)) => {
                let (access, refresh) = self.successors(&after, &self.refresh.nonce);
                put_tokens(on, &after, &access, Some(&refresh));
                note_device(on, &session, &after);
                on.set.put_session(after.clone());
                Ok(answered(200, &after, &access, &refresh))
            }
            Ok(Refreshed::Kept(after)) => {
                put_tokens(on, &after, &self.access, None);
                note_device(on, &session, &after);
                on.set.put_session(after.clone());
                Ok(answered(200, &after, &self.access, &self.presented))
            }
            Ok(Refreshed::Repeated(same, rotation)) => {
                let (access, refresh) = self.successors(&same, &rotation.nonce);
                Ok(answered(200, &same, &access, &refresh))
            }
            Err(RefreshRefused::Ended) => Err(Refused::refresh_token_invalid()),
            Err(RefreshRefused::Expired) => Err(Refused::refresh_token_expired()),
            Err(RefreshRefused::Superseded) => Err(Refused::token_rotation_failed()),
            Err(RefreshRefused::Reused(ended)) => {
                let details = json!({ "presented": number, "current": session.number });
                on.log(AuditAction::SessionTokenReused, session.id, &details);
                on.set.put_session(*ended);
                metrics::counter!("florin_refresh_tokens_reused_total").increment(1);
                // A refusal that has an effect: the session's end is to be saved.
                Ok(Made::of_answer(on.requester.refuse(Refused::refresh_token_invalid()), session.id))
            }
        }
    }

    /// A token that was used before ends the session, and is refused like one that was never given.
    fn takes_access(status: u16) -> bool {
        status == 401
    }
}

impl RefreshSession {
    fn successors(&self, session: &Session, nonce: &[u8; 32]) -> (Token, Token) {
        let next = |kind| self.presented.successor(token_of(session, kind), nonce);
        (next(TokenKind::Access), next(TokenKind::Refresh))
    }
}

fn token_of(session: &Session, kind: TokenKind) -> TokenOf {
    TokenOf { kind, mode: session.mode, session_id: session.id }
}

fn put_tokens(on: &mut Desk<'_>, session: &Session, access: &Token, refresh: Option<&Token>) {
    let access = (TokenKind::Access, access, session.access_expires_at);
    let refresh = refresh.map(|token| (TokenKind::Refresh, token, session.refresh_expires_at));
    for (kind, token, expires_at) in std::iter::once(access).chain(refresh) {
        on.set.add_token(SessionToken {
            realm: on.realm,
            session_id: session.id,
            digest: token.digest(),
            kind,
            number: session.number,
            expires_at,
        });
    }
}

/// A session does not walk from one device to another by itself.
fn note_device(on: &mut Desk<'_>, before: &Session, after: &Session) {
    let (before, after, id) = (&before.device.device_id, &after.device.device_id, after.id);
    if before != after {
        let text = |device: &Option<florin_domain::DeviceId>| device.as_ref().map(ToString::to_string);
        let details = json!({ "before": text(before), "after": text(after) });
        on.log(AuditAction::SessionDeviceChanged, id, &details);
    }
}

fn answered(status: u16, session: &Session, access: &Token, refresh: &Token) -> Made {
    Made::new(status, &TokensResponse::new(session, access.reveal(), refresh.reveal()), session.id)
}

/// Ends a session. Again, it stays as it is.
pub(crate) struct EndSession {
    pub(crate) id: SessionId,
    pub(crate) reason: Option<Reason>,
    pub(crate) caller: Caller,
}

impl EndSession {
    /// One's own sessions are one's own to end, and an administrator ends everybody's.
    fn may_end(&self, session: &Session) -> bool {
        session.owner.actor() == self.caller.actor() || self.caller.scopes.allows(Scope::Admin)
    }
}

impl Change for EndSession {
    fn needs(&self, realm: Realm, needs: &mut Needs) {
        needs.sessions_with_tokens.insert((realm, self.id));
    }

    fn make(&self, on: &mut Desk<'_>) -> Result<Made, Refused> {
        let found = on.set.session(on.realm, self.id).filter(|session| self.may_end(session));
        let session = found.ok_or_else(Refused::session_not_found)?.clone();
        let ended = match session.ended {
            Some(_) => session,
            None => {
                let at = on.deciding.at;
                let ending = Ending {
                    at,
                    by: on.actor,
                    cause: SessionEnd::Revoked,
                    reason: self.reason.clone(),
                    tokens: live_tokens(on, &session, at),
                };
                let ended = session.end(ending);
                let details = json!({ "reason": self.reason.as_ref().map(ToString::to_string) });
                on.log(AuditAction::SessionRevoked, ended.id, &details);
                on.set.put_session(ended.clone());
                ended
            }
        };
        let view = SessionEndedResponse::new(&ended).ok_or_else(Refused::internal)?;
        Ok(Made::new(200, &view, ended.id))
    }

    fn takes_access(status: u16) -> bool {
        status < 300
    }
}

/// How many tokens of the session work: access tokens that have not expired, and the current refresh token.
fn live_tokens(on: &Desk<'_>, session: &Session, at: DateTime<Utc>) -> u32 {
    if !session.lives_at(at) {
        return 0;
    }
    let works = |token: &&SessionToken| {
        at < token.expires_at && (token.kind == TokenKind::Access || token.number == session.number)
    };
    u32::try_from(on.set.tokens_of(on.realm, session.id).filter(works).count()).unwrap_or(u32::MAX)
}
