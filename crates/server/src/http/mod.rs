//! Serving the API over HTTP: threads, connections, deadlines, and an end that loses no answer.
//!
//! `HttpServer` of actix-web would do, but for its streams: see [`watch`]. What it does is done here, with others.

mod connections;
mod own_answers;
mod security;
mod tls;
mod transport;
mod watch;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request};
use actix_service::{Service, ServiceFactoryExt, apply_fn_factory, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::rt::net::TcpStream;
use florin_api::ApiState;
use florin_dashboard::Dashboard;
use tokio_rustls::TlsAcceptor;

pub(crate) use connections::ConnectionLimits;
use connections::Connections;
use security::SecurityHeaders;
pub(crate) use tls::{Certificate, TlsRefused};
use transport::Transport;
use watch::{Deadlines, Watch, WatchedStream};

/// How HTTP is served.
#[derive(Clone)]
pub(crate) struct HttpSettings {
    /// Threads.
    pub(crate) workers: usize,
    /// How long a head may take, and before it TLS.
    pub(crate) head_timeout: Duration,
    /// How long an idle connection is kept.
    pub(crate) keep_alive: Duration,
    /// How long running requests may take once the server is asked to stop.
    pub(crate) stop_timeout: Duration,
    /// How many connections there may be.
    pub(crate) connections: ConnectionLimits,
    /// What makes connections secure, if they are to be.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// What every connection needs.
#[derive(Clone)]
struct Door {
    connections: Arc<Connections>,
    tls: Option<TlsAcceptor>,
    deadlines: Deadlines,
    state: ApiState,
    dashboard: Dashboard,
    security: SecurityHeaders,
}

/// Serves the API and the pages on a socket that already listens. The server runs when it is awaited, and stops by its
/// handle.
pub(crate) fn serve(
    listener: TcpListener,
    state: ApiState,
    dashboard: Dashboard,
    settings: &HttpSettings,
) -> io::Result<Server> {
    let address = listener.local_addr()?;
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let door = Door {
        connections: Connections::new(settings.connections),
        tls: settings.tls.clone(),
        deadlines: Deadlines { head: settings.head_timeout, keep_alive: settings.keep_alive },
        security: SecurityHeaders::new(settings.tls.is_some()),
        state,
        dashboard,
    };
    let builder = builder
        .workers(settings.workers)
        // Those beyond our own limit are closed at once, rather than left waiting.
        .max_concurrent_connections(settings.connections.total.saturating_add(1000))
        .shutdown_timeout(settings.stop_timeout.as_secs())
        .disable_signals()
        .listen("florin", listener, move || {
            let (door, stopping) = (door.clone(), stopping.clone());
            let app = App::new()
                .configure(|config| florin_dashboard::configure(config, door.dashboard.clone()))
                .configure(|config| florin_api::configure(config, door.state.clone()));
            let app = map_config(app, |()| AppConfig::default());
            let finisher = door.clone();
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(door.deadlines.keep_alive)
                .client_request_timeout(door.deadlines.head)
                .local_addr(address)
                .on_connect_ext(|stream: &WatchedStream, extensions| {
                    extensions.insert(stream.watch());
                })
                .finish(apply_fn_factory(app, move |request, app| watched(request, app, &finisher)));
            fn_service(move |stream: TcpStream| open(stream, door.clone())).and_then(http)
        })?;
    Ok(builder.run())
}

/// Makes a connection ready for HTTP.
async fn open(
    stream: TcpStream,
    door: Door,
) -> Result<(WatchedStream, Protocol, Option<SocketAddr>), DispatchError> {
    // Who has hung up already is nowhere.
    let from = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let Some(place) = door.connections.admit(from) else {
        return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
    };
    // Answers are small and written at once; waiting for more of them only delays.
    let _best_effort = stream.set_nodelay(true);
    let transport = Transport::open(stream, place, door.tls.as_ref(), door.deadlines.head).await?;
    let peer = transport.peer();
    Ok((WatchedStream::new(transport, door.deadlines, door.state, door.security), Protocol::Http1, peer))
}

/// Calls the service, tells the connection's watch what it is about, and gives every answer what every answer has.
fn watched<S, B>(
    request: Request,
    service: &S,
    door: &Door,
) -> impl Future<Output = Result<ServiceResponse<B>, S::Error>> + use<S, B>
where
    S: Service<Request, Response = ServiceResponse<B>>,
{
    let watch = request.conn_data::<Watch>().cloned();
    if let Some(watch) = &watch {
        watch.head_is_complete();
    }
    let (security, state) = (door.security, door.state.clone());
    let answer = service.call(request);
    async move {
        let mut answer = answer.await;
        if let Some(watch) = watch {
            watch.answer_is_ready();
        }
        if let Ok(answer) = &mut answer {
            security.add_to(answer.headers_mut());
            if state.is_ending() {
                answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
        }
        answer
    }
}
