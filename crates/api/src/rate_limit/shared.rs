//! Counting together with other processes, in Redis, by its clock.
//!
//! A thread of its own keeps the connection. The first question that fails, or is not answered in time, opens the
//! circuit: from then on nobody waits for Redis, and each process counts by itself, until the thread has asked Redis
//! the same question with success.

use std::fmt;
use std::pin::pin;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::window::{Level, MAX_QUOTAS, SLOTS};
use super::{Admission, Quota, Subject};

/// How long Redis may be silent while it is asked; from then on nobody waits for it. Less would take a machine that is
/// busy for a Redis that is away, and then each process would admit as much as all together should. A Redis that has
/// died, not fallen silent, is known at once.
const ANSWERS_WITHIN: Duration = Duration::from_millis(250);

/// How often a request waits for so long, as long as Redis answers others: a crowd has to be served one by one.
const ROUNDS: u32 = 2;

/// How long a connection may take to be made.
const CONNECTS_WITHIN: Duration = Duration::from_secs(1);

/// How long Redis is left alone before it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Where Redis is. What it says may hold a password, so it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl FromStr for RedisUrl {
    type Err = MalformedRedisUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Client::open(text).map(|_| RedisUrl(text.to_owned())).map_err(|_| MalformedRedisUrl)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl")
    }
}

/// Refused because it is no address of a Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedRedisUrl;

/// Counts in Redis while it answers.
pub(super) struct Shared {
    circuit: Arc<Circuit>,
    script: Script,
}

/// The connection, while Redis answers over it.
struct Circuit {
    state: RwLock<State>,
    opened: Notify,
    /// When Redis last answered, in milliseconds since the beginning.
    last_answer: AtomicU64,
    began: Instant,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections, so that a failure of an old one is not taken for the new one's.
    number: u64,
}

impl Shared {
    /// Begins to look after a connection. Nobody waits for it; none when the system gives no thread.
    pub(super) fn start(url: &RedisUrl) -> Option<Shared> {
        let circuit = Arc::new(Circuit {
            state: RwLock::default(),
            opened: Notify::new(),
            last_answer: AtomicU64::new(0),
            began: Instant::now(),
        });
        tell(false);
        let (client, keeper) = (Client::open(url.0.as_str()).ok()?, Arc::downgrade(&circuit));
        let spawned = thread::Builder::new().name("redis".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(keep_connected(&client, &keeper)),
                Err(error) => tracing::error!(%error, "limits can't be counted in Redis"),
            }
        });
        match spawned {
            Ok(_) => Some(Shared { circuit, script: script() }),
            Err(error) => {
                tracing::error!(%error, "limits can't be counted in Redis");
                None
            }
        }
    }

    /// Counts one more, unless that would be too many. None when Redis is not there to say so.
    pub(super) async fn admit(&self, subject: Subject, quotas: &[Quota]) -> Option<Admission> {
        let (mut connection, number) = self.circuit.connection()?;
        let asked = ask(&self.script, &mut connection, subject, quotas);
        self.circuit.wait_for(asked, number).await
    }

    /// Forgets what was counted, if Redis is there.
    pub(super) async fn forget(&self, subject: Subject, quotas: &[Quota]) {
        let Some((mut connection, number)) = self.circuit.connection() else { return };
        let mut command = redis::cmd("DEL");
        for quota in quotas {
            command.arg(key_of(subject, *quota));
        }
        let _done = self.circuit.wait_for(command.exec_async(&mut connection), number).await;
    }
}

impl Drop for Shared {
    /// Lets the thread see that nobody is there any more.
    fn drop(&mut self) {
        self.circuit.opened.notify_one();
    }
}

impl Circuit {
    fn connection(&self) -> Option<(MultiplexedConnection, u64)> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Some((state.connection.clone()?, state.number))
    }

    /// What Redis answers; none when it does not, and then it is not asked any more.
    async fn wait_for<T>(
        &self,
        asked: impl Future<Output = Result<T, RedisError>>,
        number: u64,
    ) -> Option<T> {
        let mut asked = pin!(asked);
        for _ in 0..ROUNDS {
            match timeout(ANSWERS_WITHIN, &mut asked).await {
                Ok(Ok(answer)) => {
                    self.last_answer.store(self.millis(), Ordering::Relaxed);
                    return Some(answer);
                }
                Ok(Err(error)) => {
                    self.open(number, &error.to_string());
                    return None;
                }
                Err(_) if self.has_answered_just_now() => {}
                Err(_) => break,
            }
        }
        self.open(number, "it did not answer in time");
        None
    }

    fn has_answered_just_now(&self) -> bool {
        let silence = self.millis().saturating_sub(self.last_answer.load(Ordering::Relaxed));
        Duration::from_millis(silence) < ANSWERS_WITHIN
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn close(&self, connection: MultiplexedConnection) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.connection = Some(connection);
        state.number += 1;
        drop(state);
        tell(true);
        tracing::info!("Redis answers: limits are counted there, for all processes together");
    }

    /// Everybody who was waiting finds out at once; the first of them tells.
    fn open(&self, number: u64, reason: &str) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.number != number || state.connection.take().is_none() {
            return;
        }
        drop(state);
        tell(false);
        metrics::counter!("florin_rate_limit_redis_failures_total").increment(1);
        tracing::warn!(reason, "Redis does not answer: each process limits by itself until it does");
        self.opened.notify_one();
    }
}

