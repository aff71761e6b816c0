//! Attempts to sign in: counted in the database, so that all processes count together and a restart forgets nothing.
//!
//! An attempt counts as a failure before the password is looked at, and is taken off again when it was right: so any
//! number of attempts at the same time are no way around the limit.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{Failures, Throttle};
use florin_storage::sessions::{count_login_attempt, forgive_login_attempt};
use sha2::{Digest, Sha256};

use crate::engine::Inner;
use crate::reading::unavailable;
use crate::views::Refused;

/// What an attempt is counted by.
#[derive(Clone, Copy)]
pub(crate) struct LoginAttempt {
    /// The address, the account from that address, and the account, in the order in which their rows are locked.
    digests: [[u8; 32]; 3],
}

impl LoginAttempt {
    /// An attempt on an account, whether it exists or not.
    pub(crate) fn new(account: &str, address: Option<IpAddr>) -> Self {
        let network = network_of(address);
        let digest = |kind: &str, parts: [&str; 2]| {
            let text = [kind, parts[0], parts[1]].join("\0");
            Sha256::new().chain_update(b"florin/login/v1\0").chain_update(text).finalize().into()
        };
        LoginAttempt {
            digests: [
                digest("address", [&network, ""]),
                digest("pair", [&network, account]),
                digest("account", ["", account]),
            ],
        }
    }
}

/// Who shares an address: an IPv4 address stands for itself, an IPv6 one for the /64 that one customer gets.
fn network_of(address: Option<IpAddr>) -> String {
    match address {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}/64")
            }
        },
    }
}

/// How long an attempt has to wait, by the failures of the address, of the pair and of the account.
///
/// Failures on an account from elsewhere never keep an address out: they make it wait after its first own failure.
fn wait([address, pair, account]: [Failures; 3], at: DateTime<Utc>) -> TimeDelta {
    let is_attacked = Throttle::PAIR.remembered(account, at).count >= Throttle::ATTACK;
    let of_pair = if is_attacked { Throttle::PAIR_UNDER_ATTACK } else { Throttle::PAIR };
    Throttle::ADDRESS.wait(address, at).max(of_pair.wait(pair, at))
}

impl Inner {
    /// Counts an attempt, unless it has to wait.
    ///
    /// # Errors
    /// 429 with the time to wait, 503 when the database can't be asked.
    pub(crate) async fn begin_login(&self, attempt: LoginAttempt) -> Result<(), Refused> {
        let at = self.now();
        let counted = self.read(move |connection| {
            let mut waits = TimeDelta::zero();
            count_login_attempt(connection, &attempt.digests, at, |found| {
                let failures = <[Failures; 3]>::try_from(found).unwrap_or_default();
                waits = wait(failures, at);
                let more = |failures: Failures| {
                    let remembered = Throttle::PAIR.remembered(failures, at).count;
                    (waits <= TimeDelta::zero()).then(|| remembered.saturating_add(1))
                };
                failures.map(more).to_vec()
            })?;
            Ok(waits)
        });
        let waits = counted.await.map_err(|error| unavailable(&error))?;
        if waits <= TimeDelta::zero() {
            return Ok(());
        }
        metrics::counter!("florin_logins_total", "outcome" => "throttled").increment(1);
        let seconds = waits.num_milliseconds().unsigned_abs().div_ceil(1000);
        Err(Refused::login_throttled(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// Takes an attempt off that was none; with `is_over`, the address starts afresh with this account.
    pub(crate) async fn forgive_login(&self, attempt: LoginAttempt, is_over: bool) {
        let forgiven = is_over.then_some(attempt.digests[1]);
        let forgive =
            move |connection: &mut _| forgive_login_attempt(connection, &attempt.digests, forgiven.as_ref());
        if let Err(error) = self.read(forgive).await {
            tracing::warn!(%error, "an attempt to sign in counts as failed, although it was not");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(count: u32) -> Failures {
        Failures { count, last_at: Some(DateTime::UNIX_EPOCH) }
    }

    #[test]
    fn nobody_else_can_make_an_address_wait_that_has_not_failed() {
        let at = DateTime::UNIX_EPOCH;
        let none = Failures::default();
        assert_eq!(wait([none, none, failures(1_000_000)], at), TimeDelta::zero());
        assert_eq!(wait([none, failures(1), failures(10)], at), TimeDelta::zero());
        assert!(wait([none, failures(1), failures(Throttle::ATTACK)], at) > TimeDelta::zero());
        assert!(wait([none, failures(5), none], at) > TimeDelta::zero());
        assert!(wait([failures(20), none, none], at) > TimeDelta::zero(), "many accounts from one address");
    }

    #[test]
    fn an_address_of_ipv6_is_as_large_as_what_one_customer_gets() {
        let of = |text: &str| network_of(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::4"), of("2001:db8:1:3::4"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.8"), of("192.0.2.7"));
    }
}
