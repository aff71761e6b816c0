//! What all pages share.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use florin_engine::Engine;
use futures_util::future::BoxFuture;

/// Tells the address that a request came from, where it is known: proxies may stand in between.
pub type AddressOf = Arc<dyn Fn(&HttpRequest) -> Option<IpAddr> + Send + Sync>;

/// What may be tried only so often from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// Signing in.
    SignIn,
    /// Paying on a payment page.
    Paying,
}

/// Counts a try from an address, or says for how many seconds there may be no more.
pub type Admit = Arc<dyn Fn(Tried, Option<IpAddr>) -> BoxFuture<'static, Result<(), u32>> + Send + Sync>;

/// What an operator can set of the pages.
#[derive(Clone)]
pub struct DashboardSettings {
    /// Whether browsers reach the server by TLS, so that cookies are for secure connections only.
    pub is_secure: bool,
    /// Whose address counts.
    pub address_of: AddressOf,
    /// What counts tries: everybody has as many as they like by default.
    pub admit: Admit,
}

impl Default for DashboardSettings {
    fn default() -> Self {
        let peer = |request: &HttpRequest| request.peer_addr().map(|peer| peer.ip());
        let admit: Admit = Arc::new(|_, _| Box::pin(std::future::ready(Ok(()))));
        DashboardSettings { is_secure: false, address_of: Arc::new(peer), admit }
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
