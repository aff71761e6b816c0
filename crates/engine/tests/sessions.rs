//! Sessions: one successor however many ask, every theft noticed, and nothing that was taken away goes on working. Two
//! engines on one database are two processes.

mod common;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use common::sessions::*;
use common::{Harness, Kind, check_database, json, test_on_each_database};
use florin_domain::{Device, DeviceId, Mode, Role};
use florin_engine::access::{Credential, Scope, Scopes};
use florin_engine::requests::{
    ChangeUser, CreateApiKey, Page, Position, RefreshTokens, SessionFilter, SetPassword,
};
use florin_engine::{Engine, FreshKey, Office};
use florin_storage::Realm;

test_on_each_database! {
    of_a_thousand_racing_refreshes_all_get_the_one_successor,
    a_superseded_token_ends_the_session_on_every_process,
    whoever_copied_a_token_is_noticed_whether_thief_or_owner_comes_first,
    a_lost_answer_is_given_again_and_only_in_the_one_honest_case,
    a_token_that_is_kept_goes_on_and_its_predecessor_is_dead,
    tokens_and_sessions_end_with_their_time,
    a_session_ends_with_its_key,
    a_session_ends_with_its_users_trust,
    a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing,
    beginning_and_refreshing_make_nobody_read_keys_anew,
    a_changed_device_is_in_the_audit_log,
    ones_own_sessions_are_listed_and_nobody_elses,
    ending_a_session_tells_how_many_tokens_it_took,
    a_users_session_has_the_users_scopes_and_acts_in_their_name,
    what_is_over_is_forgotten_and_what_lives_is_not,
}

/// An engine with cheap passwords, whose tenant is stored, and another one beside it.
fn start(kind: Kind) -> (Harness, [Engine; 2]) {
    let harness = Harness::start_with(kind, |settings| settings.passwords = QUICK);
    harness.add_tenant(harness.tenant);
    let books = harness.database.folder.path().join("other.books");
    let (other, _) =
        common::start_engine(&harness.url, &books, &harness.clock, |settings| settings.passwords = QUICK);
    let engines = [harness.engine.clone(), other];
    (harness, engines)
}

fn office(harness: &Harness) -> Office {
    let clock = harness.clock.clone();
    Office::new(harness.url.connect().expect("the database"), Arc::new(move || clock.now()))
}

fn make_key(harness: &Harness, expires_in: Option<TimeDelta>) -> FreshKey {
    let request = CreateApiKey {
        name: "Shop".to_owned(),
        scopes: [Scope::PaymentsRead].into_iter().collect(),
        expires_at: expires_in.map(|time| harness.clock.now() + time),
        limit_per_minute: None,
        limit_per_second: None,
    };
    let realm = Realm { tenant_id: harness.tenant, mode: Mode::Test };
    office(harness).create_key(realm, request).expect("a key").1
}

async fn begin(harness: &Harness, engine: &Engine) -> Tokens {
    let answer = exchange(engine, make_key(harness, None).reveal()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Tokens::of(&answer)
}

fn code(answer: &florin_engine::views::Answer) -> String {
    json(answer)["error"]["code"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

async fn is_dead(engines: &[Engine], tokens: &Tokens) {
    for engine in engines {
        assert_eq!(enters(engine, &tokens.access).await, None);
        let answer = refresh(engine, &tokens.refresh, true).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "refresh_token_invalid"));
    }
}

async fn of_a_thousand_racing_refreshes_all_get_the_one_successor(kind: Kind) {
    let (harness, engines) = start(kind);
    let first = begin(&harness, &engines[0]).await;
    let race = |index: usize| {
        let (engine, token) = (engines[index % 2].clone(), first.refresh.clone());
        tokio::spawn(async move { refresh(&engine, &token, true).await })
    };
    let racers: Vec<_> = (0..1000).map(race).collect();
    let mut answers = Vec::new();
    for racer in racers {
        answers.push(racer.await.expect("it ran"));
    }
    let successor = Tokens::of(&answers[0]);
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body), "every byte is the same");
    }
    assert_ne!(successor.refresh, first.refresh);
    let number = "SELECT number FROM sessions";
    assert_eq!(harness.database.number(number), 2);
    let tokens = "SELECT count(*) AS number FROM session_tokens WHERE kind = 'refresh'";
    assert_eq!(harness.database.number(tokens), 2, "one successor");
    for engine in &engines {
        assert!(enters(engine, &successor.access).await.is_some(), "nobody is locked out");
        assert!(enters(engine, &first.access).await.is_some(), "it has not expired");
    }
    assert_eq!(refresh(&engines[1], &successor.refresh, true).await.status, 200);
    check_database(&harness.url);
}

