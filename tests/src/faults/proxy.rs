//! A proxy that breaks TCP connections in every way that a network has.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What a connection suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Both sides are told that the connection is gone, in the middle of whatever passes.
    Reset,
    /// All that passes is late.
    Delay,
    /// What the client sends arrives; nothing comes back. Then it is reset.
    BlackHole,
    /// The server's side is closed, and the client does not hear of it. Then it is reset.
    HalfOpen,
}

const ALL: [Broken; 4] = [Broken::Reset, Broken::Delay, Broken::BlackHole, Broken::HalfOpen];

/// How long a connection may hang before it is reset.
const HANGS_MS: std::ops::Range<u64> = 200..2500;
/// How late what passes is.
const LATE_MS: std::ops::Range<u64> = 20..400;

/// A proxy. It ends when this is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    breaks: AtomicBool,
    counts: [AtomicUsize; 4],
}

impl Proxy {
    /// A proxy before a server on this machine. It breaks nothing yet.
    pub(crate) async fn before(port: u16, seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State::default());
        let accepting =
            tokio::spawn(accept(listener, port, Arc::clone(&state), fastrand::Rng::with_seed(seed)));
        Proxy { address, state, accepting }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Begins to break connections, or leaves them alone from now on.
    pub(crate) fn set_breaking(&self, breaks: bool) {
        self.state.breaks.store(breaks, Ordering::SeqCst);
    }

    /// How many it has broken, by kind.
    pub(crate) fn counts(&self) -> Vec<(&'static str, usize)> {
        let names = ["connections reset", "connections late", "black holes", "connections half open"];
        let counts = self.state.counts.iter().map(|count| count.load(Ordering::SeqCst));
        names.into_iter().zip(counts).collect()
    }

    /// How many it has broken.
    pub(crate) fn broken(&self) -> usize {
        self.counts().iter().map(|(_, count)| count).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, port: u16, state: Arc<State>, mut random: fastrand::Rng) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(pass(client, port, Arc::clone(&state), random.fork()));
    }
}

/// Passes on what comes from either side, until the connection's time to break has come.
async fn pass(client: TcpStream, port: u16, state: Arc<State>, mut random: fastrand::Rng) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return reset(client) };
    let _best_effort = (client.set_nodelay(true), server.set_nodelay(true));
    let mut link = Link { client, server };
    loop {
        // Within a second or so of work, so that it meets all kinds of moments.
        let healthy = Duration::from_millis(random.u64(10..900));
        match tokio::time::timeout(healthy, link.forward(None)).await {
            Ok(()) => return,
            Err(_) if !state.breaks.load(Ordering::SeqCst) => {}
            Err(_) => break,
        }
    }
    let kind = random.usize(..ALL.len());
    state.counts[kind].fetch_add(1, Ordering::SeqCst);
    let hangs = Duration::from_millis(random.u64(HANGS_MS));
    match ALL[kind] {
        Broken::Reset => {}
        Broken::Delay => {
            let late = Duration::from_millis(random.u64(LATE_MS));
            let _ended = tokio::time::timeout(hangs, link.forward(Some(late))).await;
        }
        Broken::BlackHole => drop(tokio::time::timeout(hangs, link.swallow_answers()).await),
        Broken::HalfOpen => {
            let Link { client, server } = link;
            drop(server);
            tokio::time::sleep(hangs).await;
            return reset(client);
        }
    }
    reset(link.client);
    reset(link.server);
}

/// Closes with RST instead of FIN.
fn reset(stream: TcpStream) {
    let _best_effort = stream.set_zero_linger();
}

struct Link {
    client: TcpStream,
    server: TcpStream,
}

impl Link {
    /// Passes on until either side ends; each piece late, when it has to be.
    async fn forward(&mut self, late: Option<Duration>) {
        let (mut asked, mut told) = (vec![0; 16_384], vec![0; 16_384]);
        loop {
            let (bytes, count, to) = tokio::select! {
                read = self.client.read(&mut asked) => (&asked, read, &mut self.server),
                read = self.server.read(&mut told) => (&told, read, &mut self.client),
            };
            let Ok(count @ 1..) = count else { return };
            if let Some(late) = late {
                tokio::time::sleep(late).await;
            }
            if to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }

    /// Passes on what the client sends, and nothing of what comes back.
    async fn swallow_answers(&mut self) {
        let (mut asked, mut told) = (vec![0; 16_384], vec![0; 16_384]);
        loop {
            tokio::select! {
                read = self.client.read(&mut asked) => {
                    let Ok(count @ 1..) = read else { return };
                    if self.server.write_all(&asked[..count]).await.is_err() {
                        return;
                    }
                }
                read = self.server.read(&mut told) => {
                    let Ok(1..) = read else { return std::future::pending().await };
                }
            }
        }
    }
}
