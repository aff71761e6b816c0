//! Random histories of logins, refreshes, rotations and revocations, beside a model that says after each step which
//! credentials work: on both of two processes exactly those do.
//!
//! The model knows the rules by themselves, without digests, rows, generations or caches.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common::sessions::*;
use common::{Harness, Kind, check_database, runtime};
use florin_domain::{KeyId, Mode, Role, UserId};
use florin_engine::access::Scopes;
use florin_engine::requests::{ChangeUser, CreateApiKey, RotateApiKey, SetPassword};
use florin_engine::{Engine, FreshKey, Office};
use florin_storage::Realm;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// One step. Numbers choose among what there is by then.
#[derive(Clone, Debug)]
enum Step {
    Exchange,
    SignIn,
    /// Presents a refresh token of a session: the newest when the last number is 0, else one that many before.
    Refresh {
        session: usize,
        back: usize,
        rotates: bool,
    },
    End {
        session: usize,
    },
    RevokeKey,
    RotateKey {
        overlap: i64,
    },
    SetEnabled(bool),
    SetPassword,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Exchange),
        3 => Just(Step::SignIn),
        12 => (0..8_usize, prop_oneof![5 => Just(0_usize), 3 => Just(1), 1 => Just(2)], prop::bool::weighted(0.8))
            .prop_map(|(session, back, rotates)| Step::Refresh { session, back, rotates }),
        2 => (0..8_usize).prop_map(|session| Step::End { session }),
        1 => Just(Step::RevokeKey),
        1 => prop_oneof![Just(0_i64), Just(20), Just(2000)].prop_map(|overlap| Step::RotateKey { overlap }),
        2 => any::<bool>().prop_map(Step::SetEnabled),
        1 => Just(Step::SetPassword),
        4 => prop_oneof![Just(1_u64), Just(15), Just(31), Just(450), Just(900)].prop_map(Step::Wait),
    ]
}

/// A key as the model knows it.
struct ModelKey {
    fresh: FreshKey,
    /// From when on it opens nothing.
    until: Option<DateTime<Utc>>,
}

/// What a session was exchanged for.
enum ModelOwner {
    Key(KeyId),
    /// How often the user had lost trust by then.
    User(u32),
}

/// A session as the model knows it.
struct ModelSession {
    id: String,
    owner: ModelOwner,
    has_ended: bool,
    /// Every refresh token there ever was; the last is the current one.
    refresh: Vec<String>,
    access: Vec<(String, DateTime<Utc>)>,
    /// While the current refresh token is unused: when it was made.
    rotated_at: Option<DateTime<Utc>>,
    /// The answer that made it.
    answer: String,
}

struct World<'a> {
    harness: &'a Harness,
    engines: &'a [Engine; 2],
    user: UserId,
    email: String,
    password: String,
    enabled: bool,
    distrusted: u32,
    keys: Vec<ModelKey>,
    sessions: Vec<ModelSession>,
    turn: usize,
}

