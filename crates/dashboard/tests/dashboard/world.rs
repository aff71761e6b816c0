//! A team with its people, another team, and browsers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::Utc;
use florin_dashboard::{Dashboard, DashboardSettings, configure};
use florin_domain::{
    Amount, CaptureMethod, Currency, Description, KeyId, Metadata, MethodRef, Mode, Role, TenantId, UserId,
    normalize_email,
};
use florin_engine::access::Context;
use florin_engine::requests::{CreatePayment, CreateUser};
use florin_engine::views::Answer;
use florin_engine::{Engine, EngineSettings, Office, Vault, secret_digest};
use florin_processors::{Processor, Sandbox, SandboxConnector, SandboxSettings, StripeConnector};
use florin_storage::access::{NewKey, Tenant, create_key, create_tenant};
use florin_storage::{DatabaseUrl, Realm};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::Value;

use crate::database::TestDatabase;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The people, with their roles. The last one is of another team.
const PEOPLE: [(&str, Role); 4] = [
    ("admin@example.com", Role::Admin),
    ("operator@example.com", Role::Operator),
    ("viewer@example.com", Role::Viewer),
    ("stranger@example.org", Role::Admin),
];

type Send = Rc<dyn Fn(TestRequest) -> LocalBoxFuture<'static, (u16, HeaderMap, String)>>;

/// What tests are about.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) dashboard: Dashboard,
    pub(crate) tenant: TenantId,
    pub(crate) admin: UserId,
    pub(crate) database: DatabaseUrl,
    send: Send,
}

/// A page as a browser got it.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    /// Where it goes on.
    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it tells this, as text.
    pub(crate) fn tells(&self, text: &str) -> bool {
        let plain = self.body.replace("&#39;", "'").replace("&#38;", "&").replace("&#34;", "\"");
        plain.contains(text)
    }

    /// The value of the first field of that name.
    pub(crate) fn field(&self, name: &str) -> String {
        let (_, rest) = self
            .body
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("there is no field {name}: {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    send: Send,
    pub(crate) cookies: Rc<RefCell<BTreeMap<String, String>>>,
}

impl Browser {
    async fn ask(&self, request: TestRequest) -> Page {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request =
            if cookies.is_empty() { request } else { request.insert_header(("cookie", cookies.join("; "))) };
        let (status, headers, body) = (self.send)(request).await;
        for cookie in headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.ask(TestRequest::default().method(Method::GET).uri(path)).await
    }

    /// As a browser asks whose user reads these languages.
    pub(crate) async fn get_in(&self, languages: &str, path: &str) -> Page {
        let request = TestRequest::default().method(Method::GET).uri(path);
        self.ask(request.insert_header(("accept-language", languages))).await
    }

    /// As a part of a page that asks for itself anew.
    pub(crate) async fn poll(&self, path: &str) -> Page {
        self.ask(TestRequest::default().method(Method::GET).uri(path).insert_header(("hx-request", "true")))
            .await
    }

    /// Posts these fields and no others.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.post_from("same-origin", path, fields).await
    }

    pub(crate) async fn post_from(&self, site: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let request = TestRequest::default()
            .method(Method::POST)
            .uri(path)
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(("sec-fetch-site", site))
            .set_payload(fields.join("&"));
        self.ask(request).await
    }

    /// Sends the form of a page.
    pub(crate) async fn submit(&self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = page.field("form_token");
        let once = if page.body.contains("name=\"once\"") { page.field("once") } else { String::new() };
        let mut all = vec![("form_token", token.as_str()), ("once", once.as_str())];
        all.extend_from_slice(fields);
        self.post(path, &all).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str, code: &str) -> Page {
        let page = self.get("/dashboard/sign-in").await;
        let fields = [("email", email), ("password", password), ("totp_code", code)];
        self.submit(&page, "/dashboard/sign-in", &fields).await
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02x}")
                }
            },
        )
        .collect()
}

impl World {
    pub(crate) fn browser(&self) -> Browser {
        Browser { send: Rc::clone(&self.send), cookies: Rc::default() }
    }

    /// A browser in which somebody has signed in.
    pub(crate) async fn browser_of(&self, email: &str) -> Browser {
        let browser = self.browser();
        let page = browser.sign_in(email, PASSWORD, "").await;
        assert_eq!((page.status, page.location()), (303, "/dashboard/test"), "{}", page.body);
        browser
    }

    pub(crate) async fn admin(&self) -> Browser {
        self.browser_of("admin@example.com").await
    }

    /// A call by the team's API key.
    pub(crate) async fn context(&self) -> Context {
        let caller = self.engine.authenticate("sk_test_everything").await.unwrap().expect("the key works");
        Context { caller, request_id: "req_test".to_owned(), address: None }
    }

    pub(crate) async fn pay(
        &self,
        minor: i64,
        currency: Currency,
        method: &str,
        capture: CaptureMethod,
    ) -> Answer {
        self.pay_for(minor, currency, method, capture, "Two tickets").await
    }

