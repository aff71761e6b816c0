//! Serving the API over HTTP: threads, connections, deadlines, and an end that loses no answer.
//!
//! `HttpServer` of actix-web would do, but for its streams: see [`watch`]. What it does is done here, with others.

mod own_answers;
mod watch;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::{HttpService, Protocol, Request};
use actix_service::{Service, ServiceFactoryExt, apply_fn_factory, fn_service, map_config};
use actix_web::App;
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;
use florin_api::ApiState;

use watch::{Deadlines, Watch, WatchedStream};

/// How HTTP is served.
#[derive(Clone, Debug)]
pub(crate) struct HttpSettings {
    /// Threads.
    pub(crate) workers: usize,
    /// How long a head may take.
    pub(crate) head_timeout: Duration,
    /// How long an idle connection is kept.
    pub(crate) keep_alive: Duration,
    /// How long running requests may take once the server is asked to stop.
    pub(crate) stop_timeout: Duration,
}

/// Serves the API on a socket that already listens. The server runs when it is awaited, and stops by its handle.
pub(crate) fn serve(listener: TcpListener, state: ApiState, settings: &HttpSettings) -> io::Result<Server> {
    let address = listener.local_addr()?;
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let deadlines = Deadlines { head: settings.head_timeout, keep_alive: settings.keep_alive };
    let builder = builder
        .workers(settings.workers)
        .shutdown_timeout(settings.stop_timeout.as_secs())
        .disable_signals()
        .listen("florin", listener, move || {
            let (state, stopping) = (state.clone(), stopping.clone());
            let app = App::new().configure(|config| florin_api::configure(config, state.clone()));
            let app = map_config(app, |()| AppConfig::default());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .keep_alive(deadlines.keep_alive)
                .client_request_timeout(deadlines.head)
                .local_addr(address)
                .on_connect_ext(|stream: &WatchedStream, extensions| {
                    extensions.insert(stream.watch());
                })
                .finish(apply_fn_factory(app, watched));
            fn_service(move |stream: TcpStream| {
                // Answers are small and written at once; waiting for more of them only delays.
                let _best_effort = stream.set_nodelay(true);
                let peer: Option<SocketAddr> = stream.peer_addr().ok();
                std::future::ready(Ok((
                    WatchedStream::new(stream, deadlines, state.clone()),
                    Protocol::Http1,
                    peer,
                )))
            })
            .and_then(http)
        })?;
    Ok(builder.run())
}

/// Calls the service and tells the connection's watch what it is about.
fn watched<S: Service<Request>>(
    request: Request,
    service: &S,
) -> impl Future<Output = Result<S::Response, S::Error>> + use<S> {
    let watch = request.conn_data::<Watch>().cloned();
    if let Some(watch) = &watch {
        watch.head_is_complete();
    }
    let answer = service.call(request);
    async move {
        let answer = answer.await;
        if let Some(watch) = watch {
            watch.answer_is_ready();
        }
        answer
    }
}
