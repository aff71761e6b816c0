//! A Stripe in the shape that its documentation describes, as far as the connector uses it: with idempotency keys, lists
//! that are narrowed down by time, a search, refusals of what is too much or too late, and payers who are redirected.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The server, and what it has made.
pub(crate) struct Double {
    pub(crate) server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    intents: Vec<Value>,
    refunds: Vec<Value>,
    /// What each idempotency key was used for, and what was answered.
    answered: HashMap<String, (String, u16, Value)>,
}

struct Answering(Arc<Mutex<State>>);

type Form = HashMap<String, String>;
type Answer = (u16, Value);

impl Double {
    pub(crate) async fn start() -> Double {
        let (server, state) = (MockServer::start().await, Arc::new(Mutex::new(State::default())));
        Mock::given(any()).respond_with(Answering(Arc::clone(&state))).mount(&server).await;
        Double { server, state }
    }

    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    /// How many payment intents there are.
    pub(crate) fn intents(&self) -> usize {
        self.state.lock().unwrap().intents.len()
    }

    /// Changes the newest payment intent, as time, a bank or a payer does.
    pub(crate) fn change_newest(&self, change: impl FnOnce(&mut Value)) {
        change(self.state.lock().unwrap().intents.last_mut().unwrap());
    }

    /// What was asked for last.
    pub(crate) async fn last_request(&self) -> Request {
        self.server.received_requests().await.unwrap().pop().unwrap()
    }
}

/// The fields of a form.
pub(crate) fn fields(request: &Request) -> Form {
    let url = format!("http://form/?{}", String::from_utf8(request.body.clone()).unwrap());
    reqwest::Url::parse(&url).unwrap().query_pairs().into_owned().collect()
}

/// An error in Stripe's shape.
pub(crate) fn error(kind: &str, code: Option<&str>, message: &str) -> Value {
    json!({ "error": { "type": kind, "code": code, "message": message, "doc_url": "https://stripe.com/docs" } })
}

impl Respond for Answering {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let (status, body) = self.0.lock().unwrap().answer(request);
        ResponseTemplate::new(status).set_body_json(body)
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Answer {
        let path = request.url.path().trim_start_matches("/v1/").to_owned();
        let path: Vec<&str> = path.split('/').collect();
        if request.method.as_str() == "GET" {
            return self.read(&path, &request.url.query_pairs().into_owned().collect());
        }
        let form = fields(request);
        let asked = format!("{} {}", request.url.path(), String::from_utf8_lossy(&request.body));
        let key = request.headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
        let Some(key) = key else { return (400, error("invalid_request_error", None, "No key.")) };
        match self.answered.get(&key) {
            Some((before, status, body)) if *before == asked => return (*status, body.clone()),
            Some(_) => {
                let message = "Keys for idempotent requests can only be used with the same parameters.";
                return (400, error("idempotency_error", None, message));
            }
            None => {}
        }
        let (status, body) = self.act(&path, &form);
        self.answered.insert(key, (asked, status, body.clone()));
        (status, body)
    }

    fn act(&mut self, path: &[&str], form: &Form) -> Answer {
        match path {
            ["payment_intents"] => self.create(form),
            ["payment_intents", id, "capture"] => self.capture(id, form),
            ["payment_intents", id, "cancel"] => self.cancel(id),
            ["refunds"] => self.refund(form),
            _ => (404, error("invalid_request_error", None, "Unrecognized request URL")),
        }
    }

    fn create(&mut self, form: &Form) -> Answer {
        let amount: i64 = form["amount"].parse().unwrap();
        let method = form["payment_method"].as_str();
        let off_session = form.contains_key("off_session") || form.contains_key("error_on_requires_action");
        let mut intent = json!({
            "id": format!("pi_3Double{:012}", self.intents.len()),
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "currency": form["currency"],
            "created": made_at(form),
            "capture_method": form["capture_method"],
            "client_secret": "pi_secret_x",
            "latest_charge": "ch_3Double",
            "metadata": metadata(form),
            "next_action": null,
            "last_payment_error": null,
            "status": "succeeded",
        });
        let declined = |code: &str, decline_code: &str| {
            json!({ "type": "card_error", "code": code, "decline_code": decline_code,
                    "message": "Your card was declined." })
        };
        match method {
            "pm_card_visa" | "pm_usBankAccount" => {}
            "pm_card_chargeDeclined" => {
                intent["last_payment_error"] = declined("card_declined", "generic_decline")
            }
            "pm_card_authenticationRequired" if off_session => {
                intent["last_payment_error"] = declined("authentication_required", "authentication_required");
            }
            "pm_card_authenticationRequired" => {
                let url = "https://hooks.stripe.com/redirect/authenticate/src_1";
                let to = json!({ "url": url, "return_url": form.get("return_url") });
                intent["next_action"] = json!({ "type": "redirect_to_url", "redirect_to_url": to });
            }
            _ => {
                let message = format!("No such PaymentMethod: '{method}'");
                return (404, error("invalid_request_error", Some("resource_missing"), &message));
            }
        }
        let error = intent["last_payment_error"].clone();
        intent["status"] = match (form["capture_method"].as_str(), method) {
            _ if !error.is_null() => "requires_payment_method",
            (_, "pm_card_authenticationRequired") => "requires_action",
            (_, "pm_usBankAccount") => "processing",
            ("manual", _) => "requires_capture",
            _ => "succeeded",
        }
        .into();
        if intent["status"] == "succeeded" {
            intent["amount_received"] = amount.into();
        }
        self.intents.push(intent.clone());
        if error.is_null() {
            return (200, intent);
        }
        let mut error = error;
        error["payment_intent"] = intent;
        (402, json!({ "error": error }))
    }