async fn a_superseded_token_ends_the_session_on_every_process(kind: Kind) {
    let (harness, engines) = start(kind);
    let first = begin(&harness, &engines[0]).await;
    let second = Tokens::of(&refresh(&engines[0], &first.refresh, true).await);
    let third = Tokens::of(&refresh(&engines[1], &second.refresh, true).await);
    for engine in &engines {
        assert!(enters(engine, &third.access).await.is_some(), "both remember it");
    }
    let theft = refresh(&engines[1], &first.refresh, true).await;
    assert_eq!((theft.status, code(&theft).as_str()), (401, "refresh_token_invalid"));
    for tokens in [&first, &second, &third] {
        is_dead(&engines, tokens).await;
    }
    let entries = "SELECT count(*) AS number FROM audit_log WHERE action = 'session.refresh_token_reused'";
    assert_eq!(harness.database.number(entries), 1, "told once");
    check_database(&harness.url);
}

async fn whoever_copied_a_token_is_noticed_whether_thief_or_owner_comes_first(kind: Kind) {
    let (harness, engines) = start(kind);
    // Who refreshes first, and how much later the other one comes, and how often the first has refreshed by then.
    for (owner_is_first, wait, refreshes) in
        [(true, 31, 1), (false, 31, 1), (true, 0, 2), (false, 0, 2), (true, 900, 3), (false, 5, 3)]
    {
        let copied = begin(&harness, &engines[0]).await;
        let engine_of = |is_owner: bool| &engines[usize::from(is_owner)];
        let mut held = copied.clone();
        for _ in 0..refreshes {
            let answer = refresh(engine_of(owner_is_first), &held.refresh, true).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            held = Tokens::of(&answer);
        }
        harness.clock.advance(Duration::from_secs(wait));
        let late = refresh(engine_of(!owner_is_first), &copied.refresh, true).await;
        assert_eq!((late.status, code(&late).as_str()), (401, "refresh_token_invalid"));
        is_dead(&engines, &held).await;
    }
    check_database(&harness.url);
}

async fn a_lost_answer_is_given_again_and_only_in_the_one_honest_case(kind: Kind) {
    let (harness, engines) = start(kind);
    let first = begin(&harness, &engines[0]).await;
    let lost = refresh(&engines[0], &first.refresh, true).await;
    for engine in &engines {
        harness.clock.advance(Duration::from_secs(14));
        let again = refresh(engine, &first.refresh, true).await;
        assert_eq!((again.status, &again.body), (200, &lost.body));
        let kept = refresh(engine, &first.refresh, false).await;
        assert_eq!((kept.status, code(&kept).as_str()), (409, "token_rotation_failed"), "it can't be kept");
    }
    harness.clock.advance(Duration::from_secs(2));
    assert_eq!(refresh(&engines[0], &first.refresh, true).await.status, 401, "30 s are over");
    is_dead(&engines, &Tokens::of(&lost)).await;

    let first = begin(&harness, &engines[0]).await;
    let second = Tokens::of(&refresh(&engines[0], &first.refresh, true).await);
    let third = Tokens::of(&refresh(&engines[0], &second.refresh, true).await);
    let again = refresh(&engines[1], &second.refresh, true).await;
    assert_eq!(Tokens::of(&again), third, "the successor of the successor is unused");
    assert_eq!(refresh(&engines[1], &first.refresh, true).await.status, 401, "its own was used");
    is_dead(&engines, &third).await;
    check_database(&harness.url);
}

async fn a_token_that_is_kept_goes_on_and_its_predecessor_is_dead(kind: Kind) {
    let (harness, engines) = start(kind);
    let first = begin(&harness, &engines[0]).await;
    let kept = Tokens::of(&refresh(&engines[1], &first.refresh, false).await);
    assert_eq!(kept.refresh, first.refresh);
    assert_ne!(kept.access, first.access);
    let second = Tokens::of(&refresh(&engines[0], &first.refresh, true).await);
    let kept = Tokens::of(&refresh(&engines[0], &second.refresh, false).await);
    assert_eq!(kept.refresh, second.refresh);
    for engine in &engines {
        for tokens in [&first, &second, &kept] {
            assert!(enters(engine, &tokens.access).await.is_some());
        }
    }
    assert_eq!(refresh(&engines[0], &first.refresh, true).await.status, 401, "the successor was used");
    is_dead(&engines, &kept).await;
}

