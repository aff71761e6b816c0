//! A proxy before PostgreSQL that cuts connections when a test says so: while nothing else can be told apart, it shows
//! what became of a COMMIT whose answer never came.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use florin_storage::DatabaseUrl;

/// When the proxy cuts a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It does not.
    Never,
    /// The next COMMIT does not reach the database.
    BeforeCommit,
    /// The next COMMIT reaches the database, its answer does not come back.
    AfterCommit,
    /// At once, and whoever connects.
    Always,
}

struct State {
    cut: Cut,
    open: Vec<TcpStream>,
    cuts: usize,
}

/// The proxy. It ends with the test's process.
#[derive(Clone)]
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// A proxy before the database's server, and the database's address behind it.
    pub(crate) fn before(url: &DatabaseUrl) -> (Proxy, DatabaseUrl) {
        let DatabaseUrl::Postgres(url) = url else { panic!("a proxy is for PostgreSQL") };
        let (user, rest) = url.split_once('@').expect("a URL with a user");
        let (server, name) = rest.split_once('/').expect("a URL with a database");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { cut: Cut::Never, open: Vec::new(), cuts: 0 }));
        let proxy = Proxy { address, state };
        let (accepting, server) = (proxy.clone(), server.to_owned());
        std::thread::spawn(move || accepting.accept(&listener, &server));
        let url = format!("{user}@{}/{name}", proxy.address).parse().expect("a URL");
        (proxy, url)
    }

    /// Changes when connections are cut.
    pub(crate) fn set(&self, cut: Cut) {
        let mut state = self.state.lock().expect("the state");
        state.cut = cut;
        if cut == Cut::Always {
            state.open.drain(..).for_each(close);
        }
    }

    /// How often a COMMIT was cut off.
    pub(crate) fn cuts(&self) -> usize {
        self.state.lock().expect("the state").cuts
    }

    fn accept(&self, listener: &TcpListener, server: &str) {
        for client in listener.incoming().map_while(Result::ok) {
            let mut state = self.state.lock().expect("the state");
            let Ok(backend) = TcpStream::connect(server) else { return };
            if state.cut == Cut::Always {
                close(client);
                continue;
            }
            let copy = |stream: &TcpStream| stream.try_clone().expect("a socket");
            state.open.extend([copy(&client), copy(&backend)]);
            let (there, back) = ((copy(&client), copy(&backend)), (backend, client));
            let proxy = self.clone();
            std::thread::spawn(move || proxy.forward(there.0, there.1));
            std::thread::spawn(move || pass_on(back.0, back.1));
        }
    }

    /// Passes on what the client sends, and looks for its COMMIT, which comes as a packet of its own.
    fn forward(&self, mut client: TcpStream, mut backend: TcpStream) {
        let mut bytes = [0; 65_536];
        while let Ok(count @ 1..) = client.read(&mut bytes) {
            let sent = bytes.get(..count).unwrap_or_default();
            let is_commit = sent.windows(7).any(|part| part == b"COMMIT\0");
            let cut = if is_commit { self.take_cut() } else { Cut::Never };
            match cut {
                Cut::Never | Cut::Always => {}
                Cut::BeforeCommit => break,
                Cut::AfterCommit => {
                    // Nothing may come back, so the client's side goes first. The database commits all the same.
                    let _gone = client.shutdown(Shutdown::Both);
                    let _gone = backend.write_all(sent);
                    return;
                }
            }
            if backend.write_all(sent).is_err() {
                break;
            }
        }
        close(client);
        close(backend);
    }

    fn take_cut(&self) -> Cut {
        let mut state = self.state.lock().expect("the state");
        let cut = state.cut;
        if matches!(cut, Cut::BeforeCommit | Cut::AfterCommit) {
            state.cut = Cut::Never;
            state.cuts += 1;
        }
        cut
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(bytes.get(..count).unwrap_or_default()).is_err() {
            break;
        }
    }
    close(from);
    close(to);
}

fn close(stream: TcpStream) {
    let _gone = stream.shutdown(Shutdown::Both);
}
