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
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
mod tests {
    use super::*;

    const NONCE: [u8; 32] = [7; 32];

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn session() -> Session {
        let new = NewSession {
            id: SessionId::from_bytes([1; 16]),
            tenant_id: TenantId::from_bytes([2; 16]),
            mode: Mode::Test,
            owner: SessionOwner::Key(KeyId::from_bytes([3; 16])),
            owner_expires_at: None,
            device: Device::default(),
        };
        Session::begin(new, Lifetimes::default(), at(0))
    }

    fn refresh(number: i64, rotates: bool) -> Refresh {
        Refresh { number, rotates, nonce: NONCE, device: Device::default() }
    }

    fn present(
        session: &Session,
        number: i64,
        rotates: bool,
        when: i64,
    ) -> Result<Refreshed, RefreshRefused> {
        session.refresh(refresh(number, rotates), Lifetimes::default(), at(when))
    }

    fn rotated(session: &Session, number: i64, when: i64) -> Session {
        match present(session, number, true, when) {
            Ok(Refreshed::Rotated(session)) => session,
            other => panic!("{other:?}"),
        }
    }

    /// What each token of a session comes to: number, rotation, seconds since the last rotation, and the outcome.
    #[test]
    fn each_token_of_a_session_has_its_one_outcome() {
        let second = rotated(&session(), 1, 100);
        let third = rotated(&second, 2, 100);
        let kept = match present(&second, 2, false, 101) {
            Ok(Refreshed::Kept(session)) => session,
            other => panic!("{other:?}"),
        };
        for (name, session, number, rotates, after, outcome) in [
            ("the current one", &second, 2, true, 0, "rotated"),
            ("the current one, to be kept", &second, 2, false, 0, "kept"),
            ("the predecessor at once", &second, 1, true, 0, "repeated"),
            ("the predecessor in time", &second, 1, true, 29, "repeated"),
            ("the predecessor too late", &second, 1, true, 30, "reused"),
            ("the predecessor, to be kept", &second, 1, false, 29, "superseded"),
            ("the predecessor, to be kept, too late", &second, 1, false, 30, "reused"),
            ("the predecessor of one that was used", &kept, 1, true, 5, "reused"),
            ("the predecessor after a further rotation", &third, 2, true, 1, "repeated"),
            ("an older one", &third, 1, true, 1, "reused"),
            ("one of the future", &third, 4, true, 1, "reused"),
        ] {
            let found = match present(session, number, rotates, 100 + after) {
                Ok(Refreshed::Rotated(_)) => "rotated",
                Ok(Refreshed::Kept(_)) => "kept",
                Ok(Refreshed::Repeated(same, rotation)) => {
                    assert_eq!((&same, rotation.nonce), (session, NONCE), "nothing changes: {name}");
                    "repeated"
                }
                Err(RefreshRefused::Superseded) => "superseded",
                Err(RefreshRefused::Reused(ended)) => {
                    assert!(!ended.lives_at(at(100 + after)), "{name}");
                    assert_eq!(present(&ended, number, rotates, 101), Err(RefreshRefused::Ended));
                    "reused"
                }
                Err(other) => panic!("{name}: {other:?}"),
            };
            assert_eq!(found, outcome, "{name}");
        }
    }

    #[test]
    fn no_refresh_outlasts_the_session() {
        let month = 30 * 24 * 3600;
        let idle = session();
        assert_eq!(present(&idle, 1, true, month), Err(RefreshRefused::Expired));
        let mut session = idle;
        for (number, when) in [(1, month - 1), (2, 2 * month - 2), (3, 3 * month - 3)] {
            session = rotated(&session, number, when);
            assert!(session.refresh_expires_at <= session.expires_at);
            assert!(session.access_expires_at <= session.expires_at);
        }
        assert_eq!(session.refresh_expires_at, at(3 * month));
        assert_eq!(present(&session, 4, true, 3 * month), Err(RefreshRefused::Expired));
        let short = NewSession {
            id: session.id,
            tenant_id: session.tenant_id,
            mode: session.mode,
            owner: session.owner,
            owner_expires_at: Some(at(60)),
            device: Device::default(),
        };
        let short = Session::begin(short, Lifetimes::default(), at(0));
        assert_eq!((short.expires_at, short.access_expires_at), (at(60), at(60)));
    }

    #[test]
    fn what_a_client_leaves_out_is_as_before() {
        let phone = Device {
            device_id: Some(DeviceId::parse("phone").unwrap()),
            client_version: Some(ClientVersion::parse("1.0").unwrap()),
        };
        let first = Session { device: phone.clone(), ..session() };
        let second = rotated(&first, 1, 1);
        assert_eq!(second.device, phone);
        let newer = Device { device_id: None, client_version: Some(ClientVersion::parse("1.1").unwrap()) };
        let asked = Refresh { device: newer.clone(), ..refresh(2, false) };
        let Ok(Refreshed::Kept(third)) = second.refresh(asked, Lifetimes::default(), at(2)) else { panic!() };
        assert_eq!(
            (third.device.device_id, third.device.client_version),
            (phone.device_id, newer.client_version)
        );
    }
}