async fn tokens_and_sessions_end_with_their_time(kind: Kind) {
    let (harness, engines) = start(kind);
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    let first = begin(&harness, &engines[0]).await;
    harness.clock.advance(Duration::from_secs(15 * 60 - 1));
    assert!(enters(&engines[0], &first.access).await.is_some());
    harness.clock.advance(Duration::from_secs(1));
    for engine in &engines {
        assert_eq!(enters(engine, &first.access).await, None, "15 minutes");
    }
    let mut held = Tokens::of(&refresh(&engines[0], &first.refresh, true).await);
    for _ in 0..3 {
        harness.clock.advance(days(29));
        held = Tokens::of(&refresh(&engines[1], &held.refresh, true).await);
        assert!(enters(&engines[0], &held.access).await.is_some());
    }
    harness.clock.advance(days(3));
    let over = refresh(&engines[0], &held.refresh, true).await;
    assert_eq!((over.status, code(&over).as_str()), (401, "refresh_token_expired"), "90 days in all");
    let idle = begin(&harness, &engines[0]).await;
    harness.clock.advance(days(30));
    let over = refresh(&engines[0], &idle.refresh, true).await;
    assert_eq!((over.status, code(&over).as_str()), (401, "refresh_token_expired"), "30 days unused");
}

async fn a_session_ends_with_its_key(kind: Kind) {
    let (harness, engines) = start(kind);
    let key = make_key(&harness, None);
    let tokens = Tokens::of(&exchange(&engines[0], key.reveal()).await);
    for engine in &engines {
        let caller = enters(engine, &tokens.access).await.expect("it works");
        assert!(matches!(caller.credential, Credential::KeySession { key: id, .. } if id == key.id));
        assert!(caller.scopes.allows(Scope::PaymentsRead) && !caller.scopes.allows(Scope::PaymentsWrite));
    }
    office(&harness).revoke_key(key.id).expect("revoked");
    is_dead(&engines, &tokens).await;

    let key = make_key(&harness, Some(TimeDelta::seconds(60)));
    let answer = exchange(&engines[0], key.reveal()).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(json(&answer)["refresh_token_expires_at"], json(&answer)["expires_at"], "with the key");
    harness.clock.advance(Duration::from_secs(59));
    assert!(enters(&engines[1], &tokens.access).await.is_some());
    harness.clock.advance(Duration::from_secs(1));
    is_dead(&engines, &tokens).await;
}

