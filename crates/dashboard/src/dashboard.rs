//! What all pages share.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use florin_engine::Engine;

/// Tells the address that a request came from, where it is known: proxies may stand in between.
pub type AddressOf = Arc<dyn Fn(&HttpRequest) -> Option<IpAddr> + Send + Sync>;

/// What an operator can set of the pages.
#[derive(Clone)]
pub struct DashboardSettings {
    /// Whether browsers reach the server by TLS, so that cookies are for secure connections only.
    pub is_secure: bool,
    /// Whose address counts.
    pub address_of: AddressOf,
}

impl Default for DashboardSettings {
    fn default() -> Self {
        let peer = |request: &HttpRequest| request.peer_addr().map(|peer| peer.ip());
        DashboardSettings { is_secure: false, address_of: Arc::new(peer) }
    }
}

impl fmt::Debug for DashboardSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DashboardSettings").field("is_secure", &self.is_secure).finish_non_exhaustive()
    }
}

/// What all pages share. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Dashboard(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) settings: DashboardSettings,
}

impl Dashboard {
    /// The pages over an engine.
    pub fn new(engine: Engine, settings: DashboardSettings) -> Self {
        Dashboard(Arc::new(Shared { engine, settings }))
    }
}