    pub(crate) async fn pay_for(
        &self,
        minor: i64,
        currency: Currency,
        method: &str,
        capture_method: CaptureMethod,
        description: &str,
    ) -> Answer {
        let request = CreatePayment {
            amount: Amount::new(minor).unwrap(),
            currency,
            payment_method: Some(MethodRef::parse(method).unwrap()),
            payment_method_type: None,
            customer_id: None,
            invoice_id: None,
            process_payment: true,
            capture_method,
            return_url: None,
            off_session: false,
            description: Some(Description::parse(description).unwrap()),
            metadata: Metadata::new([("note".to_owned(), description.to_owned())].into()).unwrap(),
            idempotency_key: None,
        };
        self.engine.create_payment(self.context().await, request, None).await
    }

    /// The id of a payment that was captured.
    pub(crate) async fn paid(&self, minor: i64, currency: Currency) -> String {
        id_of(&self.pay(minor, currency, "pm_test_success", CaptureMethod::Automatic).await)
    }

    /// A payment as the API shows it.
    pub(crate) async fn payment(&self, id: &str) -> Value {
        let answer = self.engine.find_payment(self.context().await, id.parse().unwrap()).await;
        serde_json::from_str(&answer.body).unwrap()
    }
}

pub(crate) fn id_of(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Runs a test in a fresh world, once on each database.
pub(crate) fn with_world<R: Future<Output = ()>>(test: impl Fn(World) -> R) {
    with_world_of(&DashboardSettings::default(), test);
}

/// Runs a test in a fresh world whose pages have these settings.
pub(crate) fn with_world_of<R: Future<Output = ()>>(settings: &DashboardSettings, test: impl Fn(World) -> R) {
    for database in TestDatabase::all() {
        eprintln!("on {}", database.url);
        actix_web::rt::System::new().block_on(async {
            let (engine, tenant, admin) = start(&database);
            let dashboard = Dashboard::new(engine.clone(), settings.clone());
            let pages = dashboard.clone();
            let app =
                Rc::new(init_service(App::new().configure(|config| configure(config, pages.clone()))).await);
            let send = move |request: TestRequest| {
                let app = Rc::clone(&app);
                async move {
                    let response = call_service(&*app, request.to_request()).await;
                    let (status, headers) = (response.status().as_u16(), response.headers().clone());
                    let body = String::from_utf8(read_body(response).await.to_vec()).unwrap();
                    (status, headers, body)
                }
                .boxed_local()
            };
            let (engine_of, url, send) = (engine.clone(), database.url.clone(), Rc::new(send));
            test(World { engine: engine_of, dashboard, tenant, admin, database: url, send }).await;
            engine.drain().await;
        });
    }
}

fn start(database: &TestDatabase) -> (Engine, TenantId, UserId) {
    florin_storage::migrate(&database.url).unwrap();
    let mut connection = database.url.connect().unwrap();
    let (own, foreign) =
        (TenantId::from_uuid(uuid::Uuid::now_v7()), TenantId::from_uuid(uuid::Uuid::now_v7()));
    for (id, name) in [(own, "Own"), (foreign, "Foreign")] {
        create_tenant(&mut connection, &Tenant { id, name: name.to_owned() }).unwrap();
    }
    let key = NewKey {
        id: KeyId::from_uuid(uuid::Uuid::now_v7()),
        realm: Realm { tenant_id: own, mode: Mode::Test },
        name: "everything".to_owned(),
        scopes: vec!["admin".to_owned()],
        limit_per_minute: None,
        limit_per_second: None,
        secret_digest: secret_digest("sk_test_everything"),
        secret_hint: "test".to_owned(),
    };
    create_key(&mut connection, &key).unwrap();
    let mut office = Office::new(connection, Arc::new(Utc::now));
    let mut ids = Vec::new();
    for (email, role) in PEOPLE {
        let tenant = if email.ends_with(".org") { foreign } else { own };
        let email = normalize_email(email).unwrap();
        let request = CreateUser { email, name: None, role, password: PASSWORD.into() };
        ids.push(office.create_user(tenant, request).unwrap().id);
    }
    let books = database.folder.path().join("sandbox.books");
    let sandbox = Sandbox::open(&books, SandboxSettings::default(), Arc::new(Utc::now)).unwrap();
    let sandbox: Arc<dyn Processor> = Arc::new(sandbox);
    let settings = EngineSettings {
        processor_timeout: Duration::from_secs(5),
        connectors: vec![Arc::new(StripeConnector), Arc::new(SandboxConnector::new(Arc::clone(&sandbox)))],
        vault: Vault::parse(&"0123456789abcdef".repeat(4)).unwrap(),
        ..EngineSettings::new(database.url.clone(), Arc::new(Utc::now))
    };
    (Engine::start(settings, vec![sandbox]).unwrap(), own, ids[0])
}