async fn a_session_ends_with_its_users_trust(kind: Kind) {
    let (harness, engines) = start(kind);
    let user = add_user(&harness, "ada@example.com", Role::Operator).await;
    let sign_in = async |password: &str| {
        engines[0].sign_in(stranger("192.0.2.1"), sign_in_as("Ada@Example.com", password)).await
    };
    let change = async |enabled: bool| {
        let change = ChangeUser { enabled: Some(enabled), ..ChangeUser::default() };
        let answer = engines[1].change_user(administrator(harness.tenant), user, change).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let tokens = Tokens::of(&sign_in(PASSWORD).await);
    for engine in &engines {
        assert!(enters(engine, &tokens.access).await.is_some(), "both remember it");
    }
    change(false).await;
    is_dead(&engines, &tokens).await;
    assert_eq!(code(&sign_in(PASSWORD).await), "login_failed");
    change(true).await;
    is_dead(&engines, &tokens).await;

    let tokens = Tokens::of(&sign_in(PASSWORD).await);
    assert!(enters(&engines[1], &tokens.access).await.is_some());
    let new = SetPassword { current: None, password: "staple correct horse".into() };
    let answer = engines[1].set_password(administrator(harness.tenant), user, new).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    is_dead(&engines, &tokens).await;
    assert_eq!(code(&sign_in(PASSWORD).await), "login_failed");
    let tokens = Tokens::of(&sign_in("staple correct horse").await);

    let caller = enters(&engines[1], &tokens.access).await.expect("it works");
    assert!(caller.scopes.allows(Scope::RefundsWrite));
    let viewer = ChangeUser { role: Some(Role::Viewer), ..ChangeUser::default() };
    assert_eq!(engines[0].change_user(administrator(harness.tenant), user, viewer).await.status, 200);
    for engine in &engines {
        let caller = enters(engine, &tokens.access).await.expect("another role ends no session");
        assert!(!caller.scopes.allows(Scope::RefundsWrite), "and holds at once");
    }
    check_database(&harness.url);
}

async fn a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing(kind: Kind) {
    let (harness, engines) = start(kind);
    let key = make_key(&harness, None);
    let tokens = Tokens::of(&exchange(&engines[0], key.reveal()).await);
    assert_eq!(enters(&engines[0], &tokens.refresh).await, None);
    for other in
        [&tokens.access, &key.reveal().to_owned(), &tokens.refresh.replace("rt_", "at_"), &String::new()]
    {
        let answer = refresh(&engines[0], other, true).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "refresh_token_invalid"), "{other}");
    }
    let caller = enters(&engines[0], &tokens.access).await.expect("it works");
    let answer = engines[0].exchange_key(call_of(caller), Device::default()).await;
    assert_eq!(
        (answer.status, code(&answer).as_str()),
        (403, "permission_denied"),
        "no session from a session"
    );
    let sound = Tokens::of(&exchange(&engines[1], key.reveal()).await);
    harness.database.execute("DELETE FROM session_tokens");
    for secret in [&sound.access, &tokens.access] {
        assert_eq!(enters(&engines[0], secret).await, None, "what is removed by hand holds at once");
    }
}

async fn beginning_and_refreshing_make_nobody_read_keys_anew(kind: Kind) {
    let (harness, engines) = start(kind);
    add_user(&harness, "ada@example.com", Role::Admin).await;
    let generation = || harness.database.number("SELECT generation AS number FROM access_generation");
    let before = generation();
    let key = make_key(&harness, None);
    let tokens = Tokens::of(&exchange(&engines[0], key.reveal()).await);
    let next = Tokens::of(&refresh(&engines[0], &tokens.refresh, true).await);
    assert_eq!(refresh(&engines[1], &next.refresh, false).await.status, 200);
    let signed_in = engines[0].sign_in(stranger("192.0.2.1"), sign_in_as("ada@example.com", PASSWORD)).await;
    assert_eq!(signed_in.status, 201);
    assert_eq!(generation(), before);
    assert_eq!(end(&engines[0], &next.access, &next.session).await.status, 200);
    assert!(generation() > before);
}

async fn a_changed_device_is_in_the_audit_log(kind: Kind) {
    let (harness, engines) = start(kind);
    let on = |device: &str| Device { device_id: DeviceId::parse(device).ok(), client_version: None };
    let key = make_key(&harness, None);
    let caller = enters(&engines[0], key.reveal()).await.expect("it works");
    let mut held = Tokens::of(&engines[0].exchange_key(call_of(caller), on("web-3f92ab1c")).await);
    for (device, entries) in
        [(on("web-3f92ab1c"), 0), (Device::default(), 0), (on("phone"), 1), (on("phone"), 1)]
    {
        let request = RefreshTokens { token: held.refresh.as_str().into(), rotates: true, device };
        held = Tokens::of(&engines[1].refresh_session(stranger("192.0.2.1"), request).await);
        let count = "SELECT count(*) AS number FROM audit_log WHERE action = 'session.device_changed'";
        assert_eq!(harness.database.number(count), entries);
    }
}

