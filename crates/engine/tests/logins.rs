//! Signing in: who waits and who does not, counted together by all processes, and what a login leaves behind.

mod common;

use std::time::Duration;

use common::sessions::*;
use common::{Harness, Kind, check_database, json, test_on_each_database};
use florin_domain::{Role, TenantId};
use florin_engine::requests::SignIn;
use florin_engine::{Engine, PasswordSettings};

test_on_each_database! {
    guesses_at_the_same_time_on_two_processes_are_counted_before_they_are_looked_at,
    whoever_waits_gets_in_and_a_wait_has_its_longest,
    a_user_under_attack_from_everywhere_gets_in_from_where_nothing_failed,
    an_account_that_does_not_exist_is_throttled_like_one_that_does,
    a_weaker_hash_is_replaced_by_a_login_that_ends_nothing,
    one_address_in_two_tenants_needs_the_tenant,
    a_busy_server_says_so_and_counts_no_failure,
}

const ADA: &str = "ada@example.com";

fn start_with(kind: Kind, passwords: PasswordSettings) -> Harness {
    let harness = Harness::start_with(kind, |settings| settings.passwords = passwords);
    harness.add_tenant(harness.tenant);
    harness
}

fn another(harness: &Harness, passwords: PasswordSettings) -> Engine {
    let books = harness.database.folder.path().join("other.books");
    common::start_engine(&harness.url, &books, &harness.clock, |settings| settings.passwords = passwords).0
}

async fn attempt(engine: &Engine, address: &str, email: &str, password: &str) -> u16 {
    engine.sign_in(stranger(address), sign_in_as(email, password)).await.status
}

