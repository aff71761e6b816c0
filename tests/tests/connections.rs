//! A hostile network: too many connections, and such as send nothing for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use florin_tests::{Client, Database, Kind, Server, one_at_a_time, wait_until};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;

fn address_of(server: &Server) -> SocketAddr {
    server.url().trim_start_matches("http://").parse().expect("the server's address")
}

/// A connection from an address of the loopback network.
async fn connect(server: &Server, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{from}:0").parse().expect("an address")).expect("an address of this machine");
    socket.connect(address_of(server)).await.expect("a connection")
}

/// Whether the server answers over the connection; otherwise it has closed it.
async fn is_served(stream: &mut TcpStream) -> bool {
    let request = b"GET /healthz HTTP/1.1\r\nhost: florin\r\n\r\n";
    let mut answer = [0; 12];
    stream.write_all(request).await.is_ok() && stream.read_exact(&mut answer).await.is_ok()
}

#[tokio::test]
async fn an_address_has_no_more_than_its_share_of_connections_and_all_no_more_than_all() {
    let database = Database::sqlite();
    let launch = database.launch().setting("CONNECTION_LIMIT_PER_ADDRESS", 5).setting("CONNECTION_LIMIT", 8);
    let server = launch.start();
    let mut held = Vec::new();
    for (from, is_expected) in [
        ("127.0.0.2", [true, true, true, true, true, false]),
        ("127.0.0.3", [true, true, false, false, false, false]),
    ] {
        for expected in is_expected {
            let mut stream = connect(&server, from).await;
            assert_eq!(is_served(&mut stream).await, expected, "from {from} beside {}", held.len());
            if expected {
                held.push(stream);
            }
            // One stays free for those who look after the server.
            if held.len() == 7 && from == "127.0.0.3" {
                break;
            }
        }
    }
    // Seven are held. The eighth is the last.
    let mut last = connect(&server, "127.0.0.4").await;
    assert!(is_served(&mut last).await);
    assert!(!is_served(&mut connect(&server, "127.0.0.5").await).await);
    // Whoever leaves makes room.
    drop((held.pop(), last));
    let served = florin_tests::eventually("room", 30, || async {
        let mut stream = connect(&server, "127.0.0.5").await;
        is_served(&mut stream).await.then_some(stream)
    })
    .await;
    let metrics = served_metrics(served).await;
    assert!(metrics.contains("florin_connections_refused_total{limit=\"address\"} 1\n"), "{metrics}");
    assert!(metrics.contains("florin_connections_refused_total{limit=\"total\"}"), "{metrics}");
}

async fn served_metrics(mut stream: TcpStream) -> String {
    let request = b"GET /metrics HTTP/1.1\r\nhost: florin\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("a write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// A connection that sends a head for ever, a few bytes a second, and comes back whenever it is closed.
async fn dribble(server: SocketAddr, stop: Arc<AtomicBool>, closed: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.2:0".parse().expect("an address")).expect("an address of this machine");
        let Ok(mut stream) = socket.connect(server).await else { continue };
        let _closed = stream.write_all(b"POST /v1/payments HTTP/1.1\r\nhost: florin\r\n").await;
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let mut byte = [0];
            let is_over = stream.write_all(b"a: b\r\n").await.is_err() || stream.try_read(&mut byte).is_ok();
            if is_over {
                closed.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
    }
}

/// Pays for some seconds by some connections at a moderate rate, and gives back the 99th of a hundred durations.
async fn p99_of_payments(client: &Client, seconds: u64) -> Duration {
    let until = Instant::now() + Duration::from_secs(seconds);
    let payers: Vec<JoinHandle<Vec<Duration>>> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let payment =
                    json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" });
                let mut durations = Vec::new();
                while Instant::now() < until {
                    let began = Instant::now();
                    drop(client.post("/v1/payments", &payment).await.expect_status(201));
                    durations.push(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                durations
            })
        })
        .collect();
    let mut durations: Vec<Duration> =
        join_all(payers).await.into_iter().flat_map(|durations| durations.expect("no panic")).collect();
    durations.sort_unstable();
    durations[durations.len() * 99 / 100]
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_slow_connections_do_not_slow_down_the_honest(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let _turn = one_at_a_time().await;
    let Some(database) = Database::make(kind) else { return };
    let server = database.launch().setting("HEAD_TIMEOUT_SECONDS", 3).start();
    let client = database.client(&server);
    let _warm = p99_of_payments(&client, 1).await;
    let mut rounds = Vec::new();
    // Other tests run beside this one, so that a round may be unlucky.
    for _ in 0..3 {
        let before = p99_of_payments(&client, 3).await;
        let (stop, closed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let slow: Vec<_> = (0..1000)
            .map(|_| tokio::spawn(dribble(address_of(&server), Arc::clone(&stop), Arc::clone(&closed))))
            .collect();
        let held = || async {
            let metrics = client.get("/metrics").await.text;
            let open =
                metrics.lines().find_map(|line| line.strip_prefix("florin_connections "))?.parse::<f64>();
            open.is_ok_and(|open| open >= 990.0).then_some(())
        };
        florin_tests::eventually("the connections", 30, held).await;
        let during = p99_of_payments(&client, 5).await;
        // They don't live for ever, either.
        wait_until("slow heads to be given up", 30, || closed.load(Ordering::Relaxed) >= 1000).await;
        stop.store(true, Ordering::Relaxed);
        for slow in slow {
            slow.await.expect("no panic");
        }
        rounds.push((before, during));
        if during <= 2 * before {
            break;
        }
    }
    eprintln!("{kind:?}: 99 of 100 payments before and during, by round: {rounds:?}");
    let (before, during) = rounds[rounds.len() - 1];
    assert!(during <= 2 * before, "99 of 100 before and during, by round: {rounds:?}");
    database.check_all_rules();
}
