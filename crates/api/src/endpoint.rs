//! What surrounds every call of the API: its id, authentication, limits, deadline, metrics, and the form of its answer.
//!
//! One actix handler does it all, rather than a stack of middleware, each layer of which costs an allocation and a
//! dynamic call per request.

use std::future::Future;
use std::rc::Rc;
use std::time::Instant;

use actix_web::dev::{Handler, Payload};
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use florin_engine::access::{Caller, Context, Scope};
use florin_engine::views::{Answer, Refused};
use futures_util::future::LocalBoxFuture;

use crate::call::{Call, OpenCall};
use crate::load::Priority;
use crate::observe::Observer;
use crate::rate_limit::LimitHeaders;
use crate::reply::Reply;
use crate::state::State;
use crate::{card_numbers, credentials, reply};

/// All methods of one path.
pub(crate) struct Resource<'a> {
    path: &'static str,
    state: &'a State,
    resource: actix_web::Resource,
    methods: Vec<&'static str>,
    form: ErrorForm,
}

/// How an answer that is not a success is told; one that is stays as it is.
pub(crate) type ErrorForm = fn(Answer) -> Answer;

/// The form that the engine gives to every error.
pub(crate) const COMMON_FORM: ErrorForm = |answer| answer;

impl<'a> Resource<'a> {
    /// The resource at a path, without methods so far.
    pub(crate) fn at(path: &'static str, state: &'a State) -> Self {
        Resource { path, state, resource: web::resource(path), methods: Vec::new(), form: COMMON_FORM }
    }

    /// Tells errors in another form than the common one. It must come before the methods.
    pub(crate) fn with_errors(self, form: ErrorForm) -> Self {
        Resource { form, ..self }
    }

    /// A GET for callers who have the scope.
    pub(crate) fn get<F, R, A>(self, scope: Scope, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::GET, "GET", Some(scope), run)
    }

    /// A POST for callers who have the scope.
    pub(crate) fn post<F, R, A>(self, scope: Scope, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::POST, "POST", Some(scope), run)
    }

    /// A GET for every caller, whatever their scopes: the engine says what they see.
    pub(crate) fn get_by_anyone<F, R, A>(self, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::GET, "GET", None, run)
    }

    /// A POST for every caller, whatever their scopes.
    pub(crate) fn post_by_anyone<F, R, A>(self, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::POST, "POST", None, run)
    }

    /// A DELETE for every caller, whatever their scopes.
    pub(crate) fn delete_by_anyone<F, R, A>(self, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::DELETE, "DELETE", None, run)
    }

    /// A POST for people who need not be known.
    pub(crate) fn open_post<F, R>(mut self, run: F) -> Self
    where
        F: Fn(OpenCall) -> R + 'static,
        R: Future<Output = Result<Answer, Refused>> + 'static,
    {
        self.methods.push("POST");
        let open = Rc::new(Open {
            run,
            state: self.state.clone(),
            observer: Observer::new("POST", self.path),
            form: self.form,
        });
        let handler = move |request: HttpRequest, payload: web::Payload| {
            let open = Rc::clone(&open);
            async move { open.serve(request, payload.into_inner()).await }
        };
        self.resource = self.resource.route(web::post().to(handler));
        self
    }

    /// A PUT for callers who have the scope.
    pub(crate) fn put<F, R, A>(self, scope: Scope, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::PUT, "PUT", Some(scope), run)
    }

    /// A PATCH for callers who have the scope.
    pub(crate) fn patch<F, R, A>(self, scope: Scope, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::PATCH, "PATCH", Some(scope), run)
    }

    /// A DELETE for callers who have the scope.
    pub(crate) fn delete<F, R, A>(self, scope: Scope, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.method(Method::DELETE, "DELETE", Some(scope), run)
    }

    /// Registers the resource; every other method is 405.
    pub(crate) fn register(self, config: &mut web::ServiceConfig) {
        let others = reply::method_not_allowed(self.state, self.path, &self.methods, self.form);
        config.service(self.resource.default_service(web::route().to(others)));
    }

    fn method<F, R, A>(mut self, method: Method, name: &'static str, scope: Option<Scope>, run: F) -> Self
    where
        F: Fn(Call) -> R + 'static,
        R: Future<Output = Result<A, Refused>> + 'static,
        A: Reply + 'static,
    {
        self.methods.push(name);
        let priority = if method == Method::GET { Priority::of_get(self.path) } else { Priority::Pressing };
        let observer = Observer::new(name, self.path);
        let endpoint = Endpoint(Rc::new(Inner {
            scope,
            priority,
            run,
            state: self.state.clone(),
            observer,
            form: self.form,
        }));
        self.resource = self.resource.route(web::method(method).to(endpoint));
        self
    }
}

/// A POST for people who need not be known.
struct Open<F> {
    run: F,
    state: State,
    observer: Observer,
    form: ErrorForm,
}

