//! What may be an endpoint's address, as far as the address itself tells.

use std::net::IpAddr;

use reqwest::Url;

use super::addresses::{Reach, is_plain_loopback};

/// Why an address is no endpoint's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetRefused {
    /// It is none, or has parts that it must not have.
    #[error("url must be an address such as https://example.com/webhooks, without a user or a fragment")]
    Malformed,
    /// It is not encrypted.
    #[error("url must begin with https://")]
    NotHttps,
    /// It leads to a machine that is not on the public internet.
    #[error("url must lead to the public internet, not to a private or special address")]
    NotPublic,
}

/// The address as it is sent to, when it may be.
///
/// # Errors
/// [`TargetRefused`]. What a name leads to is only known when something is sent.
pub fn check_target(text: &str, reach: Reach) -> Result<Url, TargetRefused> {
    let url = Url::parse(text).map_err(|_| TargetRefused::Malformed)?;
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let host = url.host_str().filter(|host| !host.is_empty() && is_bare).ok_or(TargetRefused::Malformed)?;
    let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    if literal.is_some_and(|address| !reach.allows(address)) {
        return Err(TargetRefused::NotPublic);
    }
    let name = host.trim_end_matches('.');
    let is_local_name = literal.is_none() && (name == "localhost" || name.ends_with(".localhost"));
    if is_local_name && reach == Reach::Public {
        return Err(TargetRefused::NotPublic);
    }
    match url.scheme() {
        "https" => Ok(url),
        // Nothing leaves this machine.
        "http" if is_local_name || literal.is_some_and(is_plain_loopback) => Ok(url),
        _ => Err(TargetRefused::NotHttps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_endpoints_are_https_and_bare() {
        for (url, refused) in [
            ("https://example.com/hooks?a=b", None),
            ("https://example.com:8443/", None),
            ("https://1.1.1.1/", None),
            ("http://example.com/", Some(TargetRefused::NotHttps)),
            ("ftp://example.com/", Some(TargetRefused::NotHttps)),
            ("file:///etc/passwd", Some(TargetRefused::Malformed)),
            ("https://user@example.com/", Some(TargetRefused::Malformed)),
            ("https://:secret@example.com/", Some(TargetRefused::Malformed)),
            ("https://example.com/#part", Some(TargetRefused::Malformed)),
            ("example.com", Some(TargetRefused::Malformed)),
            ("", Some(TargetRefused::Malformed)),
        ] {
            assert_eq!(check_target(url, Reach::Public).err(), refused, "{url}");
        }
        assert!(check_target("http://localhost:4242/", Reach::PublicAndLoopback).is_ok());
        assert_eq!(
            check_target("http://example.com/", Reach::PublicAndLoopback),
            Err(TargetRefused::NotHttps)
        );
        assert_eq!(
            check_target("https://10.0.0.1/", Reach::PublicAndLoopback),
            Err(TargetRefused::NotPublic)
        );
    }
}
