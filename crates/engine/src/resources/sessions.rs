//! Sessions: exchanging a credential for one, refreshing it, ending it, and listing one's own.

use chrono::{DateTime, Utc};
use florin_domain::{
    Lifetimes, Mode, Proof, Refresh, SecondFactor, Session, SessionId, SessionOwner, TokenKind, TokenText,
    User,
};
use florin_storage::Realm;
use florin_storage::read::{self, SessionQuery};
use florin_storage::sessions::{SessionToken, find_token, find_user, find_users_by_email, session_uses};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::net::IpAddr;

use crate::access::{Context, Credential};
use crate::authentication::secret_digest;
use crate::commands::{BeginSession, EndSession, Exchanged, RefreshSession, Requester};
use crate::engine::{Engine, Inner};
use crate::logins::LoginAttempt;
use crate::reading::{list_answer, slice, unavailable};
use crate::requests::{Page, RefreshTokens, RevokeSession, SessionFilter, SignIn};
use crate::secret::NoRandomness;
use crate::tokens::{Token, TokenOf};
use crate::totp::recovery_digest;
use crate::views::{Answer, ErrorCode, Refused, SessionResponse};
use florin_domain::Device;

/// Who asks without being let in: by which request, and from where.
#[derive(Clone, Debug)]
pub struct Stranger {
    /// The request, as in the header `x-request-id`.
    pub request_id: String,
    /// The address that it came from, where it is known.
    pub address: Option<IpAddr>,
}

impl Stranger {
    fn as_owner(&self, realm: Realm, owner: SessionOwner) -> Requester {
        Requester {
            realm,
            actor: owner.actor(),
            request_id: self.request_id.as_str().into(),
            address: self.address,
        }
    }
}

impl Engine {
    /// Exchanges an API key for a session.
    pub async fn exchange_key(&self, context: Context, device: Device) -> Answer {
        let requester = Requester::from(&context);
        let Credential::Key(id) = context.caller.credential else {
            return requester.refuse(Refused::exchanges_no_session());
        };
        let exchanged = Exchanged::Key { id, expires_at: context.caller.expires_at };
        match self.inner.new_session(requester.realm.mode, exchanged, device) {
            Ok(begin) => self.inner.change(requester, begin, 201, None).await,
            Err(refused) => requester.refuse(refused),
        }
    }

    /// Exchanges a user's address and password, and a code where one is needed, for a session.
    pub async fn sign_in(&self, stranger: Stranger, request: SignIn) -> Answer {
        let answer = self.inner.sign_in(&stranger, request).await;
        let answer = answer.unwrap_or_else(|refused| refused.to_answer(&stranger.request_id));
        let outcome = match answer.status {
            201 => "done",
            401 => "refused",
            429 => return answer,
            _ => "failed",
        };
        metrics::counter!("florin_logins_total", "outcome" => outcome).increment(1);
        answer
    }

    /// Gets new tokens for a refresh token.
    pub async fn refresh_session(&self, stranger: Stranger, request: RefreshTokens) -> Answer {
        let answer = self.inner.refresh_session(&stranger, request).await;
        answer.unwrap_or_else(|refused| refused.to_answer(&stranger.request_id))
    }

    /// Ends a session: no request that is sent after the answer gets in with a token of it, on any process.
    pub async fn revoke_session(&self, context: Context, request: RevokeSession) -> Answer {
        let requester = Requester::from(&context);
        let end = EndSession { id: request.id, reason: request.reason, caller: context.caller };
        self.inner.change(requester, end, 200, None).await
    }

    /// A list of the caller's sessions that live.
    pub async fn list_sessions(&self, context: Context, filter: SessionFilter, page: Page) -> Answer {
        let requester = Requester::from(&context);
        let realm = requester.realm;
        let query = SessionQuery {
            realm,
            owner: context.caller.owner(),
            live_at: self.inner.now(),
            created_after: filter.created_after,
            created_before: filter.created_before,
        };
        let read = move |connection: &mut _| {
            let listed = read::list_sessions(connection, &query, slice(page))?;
            let ids: Vec<SessionId> = listed.items.iter().map(|session| session.id).collect();
            let seen: HashMap<_, _> = session_uses(connection, realm, &ids)?.into_iter().collect();
            Ok((listed, seen))
        };
        let current = context.caller.session_id();
        let answer = |(listed, seen): (_, HashMap<SessionId, DateTime<Utc>>)| {
            Ok(list_answer(&listed, |session: &Session| {
                let seen = seen.get(&session.id).copied();
                (session.id.to_string(), SessionResponse::new(session, current, seen))
            }))
        };
        self.inner.answer_with(&requester, read, answer).await
    }
}

impl Inner {
    pub(crate) fn lifetimes(&self) -> Lifetimes {
        self.settings.session_lifetimes
    }

    pub(super) fn new_session(
        &self,
        mode: Mode,
        exchanged: Exchanged,
        device: Device,
    ) -> Result<BeginSession, Refused> {
        let id = SessionId::from_uuid(self.ids.next(self.now()));
        Ok(BeginSession {
            id,
            exchanged,
            device,
            lifetimes: self.lifetimes(),
            access: random_token(TokenOf { kind: TokenKind::Access, mode, session_id: id })?,
            refresh: random_token(TokenOf { kind: TokenKind::Refresh, mode, session_id: id })?,
        })
    }

