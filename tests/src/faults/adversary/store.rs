//! What the adversary really does, however it answers: payment intents and refunds in Stripe's shape, one effect for each
//! idempotency key, and a journal of all effects on disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use florin_processors::sandbox::PaymentTally;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::http::{Answer, Request};

/// How old something has to be before the search shows it, as Stripe's is behind.
const SEARCH_BEHIND: Duration = Duration::from_millis(700);

/// An effect, as it is written down before anybody is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Effect {
    kind: Kind,
    payment_id: String,
    attempt_id: String,
    amount: i64,
    is_captured: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Charge,
    Capture,
    Void,
    Refund,
}

struct Intent {
    made: Instant,
    /// In seconds, as Stripe tells it.
    created: u64,
    amount: i64,
    received: i64,
    refunded: i64,
    status: &'static str,
    is_declined: bool,
    currency: String,
    metadata: BTreeMap<String, String>,
}

struct Refund {
    intent: String,
    created: u64,
    amount: i64,
    currency: String,
    metadata: BTreeMap<String, String>,
}

/// All that there is.
pub(super) struct Store {
    journal: File,
    intents: BTreeMap<String, Intent>,
    /// The first payment intent of each second, and those of each attempt: there are many, and look-ups come by the hundred.
    first_of: BTreeMap<u64, String>,
    intents_of: HashMap<String, Vec<String>>,
    refunds: BTreeMap<String, Refund>,
    /// What each key was used for, and what was answered.
    keys: HashMap<String, (BTreeMap<String, String>, String, Answer)>,
}

impl Store {
    pub(super) fn create(journal: &Path) -> Store {
        Store {
            journal: File::create(journal).expect("a journal can be made"),
            intents: BTreeMap::new(),
            first_of: BTreeMap::new(),
            intents_of: HashMap::new(),
            refunds: BTreeMap::new(),
            keys: HashMap::new(),
        }
    }

    /// Does what is asked for, once for each key.
    pub(super) fn act(&mut self, request: &Request) -> Answer {
        let key = request.headers.get("idempotency-key").cloned();
        if let Some((parameters, path, answer)) = key.as_ref().and_then(|key| self.keys.get(key)) {
            let is_same = *parameters == request.parameters && *path == request.path;
            let reused =
                Answer { key: key.clone(), ..error(400, "idempotency_error", "idempotency_key_reused") };
            return if is_same { answer.clone() } else { reused };
        }
        let parts: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        let answer = match (request.method.as_str(), parts.as_slice()) {
            ("POST", ["payment_intents"]) => self.charge(request),
            ("POST", ["payment_intents", id, "capture"]) => self.capture(id, request),
            ("POST", ["payment_intents", id, "cancel"]) => self.cancel(id, request),
            ("POST", ["refunds"]) => self.refund(request),
            ("GET", ["payment_intents"]) => self.list_intents(request),
            ("GET", ["payment_intents", "search"]) => self.search(request),
            ("GET", ["payment_intents", id]) => self.show(id),
            ("GET", ["refunds"]) => self.list_refunds(request),
            ("GET", ["refunds", id]) => self.show_refund(id),
            ("GET", ["disputes"]) => list(Vec::new()),
            _ => error(404, "invalid_request_error", "resource_missing"),
        };
        let answer = Answer { key: key.clone(), ..answer };
        if let Some(key) = key {
            self.keys.insert(key, (request.parameters.clone(), request.path.clone(), answer.clone()));
        }
        answer
    }

    fn charge(&mut self, request: &Request) -> Answer {
        let number = |name: &str| request.parameters.get(name).and_then(|text| text.parse::<i64>().ok());
        let text = |name: &str| request.parameters.get(name).cloned().unwrap_or_default();
        let (Some(amount), currency) = (number("amount"), text("currency")) else {
            return error(400, "invalid_request_error", "parameter_missing");
        };
        let is_declined = text("payment_method").contains("Declined");
        let is_captured = text("capture_method") != "manual";
        let metadata = metadata(request);
        if !is_declined {
            self.write_down(Kind::Charge, &metadata, &metadata, amount, is_captured);
        }
        let id = format!("pi_{:08}", self.intents.len() + 1);
        let intent = Intent {
            made: Instant::now(),
            created: now(),
            amount,
            received: if is_captured && !is_declined { amount } else { 0 },
            refunded: 0,
            status: match (is_declined, is_captured) {
                (true, _) => "requires_payment_method",
                (false, true) => "succeeded",
                (false, false) => "requires_capture",
            },
            is_declined,
            currency,
            metadata,
        };
        let declined = is_declined.then(|| declined(&id, &intent));
        self.first_of.entry(intent.created).or_insert_with(|| id.clone());
        if let Some(attempt) = intent.metadata.get("florin_attempt_id") {
            self.intents_of.entry(attempt.clone()).or_default().push(id.clone());
        }
        self.intents.insert(id.clone(), intent);
        declined.unwrap_or_else(|| self.show(&id))
    }

