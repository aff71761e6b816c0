//! Sessions: what a credential was exchanged for, and when one of its refresh tokens may be used.
//!
//! Refresh tokens of a session are numbered from 1. The newest is the current one. Using it with rotation makes a
//! successor and supersedes it. A superseded token that is presented again was copied by somebody, so the session ends;
//! but for the one honest case: a client that has not got the answer sends the same request again, soon, and before
//! anybody has used the successor.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Actor, ClientVersion, DeviceId, KeyId, Mode, Reason, SessionId, TenantId, UserId};

/// For how long the immediate predecessor of an unused refresh token gets it once more.
pub const REPEAT_WINDOW: TimeDelta = TimeDelta::seconds(30);

/// Whose session it is: what it was exchanged for, and lives and dies with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionOwner {
    /// A program with an API key.
    Key(KeyId),
    /// A person who signed in.
    User {
        /// Who.
        id: UserId,
        /// The user's epoch then: a later one ends the session.
        epoch: i64,
    },
}

impl SessionOwner {
    /// Who acts when the session is used.
    #[must_use]
    pub const fn actor(self) -> Actor {
        match self {
            SessionOwner::Key(id) => Actor::Key(id),
            SessionOwner::User { id, .. } => Actor::User(id),
        }
    }
}

/// How long tokens and sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token.
    pub access: TimeDelta,
    /// A refresh token that nobody uses.
    pub refresh: TimeDelta,
    /// A session, however often it is refreshed.
    pub session: TimeDelta,
}

impl Default for Lifetimes {
    /// 15 minutes, 30 days, 90 days.
    fn default() -> Self {
        Lifetimes {
            access: TimeDelta::minutes(15),
            refresh: TimeDelta::days(30),
            session: TimeDelta::days(90),
        }
    }
}

named_enum! {
    /// Why a session ended before its time.
    SessionEnd {
        /// Somebody ended it.
        Revoked => "revoked",
        /// A superseded refresh token was presented, so that a token had been stolen.
        TokenReused => "refresh_token_reused",
    }
}

/// When, by whom and why a session ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: Actor,
    /// Why.
    pub cause: SessionEnd,
    /// Why, in their own words.
    pub reason: Option<Reason>,
    /// How many tokens stopped working by it.
    pub tokens: u32,
}

/// What is kept of a rotation as long as its answer may be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// When it was.
    pub at: DateTime<Utc>,
    /// Random bytes from which, with the predecessor's secret, the successor follows.
    pub nonce: [u8; 32],
}

/// What a client tells of itself; what is absent is as before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Which device it runs on.
    pub device_id: Option<DeviceId>,
    /// Which version it is.
    pub client_version: Option<ClientVersion>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session; its creation time is the id's own.
    pub id: SessionId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What it was exchanged for.
    pub owner: SessionOwner,
    /// What the client told of itself last.
    pub device: Device,
    /// The number of the current refresh token.
    pub number: i64,
    /// From when on the current refresh token opens nothing.
    pub refresh_expires_at: DateTime<Utc>,
    /// The same for the access token that came with it.
    pub access_expires_at: DateTime<Utc>,
    /// How the current token came to be, while it is unused; none for the first, and once it was used.
    pub rotation: Option<Rotation>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// How it ended, if it has before its time.
    pub ended: Option<Ending>,
    /// Counts the changes from 1.
    pub revision: i64,
    /// When it was refreshed or ended last.
    pub updated_at: DateTime<Utc>,
}

/// A session to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Test or live.
    pub mode: Mode,
    /// What it is exchanged for.
    pub owner: SessionOwner,
    /// When its owner stops working, if that is known.
    pub owner_expires_at: Option<DateTime<Utc>>,
    /// What the client tells of itself.
    pub device: Device,
}

/// What a request to refresh a session says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// The number of the refresh token that was presented, and is known to be the session's.
    pub number: i64,
    /// Whether the token is to be replaced.
    pub rotates: bool,
    /// Random bytes for the successor, should there be one.
    pub nonce: [u8; 32],
    /// What the client tells of itself.
    pub device: Device,
}

/// What becomes of a session that is refreshed. Each case has the session as it is then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The token has a successor, which follows from the rotation's nonce.
    Rotated(Session),
    /// The token stays the current one, and there is a new access token.
    Kept(Session),
    /// The answer to the rotation is given again: the successor that follows from the nonce. Nothing has changed.
    Repeated(Session, Rotation),
}

