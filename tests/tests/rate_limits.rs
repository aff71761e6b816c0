//! Several processes that count rate limits together, while their Redis is there and while it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use florin_tests::{
    Client, Database, Kind, Redis, Reply, Server, TestCertificate, eventually, one_at_a_time, scaled,
    wait_until,
};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

/// Servers on one database that share a Redis.
struct Servers {
    servers: Vec<Server>,
    clients: Vec<Client>,
    database: Database,
}

impl Servers {
    fn start(redis: &Redis, per_minute: u32, per_second: u32) -> Option<Servers> {
        let database = Database::make(Kind::Postgres)?;
        let launch = database
            .launch()
            .setting("REDIS_URL", redis.url())
            .setting("RATE_LIMIT_PER_MINUTE", per_minute)
            .setting("RATE_LIMIT_PER_SECOND", per_second)
            .setting("LOG", "info");
        let servers: Vec<Server> = (0..3).map(|_| launch.start()).collect();
        let clients = servers.iter().map(|server| database.client(server)).collect();
        Some(Servers { servers, clients, database })
    }

    /// Waits until every server says whether it counts in Redis.
    async fn wait_until_shared(&self, is_shared: bool) {
        let line = format!("florin_rate_limit_shared {}", u8::from(is_shared));
        for client in &self.clients {
            eventually(&line, 30, || async {
                let metrics = client.get("/metrics").await.text;
                metrics.lines().any(|metric| metric == line).then_some(())
            })
            .await;
        }
    }

    fn lines(&self, server: usize, what: &str) -> usize {
        self.servers[server].log().matches(what).count()
    }
}

async fn try_to_pay(client: &Client) -> Reply {
    let payment = json!({ "amount": 1000, "currency": "USD", "payment_method_id": "pm_test_success" });
    client.post("/v1/payments", &payment).await
}

/// Callers who try to pay at the same time. More would only wait for each other.
const CALLERS: u32 = 60;

/// What servers answered while more was asked than they may admit.
struct Answered {
    admitted: u32,
    /// How many answers came in each second.
    each_second: Vec<u32>,
}

impl Answered {
    /// In how many seconds less than half of what was meant to be asked was answered, because the machine stood still.
    fn stalls(&self, per_second: u32) -> u32 {
        let stalls = self.each_second.iter().filter(|answers| **answers < per_second / 2).count();
        u32::try_from(stalls).expect("a small number")
    }
}

/// Tries to pay at that rate, in turn at each server; what is not admitted is 429.
async fn ask(servers: &Servers, per_second: u32, seconds: u32) -> Answered {
    let start = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let client = servers.clients[caller as usize % servers.clients.len()].clone();
        tokio::spawn(async move {
            let mut ticks = interval(Duration::from_secs(1) * CALLERS / per_second);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (mut admitted, mut answered) = (0, Vec::new());
            loop {
                ticks.tick().await;
                if start.elapsed().as_secs() >= u64::from(seconds) {
                    return (admitted, answered);
                }
                let reply = try_to_pay(&client).await;
                answered.push(start.elapsed().as_secs());
                match reply.status {
                    201 => admitted += 1,
                    _ => drop(reply.expect_error(429, "rate_limit_exceeded")),
                }
            }
        })
    });
    let mut all = Answered { admitted: 0, each_second: vec![0; seconds as usize] };
    for caller in join_all(callers).await {
        let (admitted, answered) = caller.expect("no panic");
        all.admitted += admitted;
        for second in answered {
            if let Some(count) = usize::try_from(second).ok().and_then(|at| all.each_second.get_mut(at)) {
                *count += 1;
            }
        }
    }
    all
}

