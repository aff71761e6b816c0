//! Sessions: one successor however many ask, every theft noticed, and nothing that was taken away goes on working. Two
//! engines on one database are two processes.

mod common;

use std::time::Duration;

use chrono::TimeDelta;
use common::sessions::*;
use common::{Kind, check_database, json, test_on_each_database};
use florin_domain::{Device, Role};

test_on_each_database! {
    of_a_thousand_racing_refreshes_all_get_the_one_successor,
    a_superseded_token_ends_the_session_on_every_process,
    whoever_copied_a_token_is_noticed_whether_thief_or_owner_comes_first,
    a_lost_answer_is_given_again_and_only_in_the_one_honest_case,
    a_token_that_is_kept_goes_on_and_its_predecessor_is_dead,
    tokens_and_sessions_end_with_their_time,
    a_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing,
    beginning_and_refreshing_make_nobody_read_keys_anew,
    ending_a_session_tells_how_many_tokens_it_took,
    what_is_over_is_forgotten_and_what_lives_is_not,
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
    // Nobody who removes rows by hand is told when every process has heard of it.
    tokio::time::sleep(Duration::from_millis(110)).await;
    for secret in [&sound.access, &tokens.access] {
        assert_eq!(
            enters(&engines[0], secret).await,
            None,
            "what is removed by hand holds a tenth of a second later"
        );
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
