//! Receives Florin's webhooks, with the crates `standardwebhooks`, `http` and `serde_json`:
//!
//! ```sh
//! WEBHOOK_SECRET=whsec_... cargo run --package florin-tests --example webhook_receiver -- 4242
//! ```

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use standardwebhooks::Webhook;

/// The ids of events that were handled, and the newest one of each object. Keep them in your database, in the transaction
/// of what you do about the event.
#[derive(Default)]
struct Known {
    handled: HashSet<String>,
    newest: HashMap<String, u64>,
}

impl Known {
    /// Does something about an event, once for each event, and nothing about one that is older than the last.
    fn handle(&mut self, event: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, object) = (text(&event["id"]), text(&event["data"]["object"]["id"]));
        if !self.handled.insert(id.clone()) {
            return;
        }
        let sequence = event["sequence"].as_u64().unwrap_or_default();
        let newest = self.newest.entry(object.clone()).or_default();
        if sequence > *newest {
            *newest = sequence;
        }
        tell(&format!("verified {} {id} {object}", text(&event["type"])));
    }
}

fn tell(line: &str) {
    // Nobody may be reading.
    let _closed = writeln!(std::io::stdout().lock(), "{line}");
}

fn main() -> Result<(), Box<dyn Error>> {
    let webhook = Webhook::new(&std::env::var("WEBHOOK_SECRET")?)?;
    let port: u16 = std::env::args().nth(1).ok_or("name a port")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    tell(&format!("listening on http://{}/", listener.local_addr()?));
    let mut known = Known::default();
    for connection in listener.incoming() {
        // A connection that breaks is the sender's to repeat.
        let _broken = answer(connection?, &webhook, &mut known);
    }
    Ok(())
}

/// Answers one request. A web framework does the reading for you; take the body's bytes as they came.
fn answer(mut connection: TcpStream, webhook: &Webhook, known: &mut Known) -> Result<(), Box<dyn Error>> {
    let (headers, body) = read_request(&connection)?;
    // The signature is of these very bytes: verify before anything else, and parse what was verified.
    let status = match webhook.verify(&body, &headers) {
        Err(error) => {
            tell(&format!("refused {error}"));
            "400 Bad Request"
        }
        Ok(()) => {
            // Answer soon: hand longer work to a queue.
            known.handle(&serde_json::from_slice(&body)?);
            "204 No Content"
        }
    };
    write!(connection, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    Ok(())
}

fn read_request(connection: &TcpStream) -> Result<(HeaderMap, Vec<u8>), Box<dyn Error>> {
    let mut reader = BufReader::new(connection);
    let (mut headers, mut line) = (HeaderMap::new(), String::new());
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.parse::<HeaderName>()?, HeaderValue::from_str(value.trim())?);
    }
    let length =
        headers.get("content-length").map_or(Ok(0), |length| length.to_str().unwrap_or("0").parse())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((headers, body))
}