/// Asks fresh servers with these limits for ten times as much. Again, when the machine stood still for so long that a
/// server took Redis for silent: that is what other tests are about.
async fn ask_ten_times(per_minute: u32, per_second: u32, seconds: u32) -> Option<Answered> {
    let per_second_offered = 10 * per_second.max(per_minute / 60);
    for _ in 0..3 {
        let redis = Redis::start()?;
        let servers = Servers::start(&redis, per_minute, per_second)?;
        servers.wait_until_shared(true).await;
        let answered = ask(&servers, per_second_offered, seconds).await;
        servers.database.check_all_rules();
        if servers.lines(0, "Redis does not answer") == 0 {
            return Some(answered);
        }
    }
    panic!("the machine stands still too often");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_with_one_redis_admit_the_limit_of_a_minute_within_one_percent() {
    let _turn = one_at_a_time().await;
    let seconds = u32::try_from(scaled(8, 59)).expect("a small number");
    let Some(Answered { admitted, .. }) = ask_ten_times(600, 0, seconds).await else { return };
    eprintln!("{admitted} admitted of 600, in {seconds} s of ten times as many");
    assert!((594..=606).contains(&admitted), "{admitted} of 600");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_with_one_redis_admit_the_limit_of_a_second_in_every_second() {
    let _turn = one_at_a_time().await;
    let seconds = u32::try_from(scaled(6, 30)).expect("a small number");
    let Some(answered) = ask_ten_times(0, 50, seconds).await else { return };
    let (admitted, stalls) = (answered.admitted, answered.stalls(500));
    assert!(admitted <= 50 * seconds + 50 * seconds / 100, "{admitted} in {seconds} s");
    // What nobody asks for, because the machine stands still, is not admitted; nor what its second's end has no room for.
    let at_least = 45 * seconds.saturating_sub(2 * stalls);
    assert!(admitted >= at_least, "{admitted} in {seconds} s, {stalls} of them with few answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_s_limit_is_one_for_all_processes_and_callers_are_told_what_is_left() {
    let _turn = one_at_a_time().await;
    let Some(redis) = Redis::start() else { return };
    let Some(servers) = Servers::start(&redis, 90, 0) else { return };
    servers.wait_until_shared(true).await;
    for (turn, left) in [(0, 89), (1, 88), (2, 87)] {
        let reply = try_to_pay(&servers.clients[turn]).await.expect_status(201);
        assert_eq!(reply.header("ratelimit-policy"), r#""standard";q=90;w=60"#);
        let header = reply.header("ratelimit");
        let seconds = header.strip_prefix(&format!(r#""standard";r={left};t="#)).map(str::parse::<u32>);
        assert!(matches!(seconds, Some(Ok(30..=60))), "{header}");
    }
    let all = (0..900).map(|turn| {
        let client = servers.clients[turn % 3].clone();
        async move { client.get("/v1/payments/pay_1").await.status }
    });
    let statuses = join_all(all).await;
    let admitted = statuses.iter().filter(|status| **status == 404).count();
    assert_eq!(admitted, 87, "{statuses:?}");
    let refused = servers.clients[0].get("/v1/payments/pay_1").await.expect_error(429, "rate_limit_exceeded");
    let seconds: u32 = refused.header("retry-after").parse().expect("a number");
    assert!((30..=61).contains(&seconds), "{seconds}");
}

/// Pays one after the other until told to stop; each has to succeed. Gives back how long each took.
async fn pay_on(client: Client, stop: Arc<AtomicBool>, paid: Arc<AtomicUsize>) -> Vec<Duration> {
    let mut durations = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        drop(try_to_pay(&client).await.expect_status(201));
        durations.push(began.elapsed());
        paid.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    durations
}

#[tokio::test(flavor = "multi_thread")]
async fn no_payment_is_refused_or_waits_because_redis_dies_or_hangs() {
    let _turn = one_at_a_time().await;
    let Some(mut redis) = Redis::start() else { return };
    let Some(servers) = Servers::start(&redis, 0, 100_000) else { return };
    servers.wait_until_shared(true).await;
    let (stop, paid) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let payers: Vec<_> = servers
        .clients
        .iter()
        .map(|client| tokio::spawn(pay_on(client.clone(), Arc::clone(&stop), Arc::clone(&paid))))
        .collect();
    let kills = scaled(4, 10);
    for _ in 0..kills {
        let before = paid.load(Ordering::Relaxed);
        redis.kill();
        servers.wait_until_shared(false).await;
        wait_until("payments without Redis", 30, || paid.load(Ordering::Relaxed) >= before + 30).await;
        redis.start_again();
        servers.wait_until_shared(true).await;
    }
    redis.hang(true);
    servers.wait_until_shared(false).await;
    redis.hang(false);
    servers.wait_until_shared(true).await;
    stop.store(true, Ordering::Relaxed);
    for payer in payers {
        let durations = payer.await.expect("every payment succeeded");
        // One may have met the silent Redis, and one a machine that stood still.
        let slow = durations.iter().filter(|duration| **duration >= Duration::from_millis(900)).count();
        let slowest = durations.iter().max().copied().unwrap_or_default();
        assert!(slow <= 2 && slowest < Duration::from_secs(10), "{slow} of {}, {slowest:?}", durations.len());
    }
    eprintln!("{} payments, {kills} kills of Redis", paid.load(Ordering::Relaxed));
    for server in 0..3 {
        let told = (servers.lines(server, "Redis does not answer"), servers.lines(server, "Redis answers"));
        assert_eq!(told, (kills + 1, kills + 2), "{}", servers.servers[server].log());
    }
    servers.database.check_all_rules();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_process_keeps_the_limit_by_itself() {
    let _turn = one_at_a_time().await;
    let Some(mut redis) = Redis::start() else { return };
    let Some(servers) = Servers::start(&redis, 30, 0) else { return };
    servers.wait_until_shared(true).await;
    redis.kill();
    for client in &servers.clients {
        let replies = join_all((0..60).map(|_| client.get("/v1/payments/pay_1"))).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 404).count(), 30);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_redis_and_finds_it_later() {
    let _turn = one_at_a_time().await;
    let Some(mut redis) = Redis::start() else { return };
    redis.kill();
    let Some(servers) = Servers::start(&redis, 0, 1000) else { return };
    drop(try_to_pay(&servers.clients[0]).await.expect_status(201));
    assert_eq!(servers.lines(0, "Redis can't be reached"), 1);
    redis.start_again();
    servers.wait_until_shared(true).await;
    drop(try_to_pay(&servers.clients[0]).await.expect_status(201));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_may_be_asked_by_tls() {
    let _turn = one_at_a_time().await;
    let (certificate, database) = (TestCertificate::make(), Database::sqlite());
    certificate.write_into(database.folder());
    let Some(redis) = Redis::start_with_tls(&certificate) else { return };
    let launch = database.launch().setting("REDIS_URL", redis.url()).setting("LOG", "info");
    let server =
        launch.variable("SSL_CERT_FILE", database.folder().join("certificate.pem").display()).start();
    let _client = database.client(&server);
    wait_until("Redis to answer", 30, || server.log().contains("Redis answers")).await;
}
