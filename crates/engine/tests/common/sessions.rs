//! Sessions as tests begin, refresh and end them.

use florin_domain::{Device, Mode, Role, TenantId, UserId, normalize_email};
use florin_engine::access::{Caller, Context};
use florin_engine::requests::{CreateUser, RefreshTokens, RevokeSession, SignIn};
use florin_engine::views::Answer;
use florin_engine::{Engine, PasswordSettings, Stranger};

use super::{Harness, json};

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