    fn capture(&mut self, id: &str, request: &Request) -> Answer {
        let Some(intent) = self.intents.get_mut(id) else { return missing() };
        let asked = request.parameters.get("amount_to_capture").and_then(|text| text.parse::<i64>().ok());
        let amount = asked.unwrap_or(intent.amount);
        if intent.status != "requires_capture" || amount > intent.amount {
            return unexpected_state(id, intent);
        }
        (intent.status, intent.received) = ("succeeded", amount);
        let metadata = intent.metadata.clone();
        self.write_down(Kind::Capture, &metadata, &key_as_attempt(request), amount, true);
        self.show(id)
    }

    fn cancel(&mut self, id: &str, request: &Request) -> Answer {
        let Some(intent) = self.intents.get_mut(id) else { return missing() };
        if !matches!(intent.status, "requires_capture" | "requires_payment_method") {
            return unexpected_state(id, intent);
        }
        intent.status = "canceled";
        if intent.is_declined {
            // No money is released by that.
            return self.show(id);
        }
        let metadata = intent.metadata.clone();
        self.write_down(Kind::Void, &metadata, &key_as_attempt(request), 0, false);
        self.show(id)
    }

    /// Takes refunds beyond what was captured: to refuse them is Florin's duty, and an adversary that helped would hide
    /// it when Florin fails.
    fn refund(&mut self, request: &Request) -> Answer {
        let id = request.parameters.get("payment_intent").cloned().unwrap_or_default();
        let Some(intent) = self.intents.get_mut(&id) else { return missing() };
        let asked = request.parameters.get("amount").and_then(|text| text.parse::<i64>().ok());
        let amount = asked.unwrap_or(intent.received - intent.refunded);
        intent.refunded += amount;
        let (currency, of_intent, metadata) =
            (intent.currency.clone(), intent.metadata.clone(), metadata(request));
        self.write_down(Kind::Refund, &of_intent, &metadata, amount, false);
        let refund_id = format!("re_{:08}", self.refunds.len() + 1);
        let refund = Refund { intent: id, created: now(), amount, currency, metadata };
        self.refunds.insert(refund_id.clone(), refund);
        self.show_refund(&refund_id)
    }

    /// An effect belongs to the payment of the intent that it is about, whatever the request says.
    fn write_down(
        &mut self,
        kind: Kind,
        intent: &BTreeMap<String, String>,
        by: &BTreeMap<String, String>,
        amount: i64,
        is_captured: bool,
    ) {
        let value = |map: &BTreeMap<String, String>, name: &str| map.get(name).cloned().unwrap_or_default();
        let effect = Effect {
            kind,
            payment_id: value(intent, "florin_payment_id"),
            attempt_id: value(by, "florin_attempt_id"),
            amount,
            is_captured,
        };
        let line = serde_json::to_string(&effect).expect("an effect can be written as JSON");
        writeln!(self.journal, "{line}").expect("the journal can be written");
    }

    fn show(&self, id: &str) -> Answer {
        self.intents.get(id).map_or_else(missing, |intent| ok(&intent_json(id, intent)))
    }

    fn show_refund(&self, id: &str) -> Answer {
        self.refunds.get(id).map_or_else(missing, |refund| ok(&refund_json(id, refund)))
    }

    fn search(&self, request: &Request) -> Answer {
        let query = request.parameters.get("query").cloned().unwrap_or_default();
        let wanted = query.rsplit(':').next().unwrap_or_default().trim_matches('\'').to_owned();
        let made = self.intents_of.get(&wanted).into_iter().flatten();
        let hits = made.filter_map(|id| Some((id, self.intents.get(id)?)));
        let hits = hits.filter(|(_, intent)| intent.made.elapsed() > SEARCH_BEHIND);
        list(hits.map(|(id, intent)| intent_json(id, intent)).collect())
    }

    fn list_intents(&self, request: &Request) -> Answer {
        let bound = |name: &str| request.parameters.get(name).and_then(|text| text.parse::<u64>().ok());
        let (from, until) = (bound("created[gte]").unwrap_or(0), bound("created[lte]").unwrap_or(u64::MAX));
        let Some((_, first)) = self.first_of.range(from..).next() else { return list(Vec::new()) };
        let listed = self.intents.range(first.clone()..).take_while(|(_, intent)| intent.created <= until);
        page(request, listed, intent_json)
    }

