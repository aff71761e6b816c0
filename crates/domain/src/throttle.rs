//! How long somebody who failed to sign in has to wait. Nobody waits longer than the longest delay, ever.

use core::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};

/// Whom an address stands for: an IPv4 address for itself, an IPv6 one for its network of 64 bits, the least that anybody
/// gets. IPv4 addresses written as IPv6 are IPv4 addresses.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// How failures make somebody wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// So many failures cost nothing.
    pub free: u32,
    /// The wait after the next one; each further one doubles it.
    pub first: TimeDelta,
    /// The longest wait.
    pub longest: TimeDelta,
    /// After so long without a failure all are forgotten.
    pub forgotten_after: TimeDelta,
}

/// Failures so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many, the attempts under way included.
    pub count: u32,
    /// When the last of them was.
    pub last_at: Option<DateTime<Utc>>,
}

impl Throttle {
    /// For attempts from one address, on whatever accounts.
    pub const ADDRESS: Throttle = Throttle::after(20);
    /// For attempts from one address on one account.
    pub const PAIR: Throttle = Throttle::after(5);
    /// For attempts from one address on an account that fails from everywhere.
    pub const PAIR_UNDER_ATTACK: Throttle = Throttle::after(1);
    /// How many failures on one account, from wherever, make an attack.
    pub const ATTACK: u32 = 30;

    const fn after(free: u32) -> Throttle {
        Throttle {
            free,
            first: TimeDelta::seconds(5),
            longest: TimeDelta::minutes(15),
            forgotten_after: TimeDelta::hours(6),
        }
    }

    /// The failures that still count.
    #[must_use]
    pub fn remembered(self, failures: Failures, at: DateTime<Utc>) -> Failures {
        match failures.last_at {
            Some(last_at) if at.signed_duration_since(last_at) < self.forgotten_after => failures,
            Some(_) | None => Failures::default(),
        }
    }

    /// For how long no attempt is let in; zero for none.
    ///
    /// ```
    /// use chrono::{DateTime, TimeDelta};
    /// use florin_domain::{Failures, Throttle};
    /// let at = DateTime::UNIX_EPOCH;
    /// let wait = |count| Throttle::PAIR.wait(Failures { count, last_at: Some(at) }, at);
    /// assert_eq!(wait(4), TimeDelta::zero());
    /// assert_eq!(wait(5), TimeDelta::seconds(5));
    /// assert_eq!(wait(6), TimeDelta::seconds(10));
    /// assert_eq!(wait(1_000_000), TimeDelta::minutes(15));
    /// ```
    #[must_use]
    pub fn wait(self, failures: Failures, at: DateTime<Utc>) -> TimeDelta {
        let failures = self.remembered(failures, at);
        let (Some(over), Some(last_at)) = (failures.count.checked_sub(self.free), failures.last_at) else {
            return TimeDelta::zero();
        };
        let doubled = 1_i32.checked_shl(over.min(20)).and_then(|factor| self.first.checked_mul(factor));
        let delay = doubled.unwrap_or(self.longest).min(self.longest);
        let until = last_at.checked_add_signed(delay).unwrap_or(at);
        // Times that lie ahead, by a clock that was set back, do not make anybody wait longer than that.
        until.signed_duration_since(at).clamp(TimeDelta::zero(), delay)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_network_counts_as_one_and_a_mapped_address_as_itself() {
        let of = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2:3::4"));
        assert_ne!(of("2001:db8:1:2::4"), of("2001:db8:1:3::4"));
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn whoever_waits_gets_in_however_often_it_failed() {
        let start = DateTime::UNIX_EPOCH;
        for count in 0..200 {
            let failures = Failures { count, last_at: Some(start) };
            let wait = Throttle::PAIR.wait(failures, start);
            assert!(wait <= Throttle::PAIR.longest);
            assert_eq!(Throttle::PAIR.wait(failures, start + wait), TimeDelta::zero(), "{count}");
            let ahead = Failures { count, last_at: Some(start + TimeDelta::days(400)) };
            assert!(Throttle::PAIR.wait(ahead, start) <= Throttle::PAIR.longest, "the clock was set back");
        }
    }

    #[test]
    fn old_failures_are_forgotten() {
        let start = DateTime::UNIX_EPOCH;
        let failures = Failures { count: 100, last_at: Some(start) };
        assert_eq!(Throttle::PAIR.remembered(failures, start + TimeDelta::hours(5)), failures);
        assert_eq!(Throttle::PAIR.remembered(failures, start + TimeDelta::hours(6)), Failures::default());
    }
}
