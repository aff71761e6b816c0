//! A server from start to end: engine, API and HTTP put together, and taken apart in the order that loses nothing.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use florin_api::{ApiSettings, ApiState, RateLimits, TryKind};
use florin_dashboard::{Admit, AdmitVisit, Admitted, Dashboard, DashboardSettings, Tried, Urgency};
use florin_domain::Lifetimes;
use florin_engine::{DeliverySettings, Engine, EngineSettings, PasswordSettings, Reach};
use florin_processors::{Connector, Processor, Sandbox, SandboxConnector, SandboxSettings, StripeConnector};

use crate::clock;
use crate::failure::Failure;
use crate::http::{self, Certificate, ConnectionLimits, HttpSettings};
use crate::limits;
use crate::metrics;
use crate::settings::Settings;
use crate::signals::Signals;

/// How much longer than the processor a request may take.
const BEYOND_THE_PROCESSOR: Duration = Duration::from_secs(10);

/// Serves until a signal asks for the end, on a database that is claimed and migrated. `announce` is told the server's
/// address once it listens.
pub(crate) fn run(
    settings: &Settings,
    announce: impl FnOnce(&str, &Dashboard) -> io::Result<()>,
) -> Result<(), Failure> {
    // First of all, because an address in use is the commonest reason not to start.
    let address = settings.listen;
    let listener = TcpListener::bind(address).map_err(|error| Failure::Listen { address, error })?;
    let certificate = settings.tls.as_ref().map(Certificate::load).transpose()?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", listener.local_addr()?);
    let render_metrics = metrics::start()?;
    let sandbox: Arc<dyn Processor> = Arc::new(sandbox(settings)?);
    let engine = Engine::start(engine_settings(settings, &sandbox), vec![sandbox])?;
    let state = ApiState::new(engine.clone(), api_settings(settings), render_metrics);
    let dashboard = Dashboard::new(engine.clone(), dashboard_settings(settings, state.clone()));
    let pages = dashboard.clone();
    actix_web::rt::System::new().block_on(async {
        let mut signals = Signals::listen()?;
        let server =
            http::serve(listener, state.clone(), dashboard, &http_settings(settings, certificate.as_ref())?)?;
        if let Some(certificate) = certificate {
            drop(actix_web::rt::spawn(certificate.keep_current()?));
        }
        let handle = server.handle();
        let running = actix_web::rt::spawn(server);
        tracing::info!(?settings, version = env!("CARGO_PKG_VERSION"), "listening on {url}");
        announce(&url, &pages)?;

        let name = signals.next().await;
        tracing::info!("{name}: finishing what is under way; a second signal ends at once");
        drop(actix_web::rt::spawn(signals.end_at_next()));
        state.begin_to_end();
        if name == Signals::TERMINATE {
            tokio::time::sleep(settings.shutdown_delay).await;
        }
        engine.end_streams();
        handle.stop(true).await;
        engine.drain().await;
        tracing::info!("ended");
        running.await.map_err(io::Error::other)??;
        Ok(())
    })
}

/// An engine for one command, which looks after nothing that is due.
pub(crate) fn idle_engine(settings: &Settings) -> Result<Engine, Failure> {
    let sandbox: Arc<dyn Processor> = Arc::new(sandbox(settings)?);
    let idle = EngineSettings { is_idle: true, ..engine_settings(settings, &sandbox) };
    Ok(Engine::start(idle, vec![sandbox])?)
}

