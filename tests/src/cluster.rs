//! Several servers on one database.

use std::sync::Arc;

use crate::{Agreement, Client, Database, Kind, Server, compare_books};

/// Servers that share one database and one sandbox: three on PostgreSQL; SQLite belongs to one.
pub struct Cluster {
    /// What they share.
    pub database: Database,
    /// The servers.
    pub servers: Vec<Server>,
    /// A client of each.
    pub clients: Arc<Vec<Client>>,
}

impl Cluster {
    /// Starts them on a fresh database; none where there is no such database.
    pub fn start(kind: Kind) -> Option<Cluster> {
        let database = Database::make(kind)?;
        let count = if database.is_sqlite() { 1 } else { 3 };
        let servers: Vec<Server> = (0..count).map(|_| database.launch().start()).collect();
        let clients = Arc::new(servers.iter().map(|server| database.client(server)).collect());
        Some(Cluster { database, servers, clients })
    }

    /// The clients of all servers in turn.
    pub fn client(&self, turn: usize) -> &Client {
        &self.clients[turn % self.clients.len()]
    }

    /// The rules hold, and the sandbox did what Florin says.
    ///
    /// # Panics
    /// When that is not so.
    pub async fn check(&self) -> Agreement {
        assert_eq!(self.database.open_attempts(), 0);
        self.database.check_all_rules();
        for server in &self.servers {
            assert!(!server.log().contains("panicked"), "{}", server.log());
        }
        compare_books(self.client(0), &self.database.books()).await
    }
}
