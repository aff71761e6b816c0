//! An adversarial processor: it speaks Stripe's HTTP, does one thing and says another, or nothing, or too late, and writes
//! down what it really did.
//!
//! It lies as long as the lie can be seen through, and says nothing else that is wrong: that it refused what it did, that it
//! did what it did not, that what it did is not there, and effects beyond its greatest delay are what nobody survives.
//! `docs/testing.md` tells which lies are which.

mod http;
mod store;
mod webhooks;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use self::http::{Answer, Connection, Request};
use self::store::{Store, error};
use self::webhooks::Webhooks;
pub(super) use store::tally;

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Misdeed {
    /// Nothing happens, and nothing is answered.
    TimesOutBefore,
    /// It happens, and nothing is answered.
    TimesOutAfter,
    /// Nothing is answered, and it happens once nobody waits any more.
    HappensLate,
    /// It happens, and the answer is an error of the server.
    FailsAfter,
    /// Nothing happens, and the answer is an error of the server.
    FailsBefore,
    /// It happens, and the connection ends in the middle of the answer.
    ClosesMidAnswer,
    /// The connection ends before anything happens.
    ClosesBefore,
    /// The answer comes twice.
    AnswersTwice,
    /// The answer comes just in time.
    AnswersLate,
    /// The answer tells another amount.
    WrongAmount,
    /// The answer is that of another request.
    OtherAnswer,
}

const ALL: [(Misdeed, &str); 11] = [
    (Misdeed::TimesOutBefore, "time-outs before the effect"),
    (Misdeed::TimesOutAfter, "time-outs after it"),
    (Misdeed::HappensLate, "effects after the time-out"),
    (Misdeed::FailsAfter, "500 after the effect"),
    (Misdeed::FailsBefore, "500 before it"),
    (Misdeed::ClosesMidAnswer, "closed mid-answer"),
    (Misdeed::ClosesBefore, "closed before the effect"),
    (Misdeed::AnswersTwice, "answered twice"),
    (Misdeed::AnswersLate, "answered late"),
    (Misdeed::WrongAmount, "wrong amounts"),
    (Misdeed::OtherAnswer, "answers of another request"),
];

/// How long the longest late effect takes: what the connector is told as the greatest delay has to be longer.
const LATEST: Duration = Duration::from_millis(1500);

/// The adversary. It ends when this is dropped.
pub(super) struct Adversary {
    port: u16,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    journal: PathBuf,
    store: Mutex<Store>,
    random: Mutex<fastrand::Rng>,
    is_bad: AtomicBool,
    counts: [AtomicUsize; ALL.len()],
    requests: AtomicUsize,
    /// How many events it has told of.
    told: AtomicUsize,
    /// What was answered last, for mixing up answers.
    last: Mutex<Option<Answer>>,
    webhooks: OnceLock<Arc<Webhooks>>,
}

impl Adversary {
    /// Starts it. It is honest until it is told to be bad.
    pub(super) async fn start(journal: &Path, seed: u64) -> Adversary {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(State {
            journal: journal.to_owned(),
            store: Mutex::new(Store::create(journal)),
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            is_bad: AtomicBool::new(false),
            counts: Default::default(),
            requests: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
            last: Mutex::new(None),
            webhooks: OnceLock::new(),
        });
        let serving = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Adversary { port, state, accepting }
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Its journal.
    pub(super) fn journal(&self) -> &Path {
        &self.state.journal
    }

    /// Tells of everything by webhooks from now on, at any of these addresses.
    pub(super) fn send_webhooks(&self, urls: Vec<String>, secret: &str) {
        let _sent_already = self.state.webhooks.set(Arc::new(Webhooks::new(urls, secret)));
    }

    /// Begins to misbehave, or is honest from now on.
    pub(super) fn set_bad(&self, is_bad: bool) {
        self.state.is_bad.store(is_bad, Ordering::SeqCst);
    }

    /// How often it did what.
    pub(super) fn counts(&self) -> Vec<(&'static str, usize)> {
        let requests = ("requests", self.state.requests.load(Ordering::SeqCst));
        let counts = ALL.iter().zip(&self.state.counts);
        let counts = counts.map(|((_, name), count)| (*name, count.load(Ordering::SeqCst)));
        let webhooks = self.state.webhooks.get().into_iter().flat_map(|webhooks| webhooks.counts());
        std::iter::once(requests).chain(counts).chain(webhooks).collect()
    }
}

impl Drop for Adversary {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn act(&self, request: &Request) -> Answer {
        let answer = self.store.lock().unwrap_or_else(PoisonError::into_inner).act(request);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.clone());
        if let (Some(webhooks), "POST", 200) = (self.webhooks.get(), request.method.as_str(), answer.status) {
            let random = self.random.lock().unwrap_or_else(PoisonError::into_inner).fork();
            webhooks.tell(&answer, self.told.fetch_add(1, Ordering::SeqCst), random);
        }
        answer
    }