    fn list_refunds(&self, request: &Request) -> Answer {
        let of = request.parameters.get("payment_intent");
        let listed = self.refunds.iter().filter(|(_, refund)| of.is_none_or(|of| *of == refund.intent));
        page(request, listed, refund_json)
    }
}

/// What really happened to each payment, by the journal.
pub(in crate::faults) fn tally(journal: &Path) -> BTreeMap<String, PaymentTally> {
    let text = std::fs::read_to_string(journal).expect("the adversary's journal can be read");
    let mut tallies: BTreeMap<String, PaymentTally> = BTreeMap::new();
    for line in text.lines() {
        let effect: Effect = serde_json::from_str(line).expect("the journal has whole lines");
        let tally = tallies.entry(effect.payment_id).or_default();
        match effect.kind {
            Kind::Charge => {
                tally.charges += 1;
                tally.authorized += effect.amount;
                tally.captured += if effect.is_captured { effect.amount } else { 0 };
            }
            Kind::Capture => {
                tally.captures += 1;
                tally.captured += effect.amount;
            }
            Kind::Void => tally.voids += 1,
            Kind::Refund => {
                tally.refunds += 1;
                tally.refunded += effect.amount;
            }
        }
    }
    tallies
}

fn metadata(request: &Request) -> BTreeMap<String, String> {
    let name = |name: &str| Some(name.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
    request.parameters.iter().filter_map(|(key, value)| Some((name(key)?, value.clone()))).collect()
}

/// Captures and voids name their attempt by their key only.
fn key_as_attempt(request: &Request) -> BTreeMap<String, String> {
    let key = request.headers.get("idempotency-key").cloned();
    key.map(|key| ("florin_attempt_id".to_owned(), key)).into_iter().collect()
}

#[expect(clippy::disallowed_methods, reason = "the adversary has a clock of its own")]
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

fn intent_json(id: &str, intent: &Intent) -> Value {
    let last_error = intent.is_declined.then(|| json!({ "type": "card_error", "code": "card_declined" }));
    json!({
        "last_payment_error": last_error,
        "id": id, "object": "payment_intent", "amount": intent.amount, "amount_received": intent.received,
        "currency": intent.currency, "status": intent.status, "created": intent.created,
        "metadata": intent.metadata, "latest_charge": format!("ch{}", &id[2..]), "client_secret": format!("{id}_secret"),
    })
}

fn refund_json(id: &str, refund: &Refund) -> Value {
    json!({
        "id": id, "object": "refund", "amount": refund.amount, "currency": refund.currency, "status": "succeeded",
        "created": refund.created, "payment_intent": refund.intent, "metadata": refund.metadata,
    })
}

fn ok(object: &Value) -> Answer {
    Answer { status: 200, key: None, body: object.to_string() }
}

fn list(data: Vec<Value>) -> Answer {
    ok(&json!({ "object": "list", "data": data, "has_more": false }))
}

/// A page of what is listed, after the object that the request names.
fn page<'a, T: 'a>(
    request: &Request,
    listed: impl Iterator<Item = (&'a String, &'a T)>,
    show: impl Fn(&str, &T) -> Value,
) -> Answer {
    let limit = request.parameters.get("limit").and_then(|text| text.parse().ok()).unwrap_or(10_usize);
    let after = request.parameters.get("starting_after");
    let mut listed = listed.filter(|(id, _)| after.is_none_or(|after| *id > after));
    let data: Vec<Value> = listed.by_ref().take(limit).map(|(id, object)| show(id, object)).collect();
    let has_more = listed.next().is_some();
    ok(&json!({ "object": "list", "data": data, "has_more": has_more }))
}

fn missing() -> Answer {
    error(404, "invalid_request_error", "resource_missing")
}

/// As Stripe tells it: the payment intent stands, and waits for another card.
fn declined(id: &str, intent: &Intent) -> Answer {
    let error = json!({
        "type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "declined",
        "payment_intent": intent_json(id, intent),
    });
    Answer { status: 402, key: None, body: json!({ "error": error }).to_string() }
}

fn unexpected_state(id: &str, intent: &Intent) -> Answer {
    let error = json!({
        "type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": "not in this state",
        "payment_intent": intent_json(id, intent),
    });
    Answer { status: 400, key: None, body: json!({ "error": error }).to_string() }
}

pub(super) fn error(status: u16, kind: &str, code: &str) -> Answer {
    let error = json!({ "type": kind, "code": code, "message": "told by the adversary" });
    Answer { status, key: None, body: json!({ "error": error }).to_string() }
}