impl<F, R> Open<F>
where
    F: Fn(OpenCall) -> R + 'static,
    R: Future<Output = Result<Answer, Refused>> + 'static,
{
    async fn serve(&self, request: HttpRequest, payload: Payload) -> HttpResponse {
        let started = Instant::now();
        let request_id = self.state.request_ids.next();
        let address = self.state.settings.trusted_proxies.client_of(&request);
        let begun = self.state.load.begin(Priority::Pressing, &self.state.engine);
        let admitted = match &begun {
            Ok(_) => card_numbers::refuse_in_head(&request),
            Err(refused) => Err(refused.clone()),
        };
        let state = self.state.clone();
        let call = OpenCall { state, request, payload, request_id: request_id.clone(), address };
        let outcome = match admitted {
            Ok(()) => self.run_in_time(call).await,
            Err(refused) => Err(refused),
        };
        let answer = outcome.unwrap_or_else(|refused| refused.to_answer(&request_id));
        let answer = (self.form)(answer);
        self.observer.observe(answer.status, &request_id, started.elapsed());
        reply::respond(&answer, &request_id, self.state.limiter.default_headers())
    }

    async fn run_in_time(&self, call: OpenCall) -> Result<Answer, Refused> {
        let settings = &self.state.settings;
        let deadline = settings.body_deadline + settings.request_deadline;
        let outcome = tokio::time::timeout(deadline, (self.run)(call)).await;
        outcome.unwrap_or_else(|_late| Err(Refused::outcome_unknown()))
    }
}

/// One method of one path.
struct Endpoint<F>(Rc<Inner<F>>);

struct Inner<F> {
    /// What callers need; none for those that every caller may make.
    scope: Option<Scope>,
    priority: Priority,
    run: F,
    state: State,
    observer: Observer,
    form: ErrorForm,
}

impl<F> Clone for Endpoint<F> {
    fn clone(&self) -> Self {
        Endpoint(Rc::clone(&self.0))
    }
}

impl<F, R, A> Handler<(HttpRequest, web::Payload)> for Endpoint<F>
where
    F: Fn(Call) -> R + 'static,
    R: Future<Output = Result<A, Refused>> + 'static,
    A: Reply + 'static,
{
    type Output = HttpResponse;
    type Future = LocalBoxFuture<'static, HttpResponse>;

    fn call(&self, (request, payload): (HttpRequest, web::Payload)) -> Self::Future {
        let inner = Rc::clone(&self.0);
        Box::pin(async move { inner.serve(request, payload.into_inner()).await })
    }
}

impl<F, R, A> Inner<F>
where
    F: Fn(Call) -> R + 'static,
    R: Future<Output = Result<A, Refused>> + 'static,
    A: Reply + 'static,
{
    async fn serve(&self, request: HttpRequest, payload: Payload) -> HttpResponse {
        let started = Instant::now();
        let request_id = self.state.request_ids.next();
        let mut limits = self.state.limiter.default_headers();
        let changes = request.method() != Method::GET;
        let begun = self.state.load.begin(self.priority, &self.state.engine);
        let admitted = match &begun {
            Ok(_) => self.admit(&request, &mut limits).await,
            Err(refused) => Err(refused.clone()),
        };
        let outcome = match admitted {
            Err(refused) => Err(refused),
            Ok(caller) => {
                let address = self.state.settings.trusted_proxies.client_of(&request);
                let context = Context { caller, request_id: request_id.clone(), address };
                let call = Call { state: self.state.clone(), request, payload, context };
                self.run_in_time(call, changes).await
            }
        };
        match outcome {
            Ok(reply) => self.respond(reply, &request_id, limits, started),
            Err(refused) => self.respond(refused.to_answer(&request_id), &request_id, limits, started),
        }
    }

    fn respond(
        &self,
        reply: impl Reply,
        request_id: &str,
        limits: LimitHeaders,
        started: Instant,
    ) -> HttpResponse {
        let reply = reply.in_form(self.form);
        self.observer.observe(reply.status(), request_id, started.elapsed());
        reply.into_response(request_id, limits)
    }

    /// Whether the call may be made: by somebody we know, not too often, with the scope it needs.
    async fn admit(&self, request: &HttpRequest, limits: &mut LimitHeaders) -> Result<Caller, Refused> {
        card_numbers::refuse_in_head(request)?;
        let secret = credentials::secret_of(request)?;
        let caller = self.state.engine.authenticate(secret).await?.ok_or_else(credentials::wrong)?;
        let (headers, outcome) = self.state.limiter.check(&caller).await;
        *limits = headers;
        outcome?;
        match self.scope {
            Some(scope) => caller.check_scope(scope).map(|()| caller),
            None => Ok(caller),
        }
    }

    /// Runs the handler up to the deadline. What the engine has begun goes on without us.
    async fn run_in_time(&self, call: Call, changes: bool) -> Result<A, Refused> {
        let settings = &self.state.settings;
        let deadline = settings.body_deadline + settings.request_deadline;
        match tokio::time::timeout(deadline, (self.run)(call)).await {
            Ok(outcome) => outcome,
            Err(_) if changes => Err(Refused::outcome_unknown()),
            Err(_) => Err(Refused::overloaded()),
        }
    }
}
