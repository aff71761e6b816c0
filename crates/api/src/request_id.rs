//! Ids of requests: unique, cheap, and without meaning.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Makes the ids of one process. What the process adds is random, so that ids differ between processes and restarts.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        // The standard library's hash keys are random in each process; no other source of randomness is needed here.
        RequestIds { process: RandomState::new().hash_one("request ids"), count: AtomicU64::new(0) }
    }

    /// The next id: `req_` and 26 letters and digits.
    pub(crate) fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut rest = u128::from(self.process) << 64 | u128::from(scatter(count ^ self.process));
        let mut text = *b"req_00000000000000000000000000";
        for place in text.iter_mut().skip(4).rev() {
            let digit = usize::try_from(rest & 31).unwrap_or_default();
            *place = ALPHABET[digit];
            rest >>= 5;
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// A one-to-one function whose values look unrelated (the finalizer of SplitMix64), so that ids do not tell the load.
const fn scatter(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_differ_and_have_one_form() {
        let ids = RequestIds::new();
        let made: std::collections::BTreeSet<String> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().all(|id| id.len() == 30 && id.starts_with("req_")));
    }
}