/// How an engine of this server runs.
pub(crate) fn engine_settings(settings: &Settings, sandbox: &Arc<dyn Processor>) -> EngineSettings {
    EngineSettings {
        writers: settings.writers,
        batch_limit: settings.batch_limit,
        queue_limit: settings.queue_limit,
        read_connections: settings.read_connections,
        processor_timeout: settings.processor_timeout,
        recovery_interval: settings.recovery_interval,
        delivery: DeliverySettings {
            timeout: settings.webhooks.timeout,
            reach: if settings.webhooks.loopback { Reach::PublicAndLoopback } else { Reach::Public },
            retention: settings.webhooks.event_retention,
            ..DeliverySettings::default()
        },
        public_url: public_url(settings),
        mailer: settings.requests.mailer.clone(),
        connectors: connectors(SandboxConnector::new(Arc::clone(sandbox))),
        vault: settings.credentials_key.clone(),
        session_lifetimes: Lifetimes {
            access: delta(settings.sessions.access_token),
            refresh: delta(settings.sessions.refresh_token),
            session: delta(settings.sessions.session),
        },
        passwords: PasswordSettings {
            at_once: settings.sessions.passwords_at_once,
            ..PasswordSettings::default()
        },
        ..EngineSettings::new(settings.database_url.clone(), Arc::new(clock::now))
    }
}

/// What the links of payment requests begin with.
pub(crate) fn public_url(settings: &Settings) -> Arc<str> {
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let own = || Arc::from(format!("{scheme}://{}", settings.listen));
    settings.requests.public_url.clone().unwrap_or_else(own)
}

/// The settings are bounded by a year.
fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

/// Everything that speaks to processors. Commands that serve nobody have no sandbox.
pub(crate) fn connectors(sandbox: SandboxConnector) -> Vec<Arc<dyn Connector>> {
    vec![Arc::new(StripeConnector), Arc::new(sandbox)]
}

fn sandbox(settings: &Settings) -> Result<Sandbox, Failure> {
    let sandbox_settings =
        SandboxSettings { latency: settings.sandbox_latency, ..SandboxSettings::default() };
    Ok(Sandbox::open(&settings.sandbox_books, sandbox_settings, Arc::new(clock::now))?)
}

fn api_settings(settings: &Settings) -> ApiSettings {
    ApiSettings {
        rate_limits: RateLimits {
            per_minute: settings.rate_limit_per_minute,
            per_second: settings.rate_limit_per_second,
        },
        logins_per_minute: settings.sessions.logins_per_minute,
        redis: settings.redis_url.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        request_limit: settings.request_limit,
        body_deadline: settings.body_timeout,
        request_deadline: settings.processor_timeout + BEYOND_THE_PROCESSOR,
    }
}

fn dashboard_settings(settings: &Settings, state: ApiState) -> DashboardSettings {
    let proxies = settings.trusted_proxies.clone();
    let of_visits = state.clone();
    let admit: Admit = Arc::new(move |tried, address| {
        let state = state.clone();
        let kind = match tried {
            Tried::SignIn => TryKind::SignIn,
            Tried::Paying => TryKind::Pay,
        };
        Box::pin(async move { state.admit_try(kind, address).await })
    });
    let admit_visit: AdmitVisit = Arc::new(move |urgency, caller| {
        let state = of_visits.clone();
        Box::pin(async move {
            let admitted = state.admit_request(urgency == Urgency::CanWait, &caller).await?;
            Ok(Box::new(admitted) as Admitted)
        })
    });
    DashboardSettings {
        is_secure: settings.tls.is_some() || public_url(settings).starts_with("https://"),
        address_of: Arc::new(move |request| proxies.client_of(request)),
        admit,
        admit_visit,
    }
}

fn http_settings(
    settings: &Settings,
    certificate: Option<&Arc<Certificate>>,
) -> Result<HttpSettings, Failure> {
    let total = limits::make_room_for(settings.connection_limit);
    Ok(HttpSettings {
        workers: settings.workers,
        head_timeout: settings.head_timeout,
        keep_alive: settings.keep_alive,
        stop_timeout: settings.body_timeout + settings.processor_timeout + BEYOND_THE_PROCESSOR,
        connections: ConnectionLimits { total, per_address: settings.connection_limit_per_address },
        tls: certificate.map(Certificate::acceptor).transpose()?,
    })
}
