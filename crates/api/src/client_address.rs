//! Whose address a request came from, when proxies stand in between.
//!
//! A proxy appends the address of whoever it served to `X-Forwarded-For`. So the header is read from its end, and only as
//! far as each address that vouches for the next is that of a proxy which the operator trusts: what stands further left
//! may have been written by anybody.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies whose word about addresses is believed; none as a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[Network]>);

/// Refused because a text is no list of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("addresses or networks with commas in between, as in 10.0.0.7, 192.168.0.0/16, fd00::/8")]
pub struct MalformedNetworks;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    bits: u128,
    /// How many of the 128 bits of an IPv6 address have to be the same; IPv4 addresses are mapped ones.
    length: u32,
}

impl FromStr for TrustedProxies {
    type Err = MalformedNetworks;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Ok(TrustedProxies::default());
        }
        text.split(',')
            .map(|network| network.trim().parse())
            .collect::<Result<Vec<_>, _>>()
            .map(|all| TrustedProxies(all.into()))
    }
}

impl FromStr for Network {
    type Err = MalformedNetworks;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| MalformedNetworks)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = length.map_or(Ok(most), str::parse).map_err(|_| MalformedNetworks)?;
        if length > most {
            return Err(MalformedNetworks);
        }
        Ok(Network { bits: bits_of(address), length: 128 - most + length })
    }
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        let differing = self.bits ^ bits_of(address);
        self.length == 0 || differing >> (128 - self.length) == 0
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl TrustedProxies {
    /// The address that a request came from, where it is known.
    pub fn client_of(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        Some(if self.0.is_empty() { peer } else { self.behind(peer, request.headers()) })
    }

    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines: Vec<&str> =
            headers.get_all(FORWARDED_FOR).map(|line| line.to_str().unwrap_or_default()).collect();
        let told = lines.iter().rev().flat_map(|line| line.rsplit(','));
        let mut client = peer;
        for address in told {
            if !self.0.iter().any(|network| network.contains(client)) {
                break;
            }
            let Some(address) = parse(address.trim()) else { break };
            client = address;
        }
        client
    }
}

/// An address, with a port or without.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    bare.unwrap_or(text).parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn client(trusted: &str, peer: &str, told: &[&str]) -> String {
        let mut request = TestRequest::default().peer_addr(format!("{peer}:4711").parse().unwrap());
        for line in told {
            request = request.append_header((FORWARDED_FOR, *line));
        }
        let trusted: TrustedProxies = trusted.parse().unwrap();
        trusted.client_of(&request.to_http_request()).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_about_whom_they_served() {
        for (trusted, peer, told, expected) in [
            ("", "192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.0/8", "192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("10.0.0.0/8", "10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9", "10.9.9.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &[], "10.1.2.3"),
            ("10.0.0.0/8", "10.1.2.3", &["unknown"], "10.1.2.3"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9, _hidden, 10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", "10.1.2.3", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.1.2.3", "10.1.2.3", &["[2001:db8::7]:4711"], "2001:db8::7"),
            ("10.1.2.3, fd00::/8", "[fd00::1]", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.0/8", "[::ffff:10.1.2.3]", &["198.51.100.7"], "198.51.100.7"),
            ("0.0.0.0/0", "[2001:db8::1]", &["198.51.100.7"], "2001:db8::1"),
        ] {
            assert_eq!(client(trusted, peer, told), expected, "{trusted} {peer} {told:?}");
        }
    }

    #[test]
    fn networks_are_read_strictly() {
        for text in ["10.0.0.0/33", "10.0.0/8", "fd00::/129", "proxy.internal", "10.0.0.1,", "10.0.0.1/-1"] {
            assert_eq!(text.parse::<TrustedProxies>(), Err(MalformedNetworks), "{text}");
        }
        assert_eq!(" ".parse(), Ok(TrustedProxies::default()));
    }
}
