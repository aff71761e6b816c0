//! A page's visitor: who is signed in, in which mode, and what their forms are bound to.
//!
//! The mode is in the address, so that a page of test data can't turn into one of live data by what happens in another
//! tab. Each mode has a session of its own; whoever is signed in to one gets the other's when they go there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use florin_domain::Mode;
use florin_engine::Stranger;
use florin_engine::access::{Caller, Context, Scope};
use florin_engine::views::{Answer, ErrorCode, Refused};
use serde::de::DeserializeOwned;

use crate::cookies::Jar;
use crate::dashboard::{Admitted, Shared, Urgency};
use crate::forgery;
use crate::form::Form;
use crate::signed_in::find_caller;
use crate::trouble::{Told, Trouble};

/// How long a form may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Who asks for a page.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) desk: web::Data<Shared>,
    pub(crate) context: Context,
    pub(crate) mode: Mode,
    /// What forms of this page carry.
    pub(crate) form_token: String,
    /// What was asked for behind the path.
    pub(crate) query: Form,
    /// The place among the requests that are worked on.
    _admitted: Arc<Admitted>,
}

/// The cookies to set with the answer, whatever it is.
#[derive(Default)]
pub(crate) struct NewCookies(pub(crate) Vec<Cookie<'static>>);

impl Visit {
    async fn begin(request: HttpRequest) -> Result<Self, Trouble> {
        let desk = request.app_data::<web::Data<Shared>>().cloned().ok_or_else(Trouble::nothing_here)?;
        let mode = request.match_info().get("mode").and_then(|mode| mode.parse().ok());
        let mode: Mode = mode.ok_or_else(Trouble::nothing_here)?;
        let stranger = stranger(&desk, &request);
        let caller = match find_caller(&desk, &request, mode, &stranger).await? {
            Some(caller) => caller,
            None if request.headers().contains_key("hx-request") => return Err(Trouble::SignedOut),
            None => return Err(Trouble::SignIn { next: path_to_return_to(&request, mode) }),
        };
        let admitted = (desk.settings.admit_visit)(urgency(&request), caller.clone()).await?;
        let form_token = forgery::token(&form_secret(&desk, &request)?, &bound_to(&caller));
        let context = Context { caller, request_id: stranger.request_id, address: stranger.address };
        let query = Form::parse(request.query_string().as_bytes());
        Ok(Visit { desk, context, mode, form_token, query, _admitted: Arc::new(admitted) })
    }

    /// Whether they may see or do what needs the scope.
    pub(crate) fn needs(&self, scope: Scope) -> Result<(), Refused> {
        self.context.caller.check_scope(scope)
    }

    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.context.caller.scopes.allows(scope)
    }

    /// A path of the dashboard in this mode.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/dashboard/{}{rest}", self.mode)
    }

    /// The call's context, for one use case.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }
}

/// What an answer shows, or why it shows nothing.
pub(crate) fn seen<T: DeserializeOwned>(answer: &Answer) -> Result<T, Told> {
    if answer.status >= 400 {
        return Err(Told::of(answer));
    }
    serde_json::from_str(&answer.body).map_err(|error| {
        tracing::error!(%error, "an answer does not have the shape that pages know");
        Refused::internal().into()
    })
}

impl FromRequest for Visit {
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Trouble>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(Visit::begin(request.clone()))
    }
}

/// A form that a visitor has sent, from one of their pages.
pub(crate) struct Posted {
    pub(crate) visit: Visit,
    pub(crate) form: Form,
}

impl FromRequest for Posted {
    type Error = Trouble;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Trouble>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let form = read_form(&request, payload).await?;
            let visit = Visit::begin(request.clone()).await?;
            let secret = Jar::Forms.read(&request, visit.desk.settings.is_secure);
            let bound_to = bound_to(&visit.context.caller);
            forgery::check(&request, secret.as_deref(), &bound_to, form.get(forgery::FIELD))?;
            Ok(Posted { visit, form })
        })
    }
}

/// The fields of a body.
pub(crate) async fn read_form(request: &HttpRequest, mut payload: Payload) -> Result<Form, Trouble> {
    let body = tokio::time::timeout(BODY_DEADLINE, web::Bytes::from_request(request, &mut payload)).await;
    match body {
        Ok(Ok(body)) => Ok(Form::parse(&body)),
        Ok(Err(_)) => Err(Refused::new(ErrorCode::BodyTooLarge, "The form is too large.").into()),
        Err(_late) => Err(Refused::new(ErrorCode::RequestTimeout, "The form did not arrive in time.").into()),
    }
}

/// A request by nobody in particular.
pub(crate) fn stranger(desk: &Shared, request: &HttpRequest) -> Stranger {
    Stranger { request_id: desk.request_ids.next(), address: (desk.settings.address_of)(request) }
}

/// The secret of a browser's forms, a new one where it has none.
pub(crate) fn form_secret(desk: &Shared, request: &HttpRequest) -> Result<String, Trouble> {
    if let Some(secret) = Jar::Forms.read(request, desk.settings.is_secure) {
        return Ok(secret);
    }
    let secret = forgery::new_secret().ok_or_else(Refused::internal)?;
    set_cookie(request, Jar::Forms.filled(secret.clone(), None, desk.settings.is_secure));
    Ok(secret)
}

pub(crate) fn set_cookie(request: &HttpRequest, cookie: Cookie<'static>) {
    let mut extensions = request.extensions_mut();
    if let Some(cookies) = extensions.get_mut::<NewCookies>() {
        cookies.0.push(cookie);
    } else {
        extensions.insert(NewCookies(vec![cookie]));
    }
}

/// What can wait is what can wait by the API: looking at what is no single object.
fn urgency(request: &HttpRequest) -> Urgency {
    let names_an_object = request.match_pattern().is_some_and(|pattern| pattern.contains("{id}"));
    if request.method() == Method::GET && !names_an_object { Urgency::CanWait } else { Urgency::Pressing }
}

fn bound_to(caller: &Caller) -> String {
    caller.session_id().map(|id| id.to_string()).unwrap_or_default()
}

/// Where it goes on after the sign-in. A form that was sent is not sent again; its section is shown.
fn path_to_return_to(request: &HttpRequest, mode: Mode) -> String {
    if request.method() == Method::GET {
        return request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    }
    format!("/dashboard/{mode}")
}