/// Why a session is not refreshed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshRefused {
    /// It has ended.
    Ended,
    /// The token or the session has expired.
    Expired,
    /// The token was superseded by one that is unused, so it can't be kept; with rotation it would get that one.
    Superseded,
    /// The token was superseded for good: it was stolen, or its successor was. The session has ended with this.
    Reused(Box<Session>),
}

impl Session {
    /// A session that begins, with its first refresh token.
    #[must_use]
    pub fn begin(new: NewSession, lifetimes: Lifetimes, at: DateTime<Utc>) -> Session {
        let latest = later(at, lifetimes.session);
        let expires_at = new.owner_expires_at.map_or(latest, |owner| owner.min(latest));
        Session {
            id: new.id,
            tenant_id: new.tenant_id,
            mode: new.mode,
            owner: new.owner,
            device: new.device,
            number: 1,
            refresh_expires_at: later(at, lifetimes.refresh).min(expires_at),
            access_expires_at: later(at, lifetimes.access).min(expires_at),
            rotation: None,
            expires_at,
            ended: None,
            revision: 1,
            updated_at: at,
        }
    }

    /// Whether it is there to be used at that time, as far as it knows by itself.
    #[must_use]
    pub fn lives_at(&self, at: DateTime<Utc>) -> bool {
        self.ended.is_none() && at < self.expires_at
    }

    /// What presenting a refresh token comes to.
    ///
    /// # Errors
    /// [`RefreshRefused`]; with [`RefreshRefused::Reused`] the session has ended.
    pub fn refresh(
        &self,
        refresh: Refresh,
        lifetimes: Lifetimes,
        at: DateTime<Utc>,
    ) -> Result<Refreshed, RefreshRefused> {
        if self.ended.is_some() {
            return Err(RefreshRefused::Ended);
        }
        if refresh.number != self.number {
            return self.present_superseded(&refresh, at);
        }
        if at >= self.refresh_expires_at || at >= self.expires_at {
            return Err(RefreshRefused::Expired);
        }
        let session = Session {
            device: Device {
                device_id: refresh.device.device_id.or_else(|| self.device.device_id.clone()),
                client_version: refresh.device.client_version.or_else(|| self.device.client_version.clone()),
            },
            access_expires_at: later(at, lifetimes.access).min(self.expires_at),
            // Whatever it was made from is forgotten with its first use.
            rotation: None,
            ..self.changed(at)
        };
        if !refresh.rotates {
            return Ok(Refreshed::Kept(session));
        }
        Ok(Refreshed::Rotated(Session {
            number: self.number.saturating_add(1),
            refresh_expires_at: later(at, lifetimes.refresh).min(self.expires_at),
            rotation: Some(Rotation { at, nonce: refresh.nonce }),
            ..session
        }))
    }

    /// A token that has a successor: honest soon and once, else a theft.
    fn present_superseded(&self, refresh: &Refresh, at: DateTime<Utc>) -> Result<Refreshed, RefreshRefused> {
        let is_predecessor = refresh.number.saturating_add(1) == self.number;
        let rotation =
            self.rotation.filter(|rotation| is_predecessor && at < later(rotation.at, REPEAT_WINDOW));
        match rotation {
            Some(_) if !refresh.rotates => Err(RefreshRefused::Superseded),
            Some(rotation) => Ok(Refreshed::Repeated(self.clone(), rotation)),
            None => {
                let ending =
                    Ending { at, by: Actor::System, cause: SessionEnd::TokenReused, reason: None, tokens: 0 };
                Err(RefreshRefused::Reused(Box::new(self.end(ending))))
            }
        }
    }

    /// The session as it is when it ends. One that has ended stays as it is.
    #[must_use]
    pub fn end(&self, ending: Ending) -> Session {
        if self.ended.is_some() {
            return self.clone();
        }
        let at = ending.at;
        Session { ended: Some(ending), rotation: None, ..self.changed(at) }
    }

    fn changed(&self, at: DateTime<Utc>) -> Session {
        Session { revision: self.revision.saturating_add(1), updated_at: at, ..self.clone() }
    }
}

fn later(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
