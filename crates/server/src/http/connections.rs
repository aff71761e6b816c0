//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use florin_domain::network_of;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// In all.
    pub(crate) total: usize,
    /// From one address; in IPv6 from one network, since anybody has a whole one.
    pub(crate) per_address: usize,
}

/// Counts connections.
pub(super) struct Connections {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_origin: HashMap<IpAddr, usize>,
}

/// A connection that is counted, until this is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    origin: IpAddr,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Connections> {
        Arc::new(Connections { limits, open: Mutex::default() })
    }

    /// A place for a connection from there; none when there are too many.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let origin = network_of(address);
        let mut open = self.lock();
        if open.total >= self.limits.total {
            refuse("total");
            return None;
        }
        let from_there = open.by_origin.entry(origin).or_default();
        if *from_there >= self.limits.per_address {
            refuse("address");
            return None;
        }
        *from_there += 1;
        open.total += 1;
        let total = u32::try_from(open.total).unwrap_or(u32::MAX);
        drop(open);
        metrics::gauge!("florin_connections").set(total);
        Some(Place { connections: Arc::clone(self), origin })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.by_origin.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                open.by_origin.remove(&self.origin);
            }
        }
        let total = u32::try_from(open.total).unwrap_or(u32::MAX);
        drop(open);
        metrics::gauge!("florin_connections").set(total);
    }
}

fn refuse(limit: &'static str) {
    metrics::counter!("florin_connections_refused_total", "limit" => limit).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn neither_an_address_nor_all_of_them_have_more_than_their_share() {
        let connections = Connections::new(ConnectionLimits { total: 3, per_address: 2 });
        let one = [connections.admit(address("192.0.2.1")), connections.admit(address("192.0.2.1"))];
        assert!(one.iter().all(Option::is_some));
        assert!(connections.admit(address("192.0.2.1")).is_none());
        let other = connections.admit(address("192.0.2.2"));
        assert!(other.is_some() && connections.admit(address("192.0.2.3")).is_none());
        drop(one);
        assert!(connections.admit(address("192.0.2.1")).is_some());
        drop(other);
        assert!(connections.lock().by_origin.is_empty());
    }
}
