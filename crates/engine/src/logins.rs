//! Attempts to sign in: counted in the database, so that all processes count together and a restart forgets nothing.
//!
//! An attempt counts as a failure before the password is looked at, and is taken off again when it was right: so any
//! number of attempts at the same time are no way around the limit.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use florin_domain::{Failures, Throttle, network_of};
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
        let network = address.map_or_else(|| "unknown".to_owned(), |address| network_of(address).to_string());
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
}