impl World<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.harness.clock.now()
    }

    /// The process that serves the next request.
    fn engine(&mut self) -> Engine {
        self.turn += 1;
        self.engines[self.turn % 2].clone()
    }

    fn office(&self) -> Office {
        let clock = self.harness.clock.clone();
        Office::new(self.harness.url.connect().expect("the database"), Arc::new(move || clock.now()))
    }

    fn make_key(&mut self) {
        let request = CreateApiKey {
            name: String::new(),
            scopes: Scopes::ADMIN,
            expires_at: None,
            limit_per_minute: None,
            limit_per_second: None,
        };
        let realm = Realm { tenant_id: self.harness.tenant, mode: Mode::Test };
        let (_, fresh) = self.office().create_key(realm, request).expect("a key");
        self.keys.push(ModelKey { fresh, until: None });
    }

    fn key_works(&self, id: KeyId) -> bool {
        let key = self.keys.iter().find(|key| key.fresh.id == id);
        key.is_some_and(|key| key.until.is_none_or(|until| self.now() < until))
    }

    fn owner_works(&self, owner: &ModelOwner) -> bool {
        match owner {
            ModelOwner::Key(id) => self.key_works(*id),
            ModelOwner::User(distrusted) => self.enabled && *distrusted == self.distrusted,
        }
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Exchange => self.exchange().await,
            Step::SignIn => self.sign_in().await,
            Step::Refresh { session, back, rotates } => self.refresh(*session, *back, *rotates).await,
            Step::End { session } => self.end(*session).await,
            Step::RevokeKey => {
                if let Some(id) = self.newest_key() {
                    self.office().revoke_key(id).expect("revoked");
                    self.close_key(id, self.now());
                    self.make_key();
                }
                Ok(())
            }
            Step::RotateKey { overlap } => {
                if let Some(id) = self.newest_key() {
                    let overlap = TimeDelta::seconds(*overlap);
                    let rotation = RotateApiKey { overlap, expires_at: None };
                    let (_, fresh) = self.office().rotate_key(id, rotation).expect("rotated");
                    self.close_key(id, self.now() + overlap);
                    self.keys.push(ModelKey { fresh, until: None });
                }
                Ok(())
            }
            Step::SetEnabled(enabled) => {
                let change = ChangeUser { enabled: Some(*enabled), ..ChangeUser::default() };
                let answer =
                    self.engine().change_user(administrator(self.harness.tenant), self.user, change).await;
                prop_assert_eq!(answer.status, 200);
                self.distrusted += u32::from(self.enabled && !enabled);
                self.enabled = *enabled;
                Ok(())
            }
            Step::SetPassword => {
                self.password = format!("{PASSWORD} {}", self.turn);
                let new = SetPassword { current: None, password: self.password.as_str().into() };
                let answer =
                    self.engine().set_password(administrator(self.harness.tenant), self.user, new).await;
                prop_assert_eq!(answer.status, 200);
                self.distrusted += 1;
                Ok(())
            }
            Step::Wait(seconds) => {
                self.harness.clock.advance(Duration::from_secs(*seconds));
                Ok(())
            }
        }
    }

    fn newest_key(&self) -> Option<KeyId> {
        self.keys.last().map(|key| key.fresh.id)
    }

    fn close_key(&mut self, id: KeyId, until: DateTime<Utc>) {
        let key = self.keys.iter_mut().find(|key| key.fresh.id == id).expect("it is there");
        key.until = Some(until);
    }

    async fn exchange(&mut self) -> Result<(), TestCaseError> {
        let (id, secret) = {
            let key = self.keys.last().expect("there is always one");
            (key.fresh.id, key.fresh.reveal().to_owned())
        };
        let answer = exchange(&self.engine(), &secret).await;
        prop_assert_eq!(answer.status, 201);
        self.remember(&Tokens::of(&answer), ModelOwner::Key(id));
        Ok(())
    }

    async fn sign_in(&mut self) -> Result<(), TestCaseError> {
        let request = sign_in_as(&self.email, &self.password);
        // From a new address each time: this is not about failures.
        let address = format!("2001:db8:{:x}:{:x}::1", self.turn / 65_536, self.turn % 65_536);
        let answer = self.engine().sign_in(stranger(&address), request).await;
        prop_assert_eq!(answer.status, if self.enabled { 201 } else { 401 }, "{}", answer.body);
        if self.enabled {
            self.remember(&Tokens::of(&answer), ModelOwner::User(self.distrusted));
        }
        Ok(())
    }

    fn remember(&mut self, tokens: &Tokens, owner: ModelOwner) {
        let access = vec![(tokens.access.clone(), self.now() + TimeDelta::minutes(15))];
        self.sessions.push(ModelSession {
            id: tokens.session.clone(),
            owner,
            has_ended: false,
            refresh: vec![tokens.refresh.clone()],
            access,
            rotated_at: None,
            answer: String::new(),
        });
    }

    fn choose(&self, session: usize) -> Option<usize> {
        (!self.sessions.is_empty()).then(|| session % self.sessions.len())
    }

    async fn refresh(&mut self, session: usize, back: usize, rotates: bool) -> Result<(), TestCaseError> {
        let Some(index) = self.choose(session) else { return Ok(()) };
        let engine = self.engine();
        let now = self.now();
        let works = self.owner_works(&self.sessions[index].owner) && !self.sessions[index].has_ended;
        let session = &mut self.sessions[index];
        let at = session.refresh.len().saturating_sub(1 + back);
        let answer = refresh(&engine, &session.refresh[at], rotates).await;
        let steps_back = session.refresh.len() - 1 - at;
        let is_soon = session.rotated_at.is_some_and(|rotated| now - rotated < TimeDelta::seconds(30));
        let expected = match (works, steps_back, is_soon) {
            (false, _, _) => 401,
            (true, 0, _) => 200,
            (true, 1, true) if rotates => 200,
            (true, 1, true) => 409,
            (true, _, _) => 401,
        };
        prop_assert_eq!(answer.status, expected, "{} back {}: {}", steps_back, is_soon, answer.body);
        match (expected, steps_back) {
            (200, 0) => {
                let tokens = Tokens::of(&answer);
                prop_assert_eq!(tokens.refresh != session.refresh[at], rotates);
                session.access.push((tokens.access, now + TimeDelta::minutes(15)));
                session.rotated_at = rotates.then_some(now);
                if rotates {
                    session.refresh.push(tokens.refresh);
                    session.answer = answer.body.to_string();
                }
            }
            (200, _) => prop_assert_eq!(&*answer.body, session.answer.as_str(), "the same successor"),
            (401, 1..) if works => session.has_ended = true,
            _ => {}
        }
        Ok(())
    }

    async fn end(&mut self, session: usize) -> Result<(), TestCaseError> {
        let Some(index) = self.choose(session) else { return Ok(()) };
        let id = self.sessions[index].id.clone();
        let by = self.keys.last().expect("there is always one").fresh.reveal().to_owned();
        let answer = end(&self.engine(), &by, &id).await;
        prop_assert_eq!(answer.status, 200, "an administrator's key: {}", answer.body);
        self.sessions[index].has_ended = true;
        Ok(())
    }

    /// Every credential, asked for on both processes.
    async fn check(&self) -> Result<(), TestCaseError> {
        for engine in self.engines {
            for key in &self.keys {
                let works = enters(engine, key.fresh.reveal()).await.is_some();
                prop_assert_eq!(works, self.key_works(key.fresh.id), "{:?}", key.fresh.id);
            }
            for session in &self.sessions {
                let lives = self.owner_works(&session.owner) && !session.has_ended;
                for (token, until) in &session.access {
                    let works = enters(engine, token).await.is_some();
                    prop_assert_eq!(works, lives && self.now() < *until, "{}", session.id);
                }
                for token in &session.refresh {
                    prop_assert!(enters(engine, token).await.is_none(), "a refresh token opens nothing");
                }
            }
        }
        Ok(())
    }
}

