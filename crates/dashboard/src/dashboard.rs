//! What all pages share.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{TenantId, UserId};
use florin_engine::access::Caller;
use florin_engine::views::Refused;
use florin_engine::{Engine, secret_digest};
use futures_util::future::BoxFuture;

use crate::forgery::random_text;

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

/// Which requests wait first when there is too much to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Lists and sums: they cost most, and nobody's money waits for them.
    CanWait,
    /// One object, and whatever does something.
    Pressing,
}

/// A request that was let in, until this is dropped.
pub type Admitted = Box<dyn Any + Send + Sync>;

/// Lets a request of somebody who is signed in pass, by the limits of the API, or refuses it.
pub type AdmitVisit =
    Arc<dyn Fn(Urgency, Caller) -> BoxFuture<'static, Result<Admitted, Refused>> + Send + Sync>;

/// How long a link to sign in is good for.
const LINK_LIFETIME: TimeDelta = TimeDelta::hours(1);

/// What an operator can set of the pages.
#[derive(Clone)]
pub struct DashboardSettings {
    /// Whether browsers reach the server by TLS, so that cookies are for secure connections only.
    pub is_secure: bool,
    /// Whose address counts.
    pub address_of: AddressOf,
    /// What counts tries: everybody has as many as they like by default.
    pub admit: Admit,
    /// What lets requests of those pass who are signed in: all of them by default.
    pub admit_visit: AdmitVisit,
}

impl Default for DashboardSettings {
    fn default() -> Self {
        let peer = |request: &HttpRequest| request.peer_addr().map(|peer| peer.ip());
        let admit: Admit = Arc::new(|_, _| Box::pin(std::future::ready(Ok(()))));
        let admit_visit: AdmitVisit =
            Arc::new(|_, _| Box::pin(std::future::ready(Ok(Box::new(()) as Admitted))));
        DashboardSettings { is_secure: false, address_of: Arc::new(peer), admit, admit_visit }
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
    pub(crate) request_ids: RequestIds,
    /// The links to sign in that nobody has used yet, by the digest of their secret.
    links: Mutex<HashMap<[u8; 32], Link>>,
}

/// Whom a link signs in, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) tenant_id: TenantId,
    pub(crate) user_id: UserId,
    expires_at: DateTime<Utc>,
}

impl Dashboard {
    /// The pages over an engine.
    pub fn new(engine: Engine, settings: DashboardSettings) -> Self {
        let links = Mutex::default();
        Dashboard(Arc::new(Shared { engine, settings, request_ids: RequestIds::new(), links }))
    }

    /// The path of a link that signs a user in once, within an hour, in this process. It is a credential: show it to
    /// nobody but the one who may do all that the user may. None when the system has no randomness.
    pub fn sign_in_link(&self, tenant_id: TenantId, user_id: UserId) -> Option<String> {
        let secret = random_text()?;
        let expires_at = self.0.engine.now() + LINK_LIFETIME;
        let link = Link { tenant_id, user_id, expires_at };
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner).insert(secret_digest(&secret), link);
        Some(format!("/dashboard/enter/{secret}"))
    }
}

impl Shared {
    /// Takes a link, which is good for nothing afterwards.
    pub(crate) fn take_link(&self, secret: &str) -> Option<Link> {
        let now = self.engine.now();
        let link =
            self.links.lock().unwrap_or_else(PoisonError::into_inner).remove(&secret_digest(secret))?;
        Some(link).filter(|link| now < link.expires_at)
    }
}

/// Makes the ids of this process's requests.
pub(crate) struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    fn new() -> Self {
        RequestIds { process: RandomState::new().hash_one("pages"), count: AtomicU64::new(0) }
    }

    /// The next id: `req_` and 26 digits of base 16.
    pub(crate) fn next(&self) -> String {
        format!("req_{:016x}{:010x}", self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}