    async fn sign_in(&self, stranger: &Stranger, request: SignIn) -> Result<Answer, Refused> {
        let attempt = LoginAttempt::new(request.email.as_str(), stranger.address);
        self.begin_login(attempt).await?;
        let outcome = self.check_and_sign_in(stranger, request).await;
        let is_done = outcome.as_ref().is_ok_and(|answer| answer.status == 201);
        let status = outcome.as_ref().map_or_else(|refused| refused.code.status(), |answer| answer.status);
        let is_asked = outcome.as_ref().is_err_and(|refused| refused.code == ErrorCode::TotpRequired);
        // Whoever is asked for a code has not failed, nor has anybody whom the server could not serve.
        if is_done || is_asked || status != 401 {
            self.forgive_login(attempt, is_done).await;
        }
        outcome
    }

    async fn check_and_sign_in(&self, stranger: &Stranger, request: SignIn) -> Result<Answer, Refused> {
        let user = self.find_login(&request).await?;
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let verified = self.passwords.verify(self.handle(), request.password, stored).await?;
        let Some(user) = user.filter(|user| verified.is_right && user.disabled_at.is_none()) else {
            return Err(Refused::login_failed());
        };
        let proof = self.prove(&user, request.code.as_ref())?;
        let mode = Mode::from_live(request.livemode);
        let owner = SessionOwner::User { id: user.id, epoch: user.epoch };
        let requester = stranger.as_owner(Realm { tenant_id: user.tenant_id, mode }, owner);
        let exchanged = Exchanged::Password {
            id: user.id,
            password_hash: user.password_hash,
            proof,
            rehashed: verified.rehashed,
        };
        let begin = self.new_session(mode, exchanged, request.device)?;
        Ok(self.change(requester, begin, 201, None).await)
    }

    /// The one user who may be meant; none when there is none, or more than one.
    async fn find_login(&self, request: &SignIn) -> Result<Option<User>, Refused> {
        let (email, tenant) = (request.email.clone(), request.tenant_id);
        let found = self.read(move |connection| find_users_by_email(connection, email.as_str())).await;
        let mut found = found.map_err(|error| unavailable(&error))?;
        found.retain(|user| tenant.is_none_or(|tenant| user.tenant_id == tenant));
        Ok(found.pop().filter(|_| found.is_empty()))
    }

    /// What the second factor is proved by; none where there is no second factor.
    fn prove(&self, user: &User, code: Option<&SecretString>) -> Result<Option<Proof>, Refused> {
        let SecondFactor::On { secret, recovery, .. } = &user.second_factor else { return Ok(None) };
        let code = code.ok_or_else(Refused::totp_required)?.expose_secret().trim();
        let opened = self.settings.vault.open_factor(user.tenant_id, user.id, secret).map_err(|error| {
            tracing::error!(%error, user = %user.id, "a second factor can't be decrypted");
            Refused::factor_has_no_key()
        });
        let digest = recovery_digest(code);
        if recovery.contains(&digest) {
            return Ok(Some(Proof::Recovery(digest)));
        }
        let step = opened?.step_of(code, self.now()).ok_or_else(Refused::login_failed)?;
        Ok(Some(Proof::Step(step)))
    }

    async fn refresh_session(&self, stranger: &Stranger, request: RefreshTokens) -> Result<Answer, Refused> {
        let presented = Token::presented(request.token.expose_secret());
        let sound = TokenText::recognize(presented.reveal());
        if !matches!(sound, TokenText::Sound { kind: TokenKind::Refresh, .. }) {
            return Err(Refused::refresh_token_invalid());
        }
        let found = self.find_refresh_token(secret_digest(presented.reveal())).await;
        let (token, session) =
            found.map_err(|error| unavailable(&error))?.ok_or_else(Refused::refresh_token_invalid)?;
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|error| no_randomness(&error.into()))?;
        let of = TokenOf { kind: TokenKind::Access, mode: session.mode, session_id: session.id };
        let refresh =
            Refresh { number: token.number, rotates: request.rotates, nonce, device: request.device };
        let command = RefreshSession {
            id: session.id,
            presented,
            refresh,
            lifetimes: self.lifetimes(),
            access: random_token(of)?,
        };
        let requester = stranger.as_owner(token.realm, session.owner);
        Ok(self.change(requester, command, 200, None).await)
    }

    /// A refresh token with its session, whose owner still works. Tokens do not change, so it may be read beforehand.
    async fn find_refresh_token(
        &self,
        digest: [u8; 32],
    ) -> Result<Option<(SessionToken, Session)>, florin_storage::StorageError> {
        let now = self.now();
        let read = move |connection: &mut _| {
            let Some((token, session)) = find_token(connection, &digest)? else { return Ok(None) };
            let works = match session.owner {
                SessionOwner::Key(id) => {
                    read::find_api_key(connection, token.realm, id)?.is_some_and(|key| key.works_at(now))
                }
                SessionOwner::User { id, epoch } => find_user(connection, token.realm.tenant_id, id)?
                    .is_some_and(|user| user.disabled_at.is_none() && user.epoch == epoch),
            };
            Ok(Some((token, session)).filter(|(token, _)| works && token.kind == TokenKind::Refresh))
        };
        self.read(read).await
    }
}

fn random_token(of: TokenOf) -> Result<Token, Refused> {
    Token::random(of).map_err(|error| no_randomness(&error))
}

fn no_randomness(error: &NoRandomness) -> Refused {
    tracing::error!(%error, "no token could be made");
    Refused::internal()
}
