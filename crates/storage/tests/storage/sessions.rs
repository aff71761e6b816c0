//! Sessions, their tokens, and users.

use chrono::Duration;
use florin_domain::{
    Actor, ClientVersion, Device, DeviceId, Ending, Lifetimes, Mode, NewSession, Proof, Reason, Refresh,
    Refreshed, Role, SealedCredentials, SecondFactor, Session, SessionEnd, SessionId, SessionOwner,
    TokenKind, User, UserId, UserName, normalize_email,
};
use florin_storage::access::{Tenant, access_generation, create_tenant};
use florin_storage::sealed::{SecretOf, replace_sealed_secret, sealed_secrets};
use florin_storage::sessions::{
    SessionToken, count_login_attempt, find_session, find_token, find_user, find_users_by_email,
    forget_sessions, forgive_login_attempt, list_users,
};
use florin_storage::{AnyConnection, Needs, Realm, WorkingSet, begin, commit};

use crate::harness::{on_each_database, run};
use crate::samples::{id_bytes, noon, realm};
use crate::violations::found;

fn user_id() -> UserId {
    UserId::from_bytes(id_bytes(5, 1))
}

fn user() -> User {
    User {
        id: user_id(),
        tenant_id: realm(1).tenant_id,
        email: normalize_email("ada@example.com").unwrap(),
        name: Some(UserName::parse("Ada Lovelace").unwrap()),
        role: Role::Operator,
        password_hash: "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned(),
        epoch: 1,
        second_factor: SecondFactor::Off,
        disabled_at: None,
        revision: 1,
        logged: 0,
        created_by: Actor::Operator,
        updated_by: Actor::Operator,
        updated_at: noon(),
    }
}

fn session(number: u32) -> Session {
    let new = NewSession {
        id: SessionId::from_bytes(id_bytes(5, number)),
        tenant_id: realm(1).tenant_id,
        mode: Mode::Test,
        owner: SessionOwner::User { id: user_id(), epoch: 1 },
        owner_expires_at: None,
        device: Device {
            device_id: DeviceId::parse("web").ok(),
            client_version: ClientVersion::parse("1").ok(),
        },
    };
    Session::begin(new, Lifetimes::default(), noon())
}

fn token(session: &Session, kind: TokenKind, digest: u8) -> SessionToken {
    SessionToken {
        realm: realm(1),
        session_id: session.id,
        digest: [digest; 32],
        kind,
        number: session.number,
        expires_at: match kind {
            TokenKind::Access => session.access_expires_at,
            TokenKind::Refresh => session.refresh_expires_at,
        },
    }
}

fn save(connection: &mut AnyConnection, change: impl FnOnce(&mut WorkingSet)) {
    let mut set = WorkingSet::default();
    begin(connection).unwrap();
    let needs = Needs {
        users: [(realm(1).tenant_id, user_id())].into(),
        sessions_with_tokens: [(realm(1), session(1).id)].into(),
        ..Needs::default()
    };
    set.prepare(connection, &needs).unwrap();
    change(&mut set);
    set.save(connection, 0).unwrap();
    commit(connection).unwrap();
}

/// A user, and a session of theirs with its first tokens.
fn store(connection: &mut AnyConnection) {
    create_tenant(connection, &Tenant { id: realm(1).tenant_id, name: "Shop".to_owned() }).unwrap();
    save(connection, |set| {
        set.put_user(user());
        set.put_session(session(1));
        set.add_token(token(&session(1), TokenKind::Access, 1));
        set.add_token(token(&session(1), TokenKind::Refresh, 2));
    });
}

fn rotated() -> Session {
    let refresh = Refresh { number: 1, rotates: true, nonce: [9; 32], device: Device::default() };
    let at = noon() + Duration::seconds(5);
    match session(1).refresh(refresh, Lifetimes::default(), at) {
        Ok(Refreshed::Rotated(session)) => session,
        other => panic!("{other:?}"),
    }
}

