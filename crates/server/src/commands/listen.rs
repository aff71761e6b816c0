//! `florin listen`: the events of a server, shown at one's desk and sent to a program there, signed.

use std::time::{Duration, Instant};

use florin_engine::new_webhook_secret;
use reqwest::Client;
use serde_json::Value;
use standardwebhooks::Webhook;

use super::remote::RemoteServer;
use crate::cli::ListenArguments;
use crate::clock;
use crate::failure::Failure;
use crate::output::print_lines;

/// How long to wait before a stream that broke is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long the program may take to answer.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(15);

/// Where events go.
struct Forward {
    url: String,
    http: Client,
    webhook: Webhook,
}

pub(super) fn run(arguments: &ListenArguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            ended = listen(arguments) => ended,
            // Whoever presses Ctrl-C has seen enough.
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })
}

async fn listen(arguments: &ListenArguments) -> Result<(), Failure> {
    let server = RemoteServer::new(&arguments.remote)?;
    let forward = forward(arguments)?;
    let mut last: Option<String> = None;
    let mut is_first = true;
    loop {
        let query = query(arguments, last.is_none());
        match server.stream(&query, last.as_deref()).await {
            Ok(mut stream) => {
                if std::mem::take(&mut is_first) {
                    print_lines(["listening; Ctrl-C ends it"])?;
                }
                let mut lines = Lines::default();
                // A stream that breaks is opened again after the last event.
                while let Ok(Some(chunk)) = stream.chunk().await {
                    for event in lines.events(&chunk) {
                        last = event["id"].as_str().map(str::to_owned);
                        show(&event, forward.as_ref()).await?;
                    }
                }
            }
            // What is wrong at the first time is a mistake; later it may be a restart.
            Err(failure) if is_first => return Err(failure),
            Err(failure) => eprintln!("waiting for the server: {failure}"),
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

fn forward(arguments: &ListenArguments) -> Result<Option<Forward>, Failure> {
    let Some(url) = &arguments.forward_to else { return Ok(None) };
    let secret = match &arguments.secret {
        Some(secret) => secret.clone(),
        None => new_webhook_secret()?.1,
    };
    let webhook = Webhook::new(&secret).map_err(|_| Failure::NotASecret)?;
    let http = Client::builder()
        .tls_backend_preconfigured(florin_processors::http::webhook_tls())
        .no_proxy()
        .timeout(FORWARD_TIMEOUT)
        .build()?;
    if arguments.secret.is_none() {
        print_lines([format!("the secret that signs: {secret}")])?;
    }
    Ok(Some(Forward { url: url.clone(), http, webhook }))
}

/// Once an event has come, the stream goes on after it.
fn query(arguments: &ListenArguments, is_beginning: bool) -> String {
    let mut query = Vec::new();
    if !arguments.types.is_empty() {
        let types: Vec<&str> = arguments.types.iter().map(|kind| kind.as_str()).collect();
        query.push(format!("type={}", types.join(",")));
    }
    if let Some(since) = arguments.replay_since.filter(|_| is_beginning) {
        query.push(format!("since={}", since.format("%Y-%m-%dT%H:%M:%S%.3fZ")));
    }
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

async fn show(event: &Value, forward: Option<&Forward>) -> Result<(), Failure> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (time, kind, id) = (text(&event["created_at"]), text(&event["type"]), text(&event["id"]));
    let object = text(&event["data"]["object"]["id"]);
    let sent = match forward {
        None => String::new(),
        Some(forward) => format!("  -> {}", send(event, &id, forward).await),
    };
    Ok(print_lines([format!("{time}  {kind:<24} {object}  {id}{sent}")])?)
}

/// Sends an event once: whoever listens at a desk sees what came of it.
async fn send(event: &Value, id: &str, forward: &Forward) -> String {
    let body = event.to_string();
    let timestamp = clock::now().timestamp();
    let Ok(signature) = forward.webhook.sign(id, timestamp, body.as_bytes()) else {
        return "could not be signed".to_owned();
    };
    let started = Instant::now();
    let request = forward
        .http
        .post(&forward.url)
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(body);
    match request.send().await {
        Ok(answer) => format!("{} ({} ms)", answer.status().as_u16(), started.elapsed().as_millis()),
        Err(error) if error.is_connect() => "nobody is listening there".to_owned(),
        Err(error) => error.without_url().to_string(),
    }
}

/// Puts chunks together to lines, and takes the events out of them.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn events(&mut self, chunk: &[u8]) -> Vec<Value> {
        self.0.extend_from_slice(chunk);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.0.drain(..=end).collect();
        let whole = String::from_utf8_lossy(&whole);
        // Each event is one line of data.
        let data = whole.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_their_bytes_are_cut() {
        let stream = "retry: 1000\n\nid: evt_1\nevent: a\ndata: {\"id\":\"evt_1\"}\n\n: nothing new\n\nid: evt_2\n\
                      data: {\"id\":\"evt_2\",\"name\":\"Zoë\"}\n\n";
        for size in 1..=stream.len() {
            let mut lines = Lines::default();
            let events: Vec<Value> =
                stream.as_bytes().chunks(size).flat_map(|chunk| lines.events(chunk)).collect();
            assert_eq!(events.len(), 2, "{size}");
            assert_eq!(events[1]["name"], "Zoë");
        }
    }
}
