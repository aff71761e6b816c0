//! Sessions and what they were exchanged for: they live and die with it, act in its name, and are its own to list.
//! Two engines on one database are two processes.

mod common;

use std::time::Duration;

use chrono::TimeDelta;
use common::sessions::*;
use common::{Kind, check_database, json, test_on_each_database};
use florin_domain::{Device, DeviceId, Role};
use florin_engine::access::{Credential, Scope, Scopes};
use florin_engine::requests::{ChangeUser, Page, Position, RefreshTokens, SessionFilter, SetPassword};

test_on_each_database! {
    a_session_ends_with_its_key,
    a_session_ends_with_its_users_trust,
    a_changed_device_is_in_the_audit_log,
    ones_own_sessions_are_listed_and_nobody_elses,
    a_users_session_has_the_users_scopes_and_acts_in_their_name,
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
        let page = Page::new(10, Position::Offset(0));
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