fn ended() -> Session {
    let ending = Ending {
        at: noon(),
        by: Actor::User(user_id()),
        cause: SessionEnd::Revoked,
        reason: Reason::parse("user_logout").ok(),
        tokens: 2,
    };
    session(1).end(ending)
}

#[test]
fn sessions_tokens_and_users_are_found_as_they_were_saved() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store(&mut connection);
        let find = |connection: &mut AnyConnection| {
            find_session(connection, realm(1), session(1).id).unwrap().unwrap()
        };
        assert_eq!(find(&mut connection), session(1));
        let found_token = find_token(&mut connection, &[2; 32]).unwrap().unwrap();
        assert_eq!(found_token, (token(&session(1), TokenKind::Refresh, 2), session(1)));
        assert_eq!(find_token(&mut connection, &[3; 32]).unwrap(), None);
        let live = Realm { mode: Mode::Live, ..realm(1) };
        assert_eq!(find_session(&mut connection, live, session(1).id).unwrap(), None);
        save(&mut connection, |set| {
            set.put_session(rotated());
            set.add_token(token(&rotated(), TokenKind::Refresh, 3));
            let tokens = set.tokens_of(realm(1), session(1).id).count();
            assert_eq!(tokens, 3, "the ones that were there, and this batch's");
        });
        assert_eq!(find(&mut connection), rotated());
        assert_eq!(
            find_token(&mut connection, &[2; 32]).unwrap().unwrap().0.number,
            1,
            "tokens stay as they are"
        );

        let tenant = realm(1).tenant_id;
        assert_eq!(list_users(&mut connection, tenant).unwrap(), [user()]);
        assert_eq!(find_users_by_email(&mut connection, "ada@example.com").unwrap(), [user()]);
        let secret = SealedCredentials { key_id: "k".to_owned(), bytes: vec![1, 2] };
        let pending = user().offer_second_factor(secret, noon(), Actor::System);
        let on = pending.confirm_second_factor(7, vec![[1; 32], [0xab; 32]], noon(), Actor::System).unwrap();
        let used = on.use_up(Proof::Recovery([1; 32])).unwrap().enable(false, noon(), Actor::Operator);
        for changed in [pending, on, used] {
            save(&mut connection, |set| set.put_user(changed.clone()));
            assert_eq!(find_user(&mut connection, tenant, user_id()).unwrap().unwrap(), changed);
        }
    });
}

#[test]
fn an_encrypted_secret_is_replaced_where_it_is_still_the_same() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store(&mut connection);
        assert_eq!(sealed_secrets(&mut connection).unwrap(), []);
        let sealed = |number| SealedCredentials { key_id: format!("k{number}"), bytes: vec![number, 2] };
        let pending = user().offer_second_factor(sealed(1), noon(), Actor::System);
        save(&mut connection, |set| set.put_user(pending.clone()));
        let of = SecretOf::Factor(realm(1).tenant_id, user_id());
        assert_eq!(sealed_secrets(&mut connection).unwrap(), [(of, sealed(1))]);
        let foreign = SecretOf::Factor(realm(2).tenant_id, user_id());
        for (of, before, is_replaced) in [(foreign, 1, false), (of, 3, false), (of, 1, true), (of, 1, false)]
        {
            let replaced = replace_sealed_secret(&mut connection, of, &sealed(before), &sealed(2)).unwrap();
            assert_eq!(replaced, is_replaced);
        }
        assert_eq!(sealed_secrets(&mut connection).unwrap(), [(of, sealed(2))]);
        let found = find_user(&mut connection, realm(1).tenant_id, user_id()).unwrap().unwrap();
        let expected = user().offer_second_factor(sealed(2), noon(), Actor::System);
        assert_eq!((found.second_factor, found.revision), (expected.second_factor, pending.revision + 1));
    });
}

