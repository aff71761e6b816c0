//! Whose requests or attempts are counted together.

use std::fmt;
use std::net::IpAddr;

use florin_domain::network_of;
use florin_engine::access::Caller;
use sha2::{Digest, Sha256};

/// Whose requests or attempts are counted together: 16 bytes that tell nothing of a person, wherever they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject([u8; 16]);

impl Subject {
    /// A caller: an API key with all of its sessions, or a user with all of theirs.
    pub(crate) fn of_caller(caller: &Caller) -> Subject {
        Subject(caller.limit_key())
    }

    /// Anything that has a name, among things of its kind.
    pub(crate) fn of_name(kind: &str, name: &str) -> Subject {
        let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(name).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Subject(bytes)
    }

    /// An address; in IPv6 its network, since anybody has a whole one.
    pub(crate) fn of_address(kind: &str, address: IpAddr) -> Subject {
        Subject::of_name(kind, &network_of(address).to_string())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Subject {
        Subject::of_address("login", address.parse().unwrap())
    }

    #[test]
    fn subjects_differ_by_kind_and_name_and_are_all_of_one_form() {
        let subject = Subject::of_name("login", "ada@example.com");
        assert_ne!(subject, Subject::of_name("logi", "nada@example.com"));
        assert_ne!(subject, Subject::of_name("webhooks", "ada@example.com"));
        assert_eq!(subject.to_string().len(), 32);
        assert!(!subject.to_string().contains("ada"));
    }

    #[test]
    fn who_has_a_network_counts_as_one() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