fn tell(is_shared: bool) {
    metrics::gauge!("florin_rate_limit_shared").set(if is_shared { 1.0 } else { 0.0 });
}

/// Connects whenever there is no connection, until nobody needs one.
async fn keep_connected(client: &Client, keeper: &Weak<Circuit>) {
    let mut is_told = false;
    let script = script();
    while keeper.strong_count() > 0 {
        match connect(client, &script).await {
            Ok(connection) => {
                let Some(circuit) = keeper.upgrade() else { return };
                circuit.close(connection);
                is_told = true;
                wait_until_opened(keeper, circuit).await;
            }
            Err(error) if !is_told => {
                is_told = true;
                tracing::warn!(reason = %error, "Redis can't be reached: each process limits by itself until it can");
            }
            Err(_) => {}
        }
        sleep(TRY_AGAIN_AFTER).await;
    }
}

/// Waits without keeping the circuit alive for longer than anybody needs it.
async fn wait_until_opened(keeper: &Weak<Circuit>, circuit: Arc<Circuit>) {
    let mut circuit = Some(circuit);
    while let Some(held) = circuit.take() {
        if held.connection().is_none() {
            return;
        }
        let opened = timeout(Duration::from_secs(1), held.opened.notified()).await;
        drop(held);
        if opened.is_ok() {
            return;
        }
        circuit = keeper.upgrade();
    }
}

/// A connection over which Redis has carried out the script.
async fn connect(client: &Client, script: &Script) -> Result<MultiplexedConnection, RedisError> {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTS_WITHIN))
        .set_response_timeout(Some(CONNECTS_WITHIN));
    let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
    let quota = Quota { name: "probe", limit: u32::MAX, seconds: 1 };
    let _has_room = ask(script, &mut connection, Subject::of_name("probe", "probe"), &[quota]).await?;
    Ok(connection)
}

fn script() -> Script {
    Script::new(include_str!("sliding_window.lua"))
}

/// All keys of a subject have one hash tag, so that a cluster keeps them in one place.
fn key_of(subject: Subject, quota: Quota) -> String {
    format!("florin:limit:{{{subject}}}:{}", quota.seconds)
}

async fn ask(
    script: &Script,
    connection: &mut MultiplexedConnection,
    subject: Subject,
    quotas: &[Quota],
) -> Result<Admission, RedisError> {
    let quotas = &quotas[..quotas.len().min(MAX_QUOTAS)];
    let mut invocation = script.prepare_invoke();
    invocation.arg(SLOTS);
    for quota in quotas {
        invocation.key(key_of(subject, *quota)).arg(quota.limit).arg(quota.micros());
    }
    let numbers: Vec<i64> = invocation.invoke_async(connection).await?;
    let levels = numbers.get(1..).unwrap_or_default().chunks_exact(2).map(|pair| Level {
        remaining: u32::try_from(pair[0]).unwrap_or_default(),
        wait_micros: u64::try_from(pair[1]).unwrap_or_default(),
    });
    Ok(Admission::new(numbers.first() == Some(&1), levels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_checked_and_never_shown() {
        let url: RedisUrl = "rediss://florin:geheim@redis.internal:6380/1".parse().unwrap();
        assert!(!format!("{url:?}").contains("geheim"));
        for wrong in ["", "redis.internal", "http://redis.internal", "redis://h:port"] {
            assert_eq!(wrong.parse::<RedisUrl>(), Err(MalformedRedisUrl), "{wrong}");
        }
    }

    #[test]
    fn the_keys_of_a_subject_have_one_hash_tag_and_name_nobody() {
        let subject = Subject::of_name("login", "ada@example.com");
        let key = key_of(subject, Quota { name: "burst", limit: 1, seconds: 60 });
        assert_eq!(key, format!("florin:limit:{{{subject}}}:60"));
    }
}
