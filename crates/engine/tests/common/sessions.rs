//! Sessions as tests begin, refresh and end them.

use std::sync::Arc;

use chrono::TimeDelta;
use florin_domain::{Device, Mode, Role, TenantId, UserId, normalize_email};
use florin_engine::access::{Caller, Context, Scope};
use florin_engine::requests::{CreateApiKey, CreateUser, RefreshTokens, RevokeSession, SignIn};
use florin_engine::views::Answer;
use florin_engine::{Engine, FreshKey, Office, PasswordSettings, Stranger};
use florin_storage::Realm;

use super::{Harness, Kind, json};

/// Passwords that cost nothing.
pub(crate) const QUICK: PasswordSettings =
    PasswordSettings { memory_kib: 64, iterations: 1, at_once: 2, waiting: 2000 };

/// The password of every user here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// What a session's holder has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub access: String,
    pub refresh: String,
    pub session: String,
}

impl Tokens {
    /// The tokens of an answer that has some.
    pub(crate) fn of(answer: &Answer) -> Tokens {
        let body = json(answer);
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token"), session: text("session_id") }
    }
}

/// Somebody at an address.
pub(crate) fn stranger(address: &str) -> Stranger {
    Stranger { request_id: "req_test".to_owned(), address: address.parse().ok() }
}

/// Whoever has this key or access token.
pub(crate) async fn enters(engine: &Engine, secret: &str) -> Option<Caller> {
    engine.authenticate(secret).await.expect("the database answers")
}

/// The call of a caller.
pub(crate) fn call_of(caller: Caller) -> Context {
    Context { caller, request_id: "req_test".to_owned(), address: None }
}

/// Exchanges a key.
pub(crate) async fn exchange(engine: &Engine, key: &str) -> Answer {
    let caller = enters(engine, key).await.expect("the key works");
    engine.exchange_key(call_of(caller), Device::default()).await
}

/// Refreshes.
pub(crate) async fn refresh(engine: &Engine, token: &str, rotates: bool) -> Answer {
    let request = RefreshTokens { token: token.into(), rotates, device: Device::default() };
    engine.refresh_session(stranger("192.0.2.1"), request).await
}

/// Ends a session, by one of its own access tokens or by a key.
pub(crate) async fn end(engine: &Engine, by: &str, session: &str) -> Answer {
    let caller = enters(engine, by).await.expect("it works");
    let request = RevokeSession { id: session.parse().expect("an id"), reason: None };
    engine.revoke_session(call_of(caller), request).await
}

/// A user to sign in as.
pub(crate) fn sign_in_as(email: &str, password: &str) -> SignIn {
    SignIn {
        email: normalize_email(email).expect("an address"),
        password: password.into(),
        code: None,
        tenant_id: None,
        livemode: false,
        device: Device::default(),
    }
}

/// Makes a user.
pub(crate) async fn add_user(harness: &Harness, email: &str, role: Role) -> UserId {
    let context = super::context(harness.tenant, Mode::Live);
    let request = CreateUser {
        email: normalize_email(email).expect("an address"),
        name: None,
        role,
        password: PASSWORD.into(),
    };
    let made = harness.engine.create_user(context, request, None).await;
    assert_eq!(made.status, 201, "{}", made.body);
    json(&made)["id"].as_str().expect("an id").parse().expect("a user's")
}

/// The call of an administrator of a tenant, who may do everything about users.
pub(crate) fn administrator(tenant: TenantId) -> Context {
    super::context(tenant, Mode::Live)
}

/// An engine with cheap passwords, whose tenant is stored, and another one beside it.
pub(crate) fn start(kind: Kind) -> (Harness, [Engine; 2]) {
    let harness = Harness::start_with(kind, |settings| settings.passwords = QUICK);
    harness.add_tenant(harness.tenant);
    let books = harness.database.folder.path().join("other.books");
    let (other, _) =
        super::start_engine(&harness.url, &books, &harness.clock, |settings| settings.passwords = QUICK);
    let engines = [harness.engine.clone(), other];
    (harness, engines)
}

/// Where an operator does things.
pub(crate) fn office(harness: &Harness) -> Office {
    let clock = harness.clock.clone();
    Office::new(harness.url.connect().expect("the database"), Arc::new(move || clock.now()))
}

/// A key that may read payments.
pub(crate) fn make_key(harness: &Harness, expires_in: Option<TimeDelta>) -> FreshKey {
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

/// A session of a key of its own.
pub(crate) async fn begin(harness: &Harness, engine: &Engine) -> Tokens {
    let answer = exchange(engine, make_key(harness, None).reveal()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Tokens::of(&answer)
}

/// The code of an answer that is an error.
pub(crate) fn code(answer: &Answer) -> String {
    json(answer)["error"]["code"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

/// That neither token opens anything on any process.
pub(crate) async fn is_dead(engines: &[Engine], tokens: &Tokens) {
    for engine in engines {
        assert_eq!(enters(engine, &tokens.access).await, None);
        let answer = refresh(engine, &tokens.refresh, true).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "refresh_token_invalid"));
    }
}