async fn ones_own_sessions_are_listed_and_nobody_elses(kind: Kind) {
    let (harness, engines) = start(kind);
    let key = make_key(&harness, None);
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(Tokens::of(&exchange(&engines[0], key.reveal()).await));
        harness.clock.advance(Duration::from_secs(1));
    }
    let other = begin(&harness, &engines[0]).await;
    let list = async |secret: &str| {
        let caller = enters(&engines[1], secret).await.expect("it works");
        let page = Page { limit: 10, position: Position::Offset(0) };
        let answer = engines[1].list_sessions(call_of(caller), SessionFilter::default(), page).await;
        let data = json(&answer)["data"].as_array().expect("a list").clone();
        let text = |session: &serde_json::Value| (session["id"].clone(), session["current"] == true);
        data.iter().map(text).collect::<Vec<_>>()
    };
    let expected: Vec<_> = [(2, false), (1, true), (0, false)]
        .map(|(index, current)| (serde_json::json!(own[index].session), current))
        .to_vec();
    assert_eq!(list(&own[1].access).await, expected, "newest first");
    assert_eq!(list(key.reveal()).await.len(), 3);
    assert_eq!(list(&other.access).await.len(), 1);
    assert_eq!(end(&engines[0], &own[0].access, &own[2].session).await.status, 200, "of the same key");
    assert_eq!(list(key.reveal()).await.len(), 2);
    let foreign = end(&engines[0], &other.access, &own[0].session).await;
    assert_eq!((foreign.status, code(&foreign).as_str()), (404, "session_not_found"));
    let stale = &own[0].refresh;
    let rotated = Tokens::of(&refresh(&engines[0], stale, true).await);
    Tokens::of(&refresh(&engines[0], &rotated.refresh, true).await);
    assert_eq!(refresh(&engines[0], stale, true).await.status, 401);
    assert_eq!(list(key.reveal()).await.len(), 1, "a stolen one is over");
}

async fn ending_a_session_tells_how_many_tokens_it_took(kind: Kind) {
    let (harness, engines) = start(kind);
    let key = make_key(&harness, None);
    let first = Tokens::of(&exchange(&engines[0], key.reveal()).await);
    let ended = end(&engines[0], &first.access, &first.session).await;
    let body = json(&ended);
    assert_eq!((ended.status, &body["success"], &body["revoked_tokens"]), (200, &true.into(), &2.into()));
    assert_eq!(body["invalidated_session_id"], first.session.as_str());
    is_dead(&engines, &first).await;
    let again = end(&engines[1], key.reveal(), &first.session).await;
    assert_eq!((again.status, again.body), (200, ended.body), "again, it is the same");

    let first = Tokens::of(&exchange(&engines[0], key.reveal()).await);
    let second = Tokens::of(&refresh(&engines[0], &first.refresh, true).await);
    let ended = end(&engines[1], &first.access, &first.session).await;
    assert_eq!(json(&ended)["revoked_tokens"], 3, "two access tokens and a refresh token");
    is_dead(&engines, &second).await;
    check_database(&harness.url);
}

async fn a_users_session_has_the_users_scopes_and_acts_in_their_name(kind: Kind) {
    let (harness, engines) = start(kind);
    let user = add_user(&harness, "ada@example.com", Role::Viewer).await;
    for livemode in [false, true] {
        let request = florin_engine::requests::SignIn { livemode, ..sign_in_as("ada@example.com", PASSWORD) };
        let tokens = Tokens::of(&engines[0].sign_in(stranger("192.0.2.1"), request).await);
        let caller = enters(&engines[1], &tokens.access).await.expect("it works");
        assert_eq!((caller.mode.is_live(), caller.scopes), (livemode, Scopes::from(Role::Viewer)));
        assert_eq!(caller.actor().to_string(), user.to_string());
        assert_eq!(caller.limit_key(), user.bytes());
        assert!(caller.grants_until.is_none() && caller.expires_at.is_some());
    }
}

async fn what_is_over_is_forgotten_and_what_lives_is_not(kind: Kind) {
    let (harness, engines) = start(kind);
    let over = begin(&harness, &engines[0]).await;
    end(&engines[0], &over.access, &over.session).await;
    harness.clock.advance(Duration::from_secs(20 * 24 * 3600));
    let lives = begin(&harness, &engines[0]).await;
    harness.clock.advance(Duration::from_secs(11 * 24 * 3600));
    let now = harness.clock.now();
    let mut connection = harness.url.connect().expect("the database");
    florin_storage::sessions::forget_sessions(&mut connection, now, now - TimeDelta::days(30))
        .expect("forgotten");
    assert_eq!(harness.database.number("SELECT count(*) AS number FROM sessions"), 1);
    let tokens = "SELECT count(*) AS number FROM session_tokens";
    assert_eq!(harness.database.number(tokens), 1, "the access token has expired");
    assert_eq!(refresh(&engines[1], &lives.refresh, true).await.status, 200);
    check_database(&harness.url);
}
