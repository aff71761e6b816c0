//! What each refresh token of a session comes to.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]

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

fn present(session: &Session, number: i64, rotates: bool, when: i64) -> Result<Refreshed, RefreshRefused> {
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
