//! Which addresses a webhook may be sent to: those of the public internet, and nothing that could be ours.
//!
//! Whoever may create an endpoint chooses what this server connects to. So every address is held against the registries
//! of special addresses (IANA, RFC 6890 and its successors), also those that an IPv6 address wraps.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reach {
    /// The public internet, by https.
    #[default]
    Public,
    /// That, and this machine's own loopback addresses, those also by http: for development.
    PublicAndLoopback,
}

impl Reach {
    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        is_public(address) || (self == Reach::PublicAndLoopback && is_plain_loopback(address))
    }
}

/// 127.0.0.0/8 and `::1`, not wrapped in anything.
pub(super) fn is_plain_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Networks that are not the public internet, and how many bits name them.
const SPECIAL_V4: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),        // this network
    ([10, 0, 0, 0], 8),       // private
    ([100, 64, 0, 0], 10),    // carriers' NAT
    ([127, 0, 0, 0], 8),      // loopback
    ([168, 63, 129, 16], 32), // a cloud's own services
    ([169, 254, 0, 0], 16),   // link-local, and clouds' metadata
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocol assignments
    ([192, 0, 2, 0], 24),     // documentation
    ([192, 31, 196, 0], 24),  // AS112
    ([192, 52, 193, 0], 24),  // AMT
    ([192, 88, 99, 0], 24),   // 6to4 relays
    ([192, 168, 0, 0], 16),   // private
    ([192, 175, 48, 0], 24),  // AS112
    ([198, 18, 0, 0], 15),    // benchmarks
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    let is_in = |(network, length): &([u8; 4], u32)| {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        bits & mask == u32::from(Ipv4Addr::from(*network)) & mask
    };
    // From 224.0.0.0 on there are multicast, what is reserved, and broadcast.
    address.octets()[0] < 224 && !SPECIAL_V4.iter().any(is_in)
}

/// Parts of 2000::/3, the only public unicast addresses, that are not public, and how many bits name them.
const SPECIAL_V6: [([u16; 8], u32); 5] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments: Teredo, benchmarks, ORCHID
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4, which wraps any IPv4 address
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// Only what is assigned as public unicast: so everything that wraps an IPv4 address (mapped, compatible, NAT64 by either
/// prefix, ISATAP at link-local prefixes), unique local, site-local, link-local and multicast is out by not being in.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = u128::from(address);
    let is_in = |(network, length): &([u16; 8], u32)| {
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        bits & mask == u128::from(Ipv6Addr::from(*network)) & mask
    };
    let segments = address.segments();
    // ISATAP puts an IPv4 address behind 0:5efe or 200:5efe, whatever the prefix.
    let is_isatap = segments[5] == 0x5efe && segments[4] & 0xfdff == 0;
    segments[0] & 0xe000 == 0x2000 && !SPECIAL_V6.iter().any(is_in) && !is_isatap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_every_special_network_are_told_from_their_neighbours() {
        for (network, length) in SPECIAL_V4 {
            let first = u32::from(Ipv4Addr::from(network));
            let last = first | u32::MAX.checked_shr(length).unwrap_or(0);
            for inside in [first, last] {
                assert!(!is_public_v4(inside.into()), "{}", Ipv4Addr::from(inside));
            }
        }
        for outside in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "223.255.255.255",
        ] {
            assert!(is_public_v4(outside.parse().unwrap()), "{outside}");
        }
        for outside in ["2000::1", "2001:200::1", "2606:4700::1111", "2a00:1450::1", "3ffe::1"] {
            assert!(is_public_v6(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn loopback_is_reached_only_where_that_is_set_and_only_as_itself() {
        let allows = |reach: Reach, text: &str| reach.allows(text.parse().unwrap());
        for text in ["127.0.0.1", "127.255.0.3", "::1"] {
            assert!(!allows(Reach::Public, text) && allows(Reach::PublicAndLoopback, text), "{text}");
        }
        for text in
            ["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "0.0.0.0", "10.0.0.1"]
        {
            assert!(!allows(Reach::PublicAndLoopback, text), "{text}");
        }
    }
}
