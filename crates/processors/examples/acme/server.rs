//! Acme itself, for the example: keeps in memory what it was told.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// What was sent under each path, and what was answered.
#[derive(Default)]
struct AcmeServer {
    told: Mutex<HashMap<String, (Value, Value)>>,
}

/// Starts Acme on this machine.
pub(crate) async fn start() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(AcmeServer::default()).mount(&server).await;
    server
}

impl Respond for AcmeServer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut told = self.told.lock().expect("nobody panicked");
        let path = request.url.path().to_owned();
        if request.method.as_str() == "GET" {
            return match told.get(&path) {
                Some((_, answer)) => ResponseTemplate::new(200).set_body_json(answer),
                None => ResponseTemplate::new(404),
            };
        }
        let body: Value = serde_json::from_slice(&request.body).expect("the connector sends JSON");
        if let Some((before, answer)) = told.get(&path) {
            let status = if *before == body { 200 } else { 409 };
            return ResponseTemplate::new(status).set_body_json(answer);
        }
        let mut answer =
            if path.starts_with("/charges/") { charge(&body) } else { operate(&mut told, &body) };
        answer["id"] = path.rsplit('/').next().expect("a path has parts").into();
        told.insert(path, (body, answer.clone()));
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

fn charge(body: &Value) -> Value {
    match body["token"].as_str() {
        Some("pm_good") if body["capture"] == true => json!({ "state": "captured", "left": body["amount"] }),
        Some("pm_good") => json!({ "state": "authorized", "left": body["amount"] }),
        Some("pm_careful") if body["payer_present"] == true => {
            json!({ "state": "waiting", "url": "https://acme.example/confirm" })
        }
        Some("pm_careful") => json!({ "state": "declined", "reason": "payer_absent" }),
        Some("pm_poor") => json!({ "state": "declined", "reason": "no_money" }),
        _ => json!({ "state": "declined", "reason": "unknown_token" }),
    }
}

fn operate(told: &mut HashMap<String, (Value, Value)>, body: &Value) -> Value {
    let refused = json!({ "state": "declined", "reason": "not_allowed" });
    let path = format!("/charges/{}", body["charge"].as_str().unwrap_or_default());
    let Some((_, charge)) = told.get_mut(&path) else { return refused };
    let left = charge["left"].as_i64().unwrap_or(0);
    let amount = body["amount"].as_i64().unwrap_or(left);
    let (state, left) = match (body["kind"].as_str(), charge["state"].as_str()) {
        (Some("capture"), Some("authorized")) if amount <= left => ("captured", amount),
        (Some("void"), Some("authorized")) => ("canceled", 0),
        (Some("refund"), Some("captured")) if amount <= left => ("captured", left - amount),
        _ => return refused,
    };
    (charge["state"], charge["left"]) = (state.into(), left.into());
    json!({ "state": "done" })
}
