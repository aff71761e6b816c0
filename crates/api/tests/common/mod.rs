//! The API over a real engine on each database, called without a network.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::disallowed_methods, reason = "tests read the wall clock")]

mod database;
pub(crate) mod sessions;

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::Utc;
pub(crate) use database::TestDatabase;
use florin_api::{ApiSettings, ApiState, RateLimits, configure};
use florin_domain::{KeyId, Mode, TenantId};
use florin_engine::{Engine, EngineSettings, Vault, secret_digest};
use florin_processors::{Processor, Sandbox, SandboxConnector, SandboxSettings, StripeConnector};
use florin_storage::Realm;
use florin_storage::access::{NewKey, Tenant, create_key, create_tenant};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

/// A key that may do everything in test mode.
pub(crate) const KEY: &str = "sk_test_everything";
/// The same tenant's key for live mode.
pub(crate) const LIVE_KEY: &str = "sk_live_everything";
/// Another tenant's key.
pub(crate) const FOREIGN_KEY: &str = "sk_test_foreign";
/// A key that may only read payments.
pub(crate) const READER_KEY: &str = "sk_test_reader";
/// A key that may do nothing with payments.
pub(crate) const CUSTOMERS_KEY: &str = "sk_test_customers";

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of ASCII"))
    }

    /// The code and the parameter of an error, which must have every key of the common format.
    pub(crate) fn error(&self) -> (String, Option<String>) {
        let json = self.json();
        let error = json["error"].as_object().unwrap_or_else(|| panic!("no error: {self:?}"));
        for key in ["code", "message", "type", "param", "payment_id", "request_id"] {
            assert!(error.contains_key(key), "{key} is missing: {self:?}");
        }
        assert_eq!(error["request_id"].as_str(), self.header("x-request-id"));
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        (text("code").expect("a code"), text("param"))
    }
}

/// The API.
#[derive(Clone)]
pub(crate) struct Api {
    call: Rc<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Reply>>,
}

impl Api {
    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: TestRequest) -> Reply {
        (self.call)(request).await
    }

    /// Sends a request with the key that may do everything, and with a body of JSON.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &str) -> Reply {
        self.send(request(method, path).set_payload(body.to_owned())).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.call(Method::POST, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path)).await
    }

    /// Makes a payment that succeeds, and gives back its id.
    pub(crate) async fn pay(&self, amount: i64) -> String {
        let body = format!(r#"{{"amount":{amount},"currency":"USD","payment_method_id":"pm_test_success"}}"#);
        let reply = self.post("/v1/payments", &body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["id"].as_str().expect("an id").to_owned()
    }
}

/// A request with the key that may do everything.
pub(crate) fn request(method: Method, path: &str) -> TestRequest {
    let request = TestRequest::default().method(method).uri(path);
    request
        .insert_header(("authorization", format!("Bearer {KEY}")))
        .insert_header(("content-type", "application/json"))
}

/// Without rate limits.
pub(crate) fn unlimited() -> ApiSettings {
    ApiSettings { rate_limits: RateLimits { per_minute: 0, per_second: 0 }, ..ApiSettings::default() }
}

/// Runs a test over a fresh API, once on each database.
pub(crate) fn with_api<R: Future<Output = ()>>(settings: ApiSettings, test: impl FnOnce(Api) -> R + Clone) {
    for database in TestDatabase::all() {
        eprintln!("on {}", database.url);
        let engine = start_engine(&database, SandboxSettings::default());
        run(&engine, settings.clone(), test.clone());
    }
}

/// Runs a test over an API over this engine.
pub(crate) fn run<R: Future<Output = ()>>(
    engine: &Engine,
    settings: ApiSettings,
    test: impl FnOnce(Api) -> R,
) {
    let state = ApiState::new(engine.clone(), settings, Arc::new(|| "# metrics\n".to_owned()));
    actix_web::rt::System::new().block_on(async {
        let app =
            Rc::new(init_service(App::new().configure(|config| configure(config, state.clone()))).await);
        let call = move |request: TestRequest| {
            let app = Rc::clone(&app);
            async move {
                let response = call_service(&*app, request.to_request()).await;
                let (status, headers) = (response.status().as_u16(), response.headers().clone());
                let body = String::from_utf8(read_body(response).await.to_vec()).expect("a body of UTF-8");
                Reply { status, headers, body }
            }
            .boxed_local()
        };
        test(Api { call: Rc::new(call) }).await;
        engine.drain().await;
    });
}

/// An engine with a sandbox, and with the keys above.
pub(crate) fn start_engine(database: &TestDatabase, sandbox: SandboxSettings) -> Engine {
    florin_storage::migrate(&database.url).expect("migrations");
    let mut connection = database.url.connect().expect("a connection");
    let own = TenantId::from_uuid(uuid::Uuid::now_v7());
    let foreign = TenantId::from_uuid(uuid::Uuid::now_v7());
    for (id, name) in [(own, "own"), (foreign, "foreign")] {
        create_tenant(&mut connection, &Tenant { id, name: name.to_owned() }).expect("a tenant");
    }
    let keys = [
        (KEY, own, Mode::Test, "admin"),
        (LIVE_KEY, own, Mode::Live, "admin"),
        (FOREIGN_KEY, foreign, Mode::Test, "admin"),
        (READER_KEY, own, Mode::Test, "payments:read"),
        (CUSTOMERS_KEY, own, Mode::Test, "customers:read"),
    ];
    for (secret, tenant_id, mode, scope) in keys {
        let key = NewKey {
            id: KeyId::from_uuid(uuid::Uuid::now_v7()),
            realm: Realm { tenant_id, mode },
            name: secret.to_owned(),
            scopes: vec![scope.to_owned()],
            limit_per_minute: None,
            limit_per_second: None,
            secret_digest: secret_digest(secret),
            secret_hint: "test".to_owned(),
        };
        create_key(&mut connection, &key).expect("a key");
    }
    let books = database.folder.path().join("sandbox.books");
    let sandbox = Sandbox::open(&books, sandbox, Arc::new(Utc::now)).expect("a sandbox");
    let sandbox: Arc<dyn Processor> = Arc::new(sandbox);
    let settings = EngineSettings {
        processor_timeout: Duration::from_secs(5),
        connectors: vec![Arc::new(StripeConnector), Arc::new(SandboxConnector::new(Arc::clone(&sandbox)))],
        vault: Vault::parse(&"0123456789abcdef".repeat(4)).expect("a key"),
        ..EngineSettings::new(database.url.clone(), Arc::new(Utc::now))
    };
    Engine::start(settings, vec![sandbox]).expect("an engine")
}
