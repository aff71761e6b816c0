//! What anybody may try, and how often from one address.

use std::net::{IpAddr, Ipv4Addr};

use super::{Class, Limiter, Quota, Subject};

/// What anybody may try without having become known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryKind {
    /// Signing in, right or wrong: each costs a core for a while.
    SignIn,
    /// Paying on the page of a payment request: nobody tries out stolen cards there.
    Pay,
}

impl TryKind {
    const fn name(self) -> &'static str {
        match self {
            TryKind::SignIn => "login",
            TryKind::Pay => "pay",
        }
    }

    /// An office or a family behind one address pays more than once; a list of cards takes more than ten tries a minute.
    fn quotas(self, logins_per_minute: u32) -> Vec<Quota> {
        match self {
            TryKind::SignIn if logins_per_minute == 0 => Vec::new(),
            TryKind::SignIn => vec![Quota { name: "logins", limit: logins_per_minute, seconds: 60 }],
            TryKind::Pay => vec![
                Quota { name: "pay", limit: 10, seconds: 60 },
                Quota { name: "pay an hour", limit: 60, seconds: 3600 },
            ],
        }
    }
}

impl Limiter {
    /// Counts a try from an address; all whose address is not known are one.
    ///
    /// # Errors
    /// For how many seconds there may be no more, when it is one too many.
    pub(crate) async fn admit_try(&self, kind: TryKind, address: Option<IpAddr>) -> Result<(), u32> {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let subject = Subject::of_address(kind.name(), address);
        let quotas = kind.quotas(self.logins_per_minute);
        if quotas.is_empty() {
            return Ok(());
        }
        let admission = self.admit(Class::Logins, subject, &quotas).await;
        admission.refused_by(&quotas).map_or(Ok(()), |(_, seconds)| Err(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiSettings;

    #[tokio::test]
    async fn an_address_pays_ten_times_a_minute_and_another_one_as_often() {
        let limiter = Limiter::new(&ApiSettings::default());
        let (mine, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        for _ in 0..10 {
            assert_eq!(limiter.admit_try(TryKind::Pay, mine).await, Ok(()));
        }
        let refused = limiter.admit_try(TryKind::Pay, mine).await;
        // A minute, and what a slot of the window has left.
        assert!(matches!(refused, Err(1..=61)), "{refused:?}");
        assert_eq!(limiter.admit_try(TryKind::Pay, other).await, Ok(()));
        assert_eq!(limiter.admit_try(TryKind::SignIn, mine).await, Ok(()));
    }

    #[tokio::test]
    async fn an_address_signs_in_as_often_as_is_set_or_as_it_likes() {
        for (logins_per_minute, admitted) in [(60, 60), (3, 3), (0, 100)] {
            let limiter = Limiter::new(&ApiSettings { logins_per_minute, ..ApiSettings::default() });
            let address = "192.0.2.1".parse().ok();
            let mut count = 0;
            for _ in 0..100 {
                count += u32::from(limiter.admit_try(TryKind::SignIn, address).await.is_ok());
            }
            assert_eq!(count, admitted, "of {logins_per_minute} a minute");
        }
    }
}
