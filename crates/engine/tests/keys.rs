//! API keys: who gets in, until when exactly, and what is kept of it. Two engines on one database are two processes.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use common::{Harness, Kind, check_database, context, start_engine, test_on_each_database};
use florin_domain::{Currency, KeyId, KeyText, Mode};
use florin_engine::access::{Caller, Credential, Scope, Scopes};
use florin_engine::requests::{ChangeSettings, CreateApiKey, RotateApiKey};
use florin_engine::{Engine, FreshKey, NotDone, Office};
use florin_storage::Realm;
use florin_storage::access::find_key;

test_on_each_database! {
    a_revocation_holds_on_every_process_from_its_answer_on,
    no_request_that_begins_after_a_revocation_gets_in_however_many_race,
    a_rotated_key_and_its_successor_overlap_for_the_chosen_time,
    a_key_opens_nothing_from_its_expiry_on,
    new_settings_of_a_tenant_hold_for_the_next_request,
    the_last_use_is_written_in_the_background_and_costs_no_lookup,
    a_mistyped_key_is_refused_without_asking_the_database,
    what_is_refused_leaves_no_trace,
}

const ANY: fn() -> CreateApiKey = || CreateApiKey {
    name: "Shop".to_owned(),
    scopes: Scopes::ADMIN,
    expires_at: None,
    limit_per_minute: None,
    limit_per_second: None,
};

/// An engine whose tenant is stored.
fn start(kind: Kind) -> Harness {
    let harness = Harness::start(kind);
    harness.add_tenant(harness.tenant);
    harness
}

fn office(harness: &Harness) -> Office {
    let clock = harness.clock.clone();
    Office::new(harness.url.connect().expect("the database"), Arc::new(move || clock.now()))
}

fn realm(harness: &Harness) -> Realm {
    Realm { tenant_id: harness.tenant, mode: Mode::Test }
}

fn make_key(harness: &Harness, request: CreateApiKey) -> FreshKey {
    office(harness).create_key(realm(harness), request).expect("a key").1
}

/// The engine, and where the database takes more than one process, another.
fn processes(harness: &Harness) -> Vec<Engine> {
    let mut engines = vec![harness.engine.clone()];
    if harness.url.sqlite_path().is_none() {
        let books = harness.database.folder.path().join("other.books");
        engines.push(start_engine(&harness.url, &books, &harness.clock, |_| {}).0);
    }
    engines
}

async fn enters(engine: &Engine, key: &FreshKey) -> Option<Caller> {
    engine.authenticate(key.reveal()).await.expect("the database answers")
}

async fn a_revocation_holds_on_every_process_from_its_answer_on(kind: Kind) {
    let harness = start(kind);
    let engines = processes(&harness);
    for round in 0..20 {
        let key = make_key(&harness, ANY());
        for engine in engines.iter().chain(&engines) {
            assert_eq!(
                enters(engine, &key).await.map(|caller| caller.credential),
                Some(Credential::Key(key.id))
            );
        }
        // By the command line, and by each process.
        match engines.get(round % (engines.len() + 1)) {
            Some(engine) => {
                let context = context(harness.tenant, Mode::Test);
                assert_eq!(engine.revoke_api_key(context, key.id).await.status, 200);
            }
            None => assert!(office(&harness).revoke_key(key.id).expect("revoked").1),
        }
        for engine in &engines {
            assert_eq!(enters(engine, &key).await, None, "round {round}");
        }
    }
    check_database(&harness.url);
}

async fn no_request_that_begins_after_a_revocation_gets_in_however_many_race(kind: Kind) {
    let harness = start(kind);
    let engines = processes(&harness);
    for _ in 0..5 {
        let key = make_key(&harness, ANY());
        for engine in &engines {
            assert!(enters(engine, &key).await.is_some(), "it works before");
        }
        let (is_revoked, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let race = |engine: &Engine| {
            let (engine, key) = (engine.clone(), key.clone());
            let (is_revoked, is_over) = (Arc::clone(&is_revoked), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    let began_after = is_revoked.load(Ordering::SeqCst);
                    let entered = enters(&engine, &key).await.is_some();
                    assert!(!(entered && began_after), "it was revoked before the request began");
                    tokio::task::yield_now().await;
                }
            })
        };
        let racers: Vec<_> = (0..4).flat_map(|_| &engines).map(race).collect();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let mut office = office(&harness);
        let id = key.id;
        let revoked = tokio::task::spawn_blocking(move || office.revoke_key(id).expect("revoked").1);
        assert!(revoked.await.expect("it ran"));
        is_revoked.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(30)).await;
        is_over.store(true, Ordering::SeqCst);
        for racer in racers {
            racer.await.expect("none got in late");
        }
    }
}

async fn a_rotated_key_and_its_successor_overlap_for_the_chosen_time(kind: Kind) {
    let harness = start(kind);
    let engines = processes(&harness);
    let old =
        make_key(&harness, CreateApiKey { scopes: [Scope::PaymentsRead].into_iter().collect(), ..ANY() });
    let rotation = RotateApiKey { overlap: TimeDelta::seconds(60), expires_at: None };
    let (successor, new) = office(&harness).rotate_key(old.id, rotation).expect("rotated");
    assert_eq!(successor.scopes, ["payments:read"]);
    assert!(matches!(office(&harness).rotate_key(old.id, rotation), Err(NotDone::Refused(_))), "it has one");
    for (after, old_works) in [(0, true), (59, true), (60, false)] {
        harness.clock.advance(Duration::from_secs(if after == 60 { 1 } else { after }));
        for engine in &engines {
            assert_eq!(enters(engine, &old).await.is_some(), old_works, "after {after} s");
            assert_eq!(
                enters(engine, &new).await.map(|caller| caller.credential),
                Some(Credential::Key(new.id))
            );
        }
    }
    check_database(&harness.url);
}