    /// The answer of another request, if that can be told apart from one to this request. Now and then it has this
    /// request's key, as though it had been made for it.
    fn answer_of_other(&self, request: &Request) -> Option<Answer> {
        let mut other = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        if !can_be_told_apart(request, &other) {
            return None;
        }
        if other.status == 200 && self.random.lock().unwrap_or_else(PoisonError::into_inner).bool() {
            other.key = request.headers.get("idempotency-key").cloned();
        }
        Some(other)
    }

    /// One of four requests is met with a misdeed; one of ten that only asks. More of them keep the circuit breaker open
    /// most of the time, and then there is nothing to see.
    fn choose(&self, request: &Request) -> Option<Misdeed> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let one_of = if request.method == "POST" { 4 } else { 10 };
        if !self.is_bad.load(Ordering::SeqCst) || random.u32(..one_of) > 0 {
            return None;
        }
        let number = random.usize(..ALL.len());
        self.counts[number].fetch_add(1, Ordering::SeqCst);
        Some(ALL[number].0)
    }

    fn a_while(&self, milliseconds: std::ops::Range<u64>) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::from_millis(random.u64(milliseconds))
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut connection = Connection::new(stream);
    while let Some(request) = connection.next().await {
        state.requests.fetch_add(1, Ordering::SeqCst);
        let gone_on = match state.choose(&request) {
            None => {
                let answer = state.act(&request);
                connection.send(&answer.to_bytes()).await
            }
            Some(misdeed) => misbehave(&mut connection, &state, &request, misdeed).await,
        };
        if gone_on.is_none() {
            return;
        }
    }
}

/// Misbehaves; none ends the connection.
async fn misbehave(
    connection: &mut Connection,
    state: &Arc<State>,
    request: &Request,
    misdeed: Misdeed,
) -> Option<()> {
    match misdeed {
        Misdeed::TimesOutBefore => connection.wait_for_end().await,
        Misdeed::TimesOutAfter => {
            state.act(request);
            connection.wait_for_end().await;
        }
        Misdeed::HappensLate => {
            tokio::time::sleep(state.a_while(100..u64::try_from(LATEST.as_millis()).unwrap_or(1500))).await;
            state.act(request);
        }
        Misdeed::FailsAfter => {
            state.act(request);
            return connection.send(&error(500, "api_error", "internal").to_bytes()).await;
        }
        Misdeed::FailsBefore => {
            return connection.send(&error(500, "api_error", "internal").to_bytes()).await;
        }
        Misdeed::ClosesMidAnswer => {
            let bytes = state.act(request).to_bytes();
            connection.send(&bytes[..bytes.len() / 2]).await?;
        }
        Misdeed::ClosesBefore => {}
        Misdeed::AnswersTwice => {
            let bytes = state.act(request).to_bytes();
            connection.send(&bytes).await?;
            tokio::time::sleep(state.a_while(0..5)).await;
            return connection.send(&bytes).await;
        }
        Misdeed::AnswersLate => {
            let answer = state.act(request);
            tokio::time::sleep(state.a_while(50..350)).await;
            return connection.send(&answer.to_bytes()).await;
        }
        Misdeed::WrongAmount => {
            let answer = with_other_amount(state.act(request));
            return connection.send(&answer.to_bytes()).await;
        }
        Misdeed::OtherAnswer => {
            let other = state.answer_of_other(request);
            let own = state.act(request);
            return connection.send(&other.unwrap_or(own).to_bytes()).await;
        }
    }
    None
}

/// The same answer with one minor unit more wherever it tells of any.
fn with_other_amount(answer: Answer) -> Answer {
    let Ok(mut body) = serde_json::from_str::<Value>(&answer.body) else { return answer };
    let in_error = body.pointer_mut("/error/payment_intent").map(add_to_amounts);
    if in_error.is_none() {
        add_to_amounts(&mut body);
        body["data"].as_array_mut().into_iter().flatten().for_each(add_to_amounts);
    }
    Answer { body: body.to_string(), ..answer }
}

fn add_to_amounts(object: &mut Value) {
    for name in ["amount", "amount_received"] {
        if let Some(amount) = object[name].as_i64() {
            object[name] = (amount + 1).into();
        }
    }
}

/// Whether it shows that an answer is not one to this request: by its key, or by the object that it names. That nothing is
/// there, in the words of a list or of an error, can be said of anything; and of whatever else a list of payment intents
/// holds, it may be the right one.
fn can_be_told_apart(request: &Request, answer: &Answer) -> bool {
    if request.method == "POST" {
        return answer.key.is_some() || answer.status == 200;
    }
    let parts: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
    let is_one_object = matches!(parts.as_slice(), [_, id] if *id != "search");
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    match body["data"].as_array() {
        None => true,
        Some(_) if is_one_object => true,
        Some(listed) => !listed.is_empty() && request.path != "/v1/payment_intents",
    }
}

#[cfg(test)]
mod tests;
