//! What `scripts/bench` compares Florin with: the same HTTP server, the same body in and out, and nothing in between.
//! `FLORIN_LISTEN` and `FLORIN_WORKERS` mean what they mean to Florin itself.

use std::collections::BTreeMap;
use std::env;
use std::io;
use std::time::Duration;

use actix_web::web::{self, Json, JsonConfig, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer};
use serde::{Deserialize, Serialize};

const BODY_LIMIT_BYTES: usize = 64 * 1024;

/// The fields of the documented example of a payment.
#[derive(Deserialize, Serialize)]
struct Body {
    amount: i64,
    currency: String,
    payment_method_id: String,
    description: String,
    metadata: BTreeMap<String, String>,
}

async fn echo(Json(body): Json<Body>) -> HttpResponse {
    HttpResponse::Created().json(body)
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let listen = env::var("FLORIN_LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let server = HttpServer::new(|| {
        App::new()
            .app_data(PayloadConfig::new(BODY_LIMIT_BYTES))
            .app_data(JsonConfig::default().limit(BODY_LIMIT_BYTES))
            .route("/echo", web::post().to(echo))
            .route("/readyz", web::get().to(HttpResponse::Ok))
    })
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(Duration::from_secs(10))
    .backlog(1024);
    let server = match env::var("FLORIN_WORKERS").ok().and_then(|count| count.parse().ok()) {
        Some(count) => server.workers(count),
        None => server,
    };
    server.bind(listen)?.run().await
}