#[test]
fn two_users_of_a_tenant_never_have_one_address() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store(&mut connection);
        let mut set = WorkingSet::default();
        let emails = [(realm(1).tenant_id, "ada@example.com".to_owned())];
        begin(&mut connection).unwrap();
        set.prepare(&mut connection, &Needs { user_emails: emails.into(), ..Needs::default() }).unwrap();
        assert!(set.is_email_taken(realm(1).tenant_id, "ada@example.com"));
        assert!(!set.is_email_taken(realm(2).tenant_id, "ada@example.com"));
        set.put_user(User { id: UserId::from_bytes(id_bytes(5, 2)), ..user() });
        assert!(set.save(&mut connection, 0).is_err(), "the database has the last word");
    });
}

#[test]
fn whatever_takes_something_from_a_session_counts_the_generation_up_and_nothing_else_does() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store(&mut connection);
        let mut last = 1;
        let mut counted = |connection: &mut AnyConnection| {
            let now = access_generation(connection).unwrap();
            std::mem::replace(&mut last, now) < now
        };
        assert!(!counted(&mut connection), "a session that begins");
        save(&mut connection, |set| {
            set.put_session(rotated());
            set.add_token(token(&rotated(), TokenKind::Refresh, 3));
        });
        assert!(!counted(&mut connection), "a session that is refreshed");
        save(&mut connection, |set| set.put_user(user().rehash("$argon2id$2".to_owned())));
        assert!(!counted(&mut connection), "a login");
        forget_sessions(&mut connection, noon(), noon()).unwrap();
        assert!(!counted(&mut connection), "nothing is forgotten");
        save(&mut connection, |set| set.put_session(Session { revision: 3, ..ended() }));
        assert!(counted(&mut connection), "a session that ends");
        for by_hand in [
            "UPDATE users SET role = 'viewer'",
            "UPDATE users SET epoch = epoch + 1",
            "UPDATE users SET disabled_at = 1",
            "UPDATE sessions SET ended_at = NULL, ended_by = NULL, end_cause = NULL",
            "UPDATE sessions SET user_epoch = 2",
            "UPDATE session_tokens SET expires_at = 1",
            "DELETE FROM session_tokens",
            "DELETE FROM sessions",
            "DELETE FROM users",
        ] {
            run(&mut connection, by_hand);
            assert!(counted(&mut connection), "{by_hand}");
        }
    });
}

#[test]
fn verify_finds_a_session_without_its_token_and_a_user_whose_changes_were_not_logged() {
    on_each_database(|database| {
        let mut connection = database.connect();
        store(&mut connection);
        assert_eq!(found(&mut connection).0, Vec::<String>::new());
        for (sql, expected) in [
            ("UPDATE sessions SET number = 2", "0 current refresh tokens"),
            (
                "UPDATE sessions SET number = 1, end_cause = 'tired', ended_at = 1, ended_by = 'system'",
                "tired",
            ),
            (
                "UPDATE sessions SET end_cause = NULL, ended_at = NULL, ended_by = NULL; UPDATE users SET logged = 1",
                "usr_",
            ),
            ("UPDATE users SET logged = 0, role = 'owner'", "owner"),
        ] {
            run(&mut connection, sql);
            let (violations, _) = found(&mut connection);
            assert!(!violations.is_empty(), "{sql}");
            assert!(violations.iter().all(|violation| violation.contains(expected)), "{sql}: {violations:?}");
        }
    });
}

#[test]
fn attempts_are_counted_one_by_one_and_taken_off_again() {
    on_each_database(|database| {
        let mut connection = database.connect();
        let digests = [[1; 32], [2; 32]];
        let mut attempt = |admits: bool| {
            let mut before = Vec::new();
            count_login_attempt(&mut connection, &digests, noon(), |failures| {
                before = failures.iter().map(|failures| failures.count).collect();
                failures.iter().map(|failures| admits.then_some(failures.count + 1)).collect()
            })
            .unwrap();
            before
        };
        assert_eq!(attempt(true), [0, 0]);
        assert_eq!(attempt(true), [1, 1]);
        assert_eq!(attempt(false), [2, 2]);
        assert_eq!(attempt(false), [2, 2], "what is not let in is not counted");
        forgive_login_attempt(&mut database.connect(), &digests, Some(&[2; 32])).unwrap();
        assert_eq!(attempt(false), [1, 0]);
    });
}