    fn capture(&mut self, id: &str, form: &Form) -> Answer {
        let Some(intent) = self.intents.iter_mut().find(|intent| intent["id"] == id) else {
            return missing(id);
        };
        let amount: i64 = form["amount_to_capture"].parse().unwrap();
        if intent["status"] != "requires_capture" {
            return unexpected(intent);
        }
        if amount > intent["amount"].as_i64().unwrap() {
            return (400, error("invalid_request_error", Some("amount_too_large"), "More than authorized."));
        }
        (intent["status"], intent["amount_received"]) = ("succeeded".into(), amount.into());
        (200, intent.clone())
    }

    fn cancel(&mut self, id: &str) -> Answer {
        let Some(intent) = self.intents.iter_mut().find(|intent| intent["id"] == id) else {
            return missing(id);
        };
        if ["succeeded", "canceled", "processing"].iter().any(|status| intent["status"] == *status) {
            return unexpected(intent);
        }
        intent["status"] = "canceled".into();
        (200, intent.clone())
    }

    fn refund(&mut self, form: &Form) -> Answer {
        let (id, amount) = (form["payment_intent"].as_str(), form["amount"].parse::<i64>().unwrap());
        let Some(intent) = self.intents.iter().find(|intent| intent["id"] == id) else { return missing(id) };
        let of_intent = self.refunds.iter().filter(|refund| refund["payment_intent"] == id);
        let refunded: i64 = of_intent.map(|refund| refund["amount"].as_i64().unwrap()).sum();
        if refunded + amount > intent["amount_received"].as_i64().unwrap() {
            let message = "Refund amount is greater than unrefunded amount on charge";
            return (400, error("invalid_request_error", None, message));
        }
        let refund = json!({
            "id": format!("re_3Double{:012}", self.refunds.len()),
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "created": made_at(form),
            "payment_intent": id,
            "metadata": metadata(form),
            "status": "succeeded",
        });
        self.refunds.push(refund.clone());
        (200, refund)
    }

    fn read(&self, path: &[&str], query: &Form) -> Answer {
        let one = |all: &[Value], id: &str| all.iter().find(|object| object["id"] == id).cloned();
        match path {
            ["payment_intents", "search"] => {
                let wanted = query["query"].split('\'').nth(3).unwrap();
                let hits: Vec<&Value> = self
                    .intents
                    .iter()
                    .filter(|intent| intent["metadata"]["florin_attempt_id"] == wanted)
                    .collect();
                (200, json!({ "object": "search_result", "data": hits, "has_more": false }))
            }
            ["payment_intents", id] => {
                one(&self.intents, id).map_or_else(|| missing(id), |found| (200, found))
            }
            ["refunds", id] => one(&self.refunds, id).map_or_else(|| missing(id), |found| (200, found)),
            ["payment_intents"] => (200, list(&self.intents, query)),
            ["refunds"] => (200, list(&self.refunds, query)),
            ["disputes"] => {
                let dispute =
                    json!({ "object": "dispute", "reason": "insufficient_funds", "status": "lost" });
                (200, json!({ "object": "list", "data": [dispute], "has_more": false }))
            }
            _ => (404, error("invalid_request_error", None, "Unrecognized request URL")),
        }
    }
}

/// A page, newest first. Small, so that there are several.
fn list(all: &[Value], query: &Form) -> Value {
    const PAGE: usize = 3;
    let bound = |name: &str, default: i64| query.get(name).map_or(default, |value| value.parse().unwrap());
    let (from, to) = (bound("created[gte]", i64::MIN), bound("created[lte]", i64::MAX));
    let of = query.get("payment_intent");
    let mut some: Vec<&Value> = all
        .iter()
        .rev()
        .filter(|object| (from..=to).contains(&object["created"].as_i64().unwrap()))
        .filter(|object| of.is_none_or(|of| object["payment_intent"] == *of))
        .collect();
    if let Some(after) = query.get("starting_after") {
        let position = some.iter().position(|object| object["id"] == *after).unwrap();
        some.drain(..=position);
    }
    let has_more = some.len() > PAGE;
    some.truncate(PAGE);
    json!({ "object": "list", "data": some, "has_more": has_more })
}

fn missing(id: &str) -> Answer {
    (404, error("invalid_request_error", Some("resource_missing"), &format!("No such object: '{id}'")))
}

fn unexpected(intent: &Value) -> Answer {
    let message = format!("This PaymentIntent has a status of {}.", intent["status"]);
    let mut body = error("invalid_request_error", Some("payment_intent_unexpected_state"), &message);
    body["error"]["payment_intent"] = intent.clone();
    (400, body)
}

fn metadata(form: &Form) -> Value {
    let inner = |name: &str| Some(name.strip_prefix("metadata[")?.strip_suffix(']')?.to_owned());
    form.iter().filter_map(|(name, value)| Some((inner(name)?, Value::from(value.clone())))).collect()
}

/// The time at which the attempt was made: it was sent at once.
fn made_at(form: &Form) -> i64 {
    let id: florin_domain::AttemptId = form["metadata[florin_attempt_id]"].parse().unwrap();
    id.created_at().timestamp()
}
