//! Those who hear of events: the example receivers, `florin listen`, and streams.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use florin_domain::EventType;
use florin_tests::{
    Client, DOCUMENTED, Database, Kind, Receiver, eventually, make_endpoint, make_everything_happen,
    server_time, wait_until,
};
use rstest::rstest;
use serde_json::{Value, json};

/// An example receiver of another language, as a program of its own.
struct Example {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Example {
    fn start(mut command: Command, port: u16, secret: &str) -> Example {
        command.arg(port.to_string()).env("WEBHOOK_SECRET", secret);
        Example::start_plain(command)
    }

    fn start_plain(mut command: Command) -> Example {
        command.stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("can't run {command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("it was asked for"));
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                noted.lock().expect("no test panics with it").push(line);
            }
        });
        Example { child, lines }
    }

    fn has_a_line_with(&self, words: &[&str]) -> bool {
        let lines = self.lines.lock().expect("no test panics with it");
        lines.iter().any(|line| words.iter().all(|word| line.contains(word)))
    }

    fn has_said(&self, beginning: &str) -> bool {
        self.lines.lock().expect("no test panics with it").iter().any(|line| line.starts_with(beginning))
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The example receivers that can be run here: scripts/test installs what they need.
fn examples() -> Vec<(&'static str, Command)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/webhooks");
    // Cargo builds a package's examples with its tests.
    let own = std::env::current_exe().expect("the system knows what it runs");
    let profile = own.ancestors().nth(2).expect("cargo puts tests two folders below the profile's");
    let mut found = vec![("Rust", Command::new(profile.join("examples/webhook_receiver")))];
    match std::env::var_os("FLORIN_TEST_WEBHOOKS_PYTHON") {
        Some(python) => {
            let mut command = Command::new(python);
            command.arg(format!("{folder}/receiver.py"));
            found.push(("Python", command));
        }
        None => eprintln!("not run: FLORIN_TEST_WEBHOOKS_PYTHON names no Python with standardwebhooks"),
    }
    match std::env::var_os("FLORIN_TEST_WEBHOOKS_JAVASCRIPT") {
        Some(script) => {
            let mut command = Command::new("node");
            command.arg(script);
            found.push(("JavaScript", command));
        }
        None => eprintln!("not run: FLORIN_TEST_WEBHOOKS_JAVASCRIPT names no receiver.mjs with its package"),
    }
    found
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_example_receivers_verify_each_documented_event_and_refuse_a_forged_one(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = Client::new(server.url());
    let mut running = Vec::new();
    for (language, command) in examples() {
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        let url = format!("http://127.0.0.1:{port}/");
        let (_, secret) = make_endpoint(&client, json!({ "url": url })).await;
        let example = Example::start(command, port, &secret);
        wait_until(&format!("the receiver in {language}"), 60, || example.has_said("listening")).await;
        running.push((language, url, example));
    }
    make_everything_happen(&client).await;
    for (language, url, example) in &running {
        for kind in DOCUMENTED {
            wait_until(&format!("{kind} in {language}"), 30, || {
                example.has_said(&format!("verified {kind} "))
            })
            .await;
        }
        assert!(!example.has_said("refused"), "{language}");
        let forged = reqwest::Client::new()
            .post(url)
            .header("webhook-id", "evt_01jgfjjz00e008000000000001")
            .header("webhook-timestamp", "1762458840")
            .header("webhook-signature", "v1,aGVsbG8=")
            .body("{}");
        assert_eq!(forged.send().await.expect("an answer").status(), 400, "{language}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_heard_at_a_desk_and_made_to_happen_by_the_command_line() {
    let database = Database::sqlite();
    let server = database.launch().start();
    let client = Client::new(server.url());
    let receiver = Receiver::start().await;
    let before = server_time(&client).await;
    let secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let mut listen = Command::new(florin_tests::binary());
    listen.args(["listen", "--server", server.url(), "--secret", secret, "--replay-since", &before]);
    let heard = [
        "payment.created",
        "payment.succeeded",
        "refund.failed",
        "invoice.paid",
        "payment_method.detached",
        "payment_request.paid",
        "webhook_endpoint.disabled",
    ];
    listen.args(["--types", &heard.join(","), "--forward-to"]).arg(receiver.url("/desk"));
    let listening = Example::start_plain(listen);
    wait_until("the replay", 30, || receiver.received().len() == 1).await;
    // Somebody has to be there to be tested.
    make_endpoint(&client, json!({ "url": receiver.url("/tested") })).await;
    for kind in EventType::ALL {
        let kind = kind.as_str();
        let done = database.florin(&["trigger", kind, "--server", server.url()]);
        assert_eq!(done.code, Some(0), "{done:?}");
        let event: Value = serde_json::from_str(&done.stdout).expect("an event");
        assert_eq!(event["type"], kind);
        let id = event["id"].as_str().expect("an id").to_owned();
        if !heard.contains(&kind) {
            continue;
        }
        wait_until(kind, 30, || receiver.counts("/desk").contains_key(&id)).await;
        wait_until("its line", 30, || listening.has_a_line_with(&[kind, &id, "-> 204"])).await;
    }
    let at_desk = receiver.received().into_iter().filter(|received| received.path == "/desk");
    assert!(at_desk.into_iter().all(|received| received.is_signed_by(secret)));
    let refused = database.florin(&["listen", "--server", server.url(), "--key", "sk_test_wrong"]);
    assert!(refused.stderr.contains("401"), "{refused:?}");
}

/// A stream of events, read as it comes.
async fn open_stream(url: &str, key: &str, after: Option<&str>) -> reqwest::Response {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut request = http.get(format!("{url}/v1/events/stream")).bearer_auth(key);
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    request.send().await.expect("the server answers")
}

/// The ids of the next events of a stream; fewer when it ends.
async fn next_ids(stream: &mut reqwest::Response, count: usize) -> Vec<String> {
    let mut text = String::new();
    loop {
        let ids: Vec<String> =
            text.lines().filter_map(|line| line.strip_prefix("id: ")).map(str::to_owned).collect();
        if ids.len() >= count && text.ends_with("\n\n") {
            return ids;
        }
        match stream.chunk().await {
            Ok(Some(chunk)) => text.push_str(&String::from_utf8_lossy(&chunk)),
            Ok(None) | Err(_) => return ids,
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_of_everything_once_goes_on_where_it_was_and_ends_with_the_server(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let mut server = database.launch().start();
    let client = Client::new(server.url());
    let stranger = database.make_key(&database.make_tenant("Stranger"), "test");
    let mut streams = Vec::new();
    for _ in 0..5 {
        streams.push(open_stream(server.url(), florin_tests::DOCUMENTED_KEY, None).await);
    }
    let one_more = open_stream(server.url(), florin_tests::DOCUMENTED_KEY, None).await;
    assert_eq!(one_more.status(), 429);
    let mut foreign = open_stream(server.url(), &stranger, None).await;
    for _ in 0..10 {
        client.pay(100).await;
    }
    let listed = client.get("/v1/events?limit=100").await.expect_status(200).body;
    let mut expected: Vec<String> = listed["data"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["id"].as_str().expect("an id").to_owned())
        .collect();
    expected.reverse();
    let mut first = streams.remove(0);
    assert_eq!(next_ids(&mut first, expected.len()).await, expected);
    drop(first);
    // Somebody else's slot is free again once the server has noticed, at the latest with what comes next.
    let middle = &expected[7];
    let mut resumed = eventually("a free slot", 30, || async {
        client.pay(100).await;
        let stream = open_stream(server.url(), florin_tests::DOCUMENTED_KEY, Some(middle)).await;
        (stream.status() == 200).then_some(stream)
    })
    .await;
    assert_eq!(next_ids(&mut resumed, expected.len() - 8).await[..expected.len() - 8], expected[8..]);
    server.terminate();
    assert!(server.ended(30).await.success());
    assert_eq!(next_ids(&mut foreign, 1).await, Vec::<String>::new(), "a stranger was told");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_key_is_revoked_and_tells_of_nothing_more(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().start();
    let client = Client::new(server.url());
    let wanted = json!({ "name": "reader", "scopes": ["webhooks:read"] });
    let key = client.post("/v1/api_keys", &wanted).await.expect_status(201).body;
    let mut stream = open_stream(server.url(), key["secret"].as_str().expect("it is shown once"), None).await;
    assert_eq!(stream.status(), 200);
    client.pay(100).await;
    assert_eq!(next_ids(&mut stream, 1).await.len(), 1);
    assert_eq!(database.florin(&["keys", "revoke", key["id"].as_str().expect("an id")]).code, Some(0));
    let unheard = client.pay(100).await;
    let mut rest = String::new();
    while let Some(chunk) = stream.chunk().await.expect("the stream ends as it should") {
        rest.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(!rest.contains(&unheard), "{rest}");
}