async fn run_history(
    harness: &Harness,
    engines: &[Engine; 2],
    number: usize,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let email = format!("user{number}@example.com");
    let user = add_user(harness, &email, Role::Operator).await;
    let mut world = World {
        harness,
        engines,
        user,
        email,
        password: PASSWORD.to_owned(),
        enabled: true,
        distrusted: 0,
        keys: Vec::new(),
        sessions: Vec::new(),
        turn: number * 1000,
    };
    world.make_key();
    for step in steps {
        world.take(step).await?;
        world.check().await?;
    }
    Ok(())
}

fn run_histories(kind: Kind) {
    if !kind.is_there() {
        return;
    }
    let runtime = runtime();
    let (harness, engines) = runtime.block_on(async {
        let harness = Harness::start_with(kind, |settings| settings.passwords = QUICK);
        harness.add_tenant(harness.tenant);
        let books = harness.database.folder.path().join("other.books");
        let quick = |settings: &mut florin_engine::EngineSettings| settings.passwords = QUICK;
        let (other, _) = common::start_engine(&harness.url, &books, &harness.clock, quick);
        let engines = [harness.engine.clone(), other];
        (harness, engines)
    });
    let cases = if std::env::var_os("FULL").is_some() { 1000 } else { 40 };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&prop::collection::vec(step(), 1..40), |steps| {
        number.set(number.get() + 1);
        runtime.block_on(run_history(&harness, &engines, number.get(), &steps))
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let outcomes = outcomes(&harness);
    for (what, count) in &outcomes {
        assert!(*count > 0, "no history had {what}: {outcomes:?}");
    }
    check_database(&harness.url);
}

/// That the histories had what they are about.
fn outcomes(harness: &Harness) -> BTreeMap<&'static str, i64> {
    let count = |condition: &str| {
        harness
            .database
            .number(&format!("SELECT count(*) AS number FROM audit_log WHERE action = '{condition}'"))
    };
    [
        ("sessions", count("session.created")),
        ("thefts", count("session.refresh_token_reused")),
        ("revocations", count("session.revoked")),
        ("disabled users", count("user.disabled")),
        ("revoked keys", count("api_key.revoked")),
    ]
    .into()
}

#[test]
fn no_history_leaves_a_revoked_credential_working_or_an_honest_one_not_on_sqlite() {
    run_histories(Kind::Sqlite);
}

#[test]
fn no_history_leaves_a_revoked_credential_working_or_an_honest_one_not_on_postgresql() {
    run_histories(Kind::Postgres);
}