async fn a_key_opens_nothing_from_its_expiry_on(kind: Kind) {
    let harness = start(kind);
    let expires_at = harness.clock.now() + TimeDelta::seconds(10);
    let key = make_key(&harness, CreateApiKey { expires_at: Some(expires_at), ..ANY() });
    assert!(enters(&harness.engine, &key).await.is_some());
    harness.clock.advance(Duration::from_secs(9));
    assert!(enters(&harness.engine, &key).await.is_some());
    harness.clock.advance(Duration::from_secs(1));
    assert_eq!(enters(&harness.engine, &key).await, None);
    let made =
        office(&harness).create_key(realm(&harness), CreateApiKey { expires_at: Some(expires_at), ..ANY() });
    assert!(matches!(made, Err(NotDone::Refused(_))), "it would have expired already");
}

async fn new_settings_of_a_tenant_hold_for_the_next_request(kind: Kind) {
    let harness = start(kind);
    let engines = processes(&harness);
    let key = make_key(&harness, ANY());
    for engine in &engines {
        assert_eq!(enters(engine, &key).await.expect("it works").currencies, None);
    }
    let euro = Currency::parse("EUR").expect("a code");
    let change = ChangeSettings {
        currencies: Some(Some(vec![euro, euro])),
        limit_per_minute: Some(Some(7)),
        limit_per_second: None,
    };
    office(&harness).change_settings(realm(&harness), change).expect("changed");
    for engine in &engines {
        let caller = enters(engine, &key).await.expect("it works");
        assert_eq!(caller.currencies.as_deref(), Some(&[euro][..]));
        assert_eq!((caller.limit_per_minute, caller.limit_per_second), (Some(7), None));
        assert!(caller.check_currency(euro).is_ok());
        assert!(caller.check_currency(Currency::parse("USD").expect("a code")).is_err());
    }
    let live = Realm { mode: Mode::Live, ..realm(&harness) };
    let (_, live_key) = office(&harness).create_key(live, ANY()).expect("a key");
    let caller = enters(&harness.engine, &live_key).await.expect("it works");
    assert_eq!((caller.currencies, caller.limit_per_minute), (None, None), "the other mode is as it was");
}

async fn the_last_use_is_written_in_the_background_and_costs_no_lookup(kind: Kind) {
    let harness = start(kind);
    let key = make_key(&harness, ANY());
    let last_used = || {
        let mut connection = harness.url.connect().expect("the database");
        find_key(&mut connection, key.id).expect("a row").expect("a key").last_used_at
    };
    harness.engine.note_key_uses_now().await;
    assert_eq!(last_used(), None);
    for _ in 0..2 {
        assert!(enters(&harness.engine, &key).await.is_some());
        harness.engine.note_key_uses_now().await;
        assert_eq!(last_used(), Some(harness.clock.now()));
        harness.clock.advance(Duration::from_secs(90));
    }
    let used_at = last_used();
    harness.engine.note_key_uses_now().await;
    assert_eq!(last_used(), used_at, "it was not used since");
    let generation = "SELECT generation AS number FROM access_generation";
    assert_eq!(harness.database.number(generation), 1, "a use changes nothing that a process remembers");
}

async fn a_mistyped_key_is_refused_without_asking_the_database(kind: Kind) {
    let harness = start(kind);
    let key = make_key(&harness, ANY());
    let mistyped = format!("{}0", &key.reveal()[..71]);
    let mistyped = if mistyped == key.reveal() { format!("{}1", &key.reveal()[..71]) } else { mistyped };
    assert_eq!(KeyText::recognize(&mistyped), KeyText::Mistyped);
    harness.database.execute("ALTER TABLE api_keys RENAME TO api_keys_hidden");
    harness.database.execute("ALTER TABLE access_generation RENAME TO access_generation_hidden");
    assert_eq!(harness.engine.authenticate(&mistyped).await.expect("no database is asked"), None);
    let unknown = KeyText::compose(Mode::Test, key.id, "0123456789abcdefghijABCDEFGHIJxy");
    assert!(harness.engine.authenticate(&unknown).await.is_err(), "a sound one is looked up");
}

async fn what_is_refused_leaves_no_trace(kind: Kind) {
    let harness = start(kind);
    let mut office = office(&harness);
    let nobody = KeyId::from_uuid(uuid::Uuid::now_v7());
    assert!(matches!(office.revoke_key(nobody), Err(NotDone::NoKey(_))));
    let key = make_key(&harness, ANY());
    assert!(office.revoke_key(key.id).expect("revoked").1);
    assert!(!office.revoke_key(key.id).expect("it is").1, "once");
    let rotation = RotateApiKey { overlap: TimeDelta::zero(), expires_at: None };
    assert!(matches!(office.rotate_key(key.id, rotation), Err(NotDone::Refused(_))));
    let nothing = ChangeSettings::default();
    office.change_settings(realm(&harness), nothing).expect("nothing to do");
    let entries = "SELECT count(*) AS number FROM audit_log";
    assert_eq!(harness.database.number(entries), 2, "one was made, one was revoked");
    check_database(&harness.url);
}