async fn guesses_at_the_same_time_on_two_processes_are_counted_before_they_are_looked_at(kind: Kind) {
    let harness = start_with(kind, QUICK);
    let engines = [harness.engine.clone(), another(&harness, QUICK)];
    add_user(&harness, ADA, Role::Admin).await;
    let guesses: Vec<_> = (0..100)
        .map(|number| {
            let engine = engines[number % 2].clone();
            tokio::spawn(async move { attempt(&engine, "192.0.2.1", ADA, "wrong").await })
        })
        .collect();
    let mut looked_at = 0;
    for guess in guesses {
        match guess.await.expect("it ran") {
            401 => looked_at += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(looked_at, 5);
    for engine in &engines {
        assert_eq!(attempt(engine, "192.0.2.1", ADA, PASSWORD).await, 429, "the right one, too");
        assert_eq!(attempt(engine, "192.0.2.2", ADA, PASSWORD).await, 201, "from elsewhere");
    }
}

async fn whoever_waits_gets_in_and_a_wait_has_its_longest(kind: Kind) {
    let harness = start_with(kind, QUICK);
    add_user(&harness, ADA, Role::Admin).await;
    let mut waits = Vec::new();
    for _ in 0..18 {
        let answer = harness.engine.sign_in(stranger("192.0.2.1"), sign_in_as(ADA, "wrong")).await;
        if let Some(seconds) = answer.retry_after_seconds {
            assert_eq!(answer.status, 429);
            waits.push(seconds);
            harness.clock.advance(Duration::from_secs(u64::from(seconds)));
            assert_eq!(attempt(&harness.engine, "192.0.2.1", ADA, "wrong").await, 401, "it may try again");
        }
    }
    assert_eq!(waits[..4], [5, 10, 20, 40]);
    assert_eq!(waits.iter().max(), Some(&900), "{waits:?}");
    assert_eq!(attempt(&harness.engine, "192.0.2.1", ADA, PASSWORD).await, 429);
    harness.clock.advance(Duration::from_secs(900));
    assert_eq!(
        attempt(&harness.engine, "192.0.2.1", ADA, PASSWORD).await,
        201,
        "nobody is locked out for good"
    );
    for _ in 0..2 {
        assert_eq!(attempt(&harness.engine, "192.0.2.1", ADA, "wrong").await, 401, "and starts afresh");
    }
    check_database(&harness.url);
}

async fn a_user_under_attack_from_everywhere_gets_in_from_where_nothing_failed(kind: Kind) {
    let harness = start_with(kind, QUICK);
    add_user(&harness, ADA, Role::Admin).await;
    for number in 0..40 {
        let address = format!("198.51.100.{number}");
        assert_eq!(attempt(&harness.engine, &address, ADA, "wrong").await, 401);
    }
    assert_eq!(
        attempt(&harness.engine, "198.51.100.39", ADA, "wrong").await,
        429,
        "one guess for each address"
    );
    assert_eq!(attempt(&harness.engine, "192.0.2.1", ADA, PASSWORD).await, 201);
}

async fn an_account_that_does_not_exist_is_throttled_like_one_that_does(kind: Kind) {
    let harness = start_with(kind, QUICK);
    add_user(&harness, ADA, Role::Admin).await;
    let mut seen = Vec::new();
    for (address, email) in [("192.0.2.1", ADA), ("192.0.2.2", "nobody@example.com")] {
        let mut answers = Vec::new();
        for _ in 0..6 {
            let answer = harness.engine.sign_in(stranger(address), sign_in_as(email, "wrong")).await;
            answers.push((answer.status, answer.body.to_string()));
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    for number in 0..15 {
        let email = format!("user{number}@example.com");
        attempt(&harness.engine, "192.0.2.2", &email, "wrong").await;
    }
    assert_eq!(attempt(&harness.engine, "192.0.2.2", ADA, PASSWORD).await, 429, "one address, many accounts");
}

async fn a_weaker_hash_is_replaced_by_a_login_that_ends_nothing(kind: Kind) {
    let harness = start_with(kind, QUICK);
    add_user(&harness, ADA, Role::Admin).await;
    let before = harness.engine.sign_in(stranger("192.0.2.1"), sign_in_as(ADA, PASSWORD)).await;
    let stronger = another(&harness, PasswordSettings { memory_kib: 128, ..QUICK });
    assert_eq!(attempt(&stronger, "192.0.2.1", ADA, PASSWORD).await, 201);
    let strong =
        "SELECT count(*) AS number FROM users WHERE password_hash LIKE '$argon2id$v=19$m=128,t=1,p=1$%'";
    assert_eq!(harness.database.number(strong), 1);
    assert!(enters(&stronger, &Tokens::of(&before).access).await.is_some());
    assert_eq!(attempt(&stronger, "192.0.2.1", ADA, PASSWORD).await, 201, "it is the same password");
    check_database(&harness.url);
}

async fn one_address_in_two_tenants_needs_the_tenant(kind: Kind) {
    let harness = start_with(kind, QUICK);
    let other = TenantId::from_uuid(uuid::Uuid::now_v7());
    harness.add_tenant(other);
    add_user(&harness, ADA, Role::Admin).await;
    let context = administrator(other);
    let request = florin_engine::requests::CreateUser {
        email: florin_domain::normalize_email(ADA).expect("an address"),
        name: None,
        role: Role::Viewer,
        password: PASSWORD.into(),
    };
    assert_eq!(harness.engine.create_user(context, request, None).await.status, 201);
    assert_eq!(attempt(&harness.engine, "192.0.2.1", ADA, PASSWORD).await, 401);
    for tenant in [harness.tenant, other] {
        let request = SignIn { tenant_id: Some(tenant), ..sign_in_as(ADA, PASSWORD) };
        let answer = harness.engine.sign_in(stranger("192.0.2.1"), request).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let caller = enters(&harness.engine, &Tokens::of(&answer).access).await.expect("it works");
        assert_eq!(caller.tenant_id, tenant);
    }
}

async fn a_busy_server_says_so_and_counts_no_failure(kind: Kind) {
    let busy = PasswordSettings { memory_kib: 16 * 1024, iterations: 4, at_once: 1, waiting: 1 };
    let harness = start_with(kind, busy);
    add_user(&harness, ADA, Role::Admin).await;
    let logins: Vec<_> = (0..12)
        .map(|number| {
            let engine = harness.engine.clone();
            let address = format!("192.0.2.{number}");
            tokio::spawn(async move { engine.sign_in(stranger(&address), sign_in_as(ADA, PASSWORD)).await })
        })
        .collect();
    let mut outcomes = [0, 0];
    for login in logins {
        let answer = login.await.expect("it ran");
        match answer.status {
            201 => outcomes[0] += 1,
            503 => {
                assert_eq!(json(&answer)["error"]["code"], "overloaded");
                assert!(answer.retry_after_seconds.is_some());
                outcomes[1] += 1;
            }
            other => panic!("{other}: {}", answer.body),
        }
    }
    assert!(outcomes[0] >= 1 && outcomes[1] >= 1, "{outcomes:?}");
    assert_eq!(
        harness.database.number("SELECT CAST(sum(failures) AS bigint) AS number FROM login_failures"),
        0
    );
}
