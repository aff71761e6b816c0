//! The connector of Acme, a processor that does not exist. `docs/adding-a-processor.md` explains it.
//!
//! Acme lets its callers choose the names of charges and of operations on them, so an attempt's id is both key and name
//! there: what is sent twice is done once, and what was sent can be read by the name that we know.

use std::time::Duration;

use florin_domain::{AttemptKind, Currency, MethodRef, MethodType, Mode};
use florin_processors::http::{Answer, HeaderMap, HeaderValue, HttpClient, HttpRefused, Method, NoAnswer};
use florin_processors::{
    Capabilities, CaptureRequest, ChargeRequest, Currencies, DeclineCode, Found, LookUp, LookupFailed,
    MethodCheck, Outcome, Processor, RefundRequest, Units, VoidRequest, async_trait,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// One account at Acme, in one mode.
pub(crate) struct Acme {
    http: HttpClient,
    mode: Mode,
    capabilities: Capabilities,
}

/// A charge or an operation, as Acme tells it.
#[derive(Deserialize)]
struct Told {
    id: String,
    state: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    url: Option<String>,
}

impl Acme {
    /// The connector of an account. A real one holds its key in `secrecy::SecretString`.
    pub(crate) fn new(base: &str, key: &str, mode: Mode) -> Result<Acme, HttpRefused> {
        let mut headers = HeaderMap::new();
        if let Ok(mut key) = HeaderValue::from_str(&format!("Bearer {key}")) {
            key.set_sensitive(true);
            headers.insert("authorization", key);
        }
        let http = HttpClient::new(base, headers, Duration::from_secs(5), Duration::from_secs(25))?;
        let mut currencies = vec![Currency::EUR, Currency::JPY, Currency::USD];
        currencies.sort();
        let capabilities = Capabilities {
            methods: vec![MethodType::Card],
            currencies: Currencies::Only(currencies),
            // Acme counts whole tens of yen.
            units: vec![(Currency::JPY, Units { exponent: 0, step: 10 })],
            partial_capture: true,
            max_delay: Duration::from_secs(60),
            keeps_keys_for: Duration::MAX,
            ..Capabilities::default()
        };
        Ok(Acme { http, mode, capabilities })
    }

    async fn make_charge(&self, request: ChargeRequest, capture: bool) -> Outcome {
        if !self.capabilities.takes(request.method_type, request.currency) {
            return declined(DeclineCode::Declined, "Acme does not take this currency.");
        }
        let Ok(units) = self.capabilities.to_units(request.amount, request.currency) else {
            return declined(DeclineCode::Declined, "Acme can't express this amount.");
        };
        let body = json!({
            "payment": request.payment_id.to_string(),
            "amount": units,
            "currency": request.currency.code(),
            "token": request.payment_method.as_str(),
            "capture": capture,
            "payer_present": !request.off_session,
            "return_url": request.return_url,
        });
        self.put("charges", &request.attempt_id.to_string(), &body).await
    }

    /// Sends something under a name. Acme does it once, and says no (409) to anything else under the same name.
    async fn put(&self, what: &str, name: &str, body: &Value) -> Outcome {
        let request = self.http.request(Method::PUT, &[what, name]).body(body.to_string());
        match HttpClient::send(request).await {
            Ok(answer) => match answer.status {
                200 => outcome(&answer).unwrap_or_else(|reason| Outcome::Unknown { reason }),
                400 | 422 => declined(DeclineCode::OperationDeclined, "Acme refused the request."),
                401 | 403 | 429 => Outcome::NotSent { reason: format!("status {}", answer.status) },
                status => Outcome::Unknown { reason: format!("status {status}") },
            },
            Err(no_answer) => no_answer.into(),
        }
    }
}

#[async_trait]
impl Processor for Acme {
    fn name(&self) -> &str {
        "acme"
    }

    fn serves(&self, mode: Mode) -> bool {
        self.mode == mode
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check_method(&self, method: &MethodRef) -> MethodCheck {
        if method.as_str().starts_with("pm_") { MethodCheck::Unchecked } else { MethodCheck::NotFound }
    }

    async fn authorize(&self, request: ChargeRequest) -> Outcome {
        self.make_charge(request, false).await
    }

    async fn charge(&self, request: ChargeRequest) -> Outcome {
        self.make_charge(request, true).await
    }

    async fn capture(&self, request: CaptureRequest) -> Outcome {
        let Ok(units) = self.capabilities.to_units(request.amount, request.currency) else {
            return declined(DeclineCode::OperationDeclined, "Acme can't express this amount.");
        };
        let body = json!({ "kind": "capture", "charge": request.reference, "amount": units });
        self.put("operations", &request.attempt_id.to_string(), &body).await
    }

    async fn void(&self, request: VoidRequest) -> Outcome {
        let body = json!({ "kind": "void", "charge": request.reference });
        self.put("operations", &request.attempt_id.to_string(), &body).await
    }

    async fn refund(&self, request: RefundRequest) -> Outcome {
        let Ok(units) = self.capabilities.to_units(request.amount, request.currency) else {
            return declined(DeclineCode::RefundDeclined, "Acme can't express this amount.");
        };
        let body = json!({ "kind": "refund", "charge": request.reference, "amount": units });
        self.put("operations", &request.attempt_id.to_string(), &body).await
    }

    /// Needs no reference of Acme's own: the attempt's id is the name there.
    async fn look_up(&self, attempt: &LookUp) -> Result<Found, LookupFailed> {
        let what = match attempt.kind {
            AttemptKind::Charge => "charges",
            AttemptKind::Capture | AttemptKind::Void | AttemptKind::Refund => "operations",
        };
        let request = self.http.request(Method::GET, &[what, &attempt.attempt_id.to_string()]);
        let answer = HttpClient::send(request).await.map_err(LookupFailed::from)?;
        match answer.status {
            200 => outcome(&answer).map(Found::Outcome).map_err(LookupFailed),
            404 => Ok(Found::NotFound),
            status => Err(LookupFailed::from(NoAnswer::Unknown(format!("status {status}")))),
        }
    }
}

/// What Acme's state means. A state of tomorrow means nothing yet, and least of all a failure.
fn outcome(answer: &Answer) -> Result<Outcome, String> {
    let told: Told = answer.json()?;
    let reference = told.id;
    Ok(match (told.state.as_str(), told.url) {
        ("authorized" | "captured" | "done", _) => Outcome::Succeeded { reference },
        ("waiting", Some(url)) => Outcome::RequiresAction { reference, url },
        ("declined", _) => match told.reason.as_str() {
            "no_money" => Outcome::declined(DeclineCode::InsufficientFunds),
            "payer_absent" => Outcome::declined(DeclineCode::ActionNotCompleted),
            "not_allowed" => Outcome::declined(DeclineCode::OperationDeclined),
            _ => Outcome::declined(DeclineCode::Declined),
        },
        (state, _) => return Err(format!("the state is {state}")),
    })
}

fn declined(code: DeclineCode, message: &str) -> Outcome {
    Outcome::Declined { code, message: message.to_owned(), may_retry_elsewhere: code.is_soft() }
}
