//! `ip("10.0.0.0/8")`: an address, a network or a range, found anywhere in a text.

use std::net::IpAddr;

/// What `ip()` looks for: the addresses `from..=to` of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpPattern {
    from: u128,
    to: u128,
    v6: bool,
}

/// An argument of `ip()` that is neither an address, nor a network, nor a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ip: invalid pattern: {0}")]
pub struct InvalidIp(pub String);

fn number(ip: IpAddr) -> (u128, bool) {
    match ip {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), false),
        IpAddr::V6(v6) => (u128::from(v6), true),
    }
}

impl IpPattern {
    /// Reads `192.0.2.1`, `192.0.2.0/24` or `192.0.2.1-192.0.2.9`.
    pub fn parse(text: &str) -> Result<Self, InvalidIp> {
        Self::read(text).ok_or_else(|| InvalidIp(super::quoted(text)))
    }

    fn read(text: &str) -> Option<Self> {
        if let Some((from, to)) = text.split_once('-') {
            let ((from, v6), (to, to_v6)) = (number(from.parse().ok()?), number(to.parse().ok()?));
            return (v6 == to_v6 && from <= to).then_some(IpPattern { from, to, v6 });
        }
        if let Some((address, bits)) = text.split_once('/') {
            let (address, v6) = number(address.parse().ok()?);
            if bits.is_empty() || !bits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let (bits, width): (u32, u32) = (bits.parse().ok()?, if v6 { 128 } else { 32 });
            let host_bits = width.checked_sub(bits)?;
            let mask = if host_bits == 128 { u128::MAX } else { (1u128 << host_bits) - 1 };
            return Some(IpPattern { from: address & !mask, to: address | mask, v6 });
        }
        let (address, v6) = number(text.parse().ok()?);
        Some(IpPattern { from: address, to: address, v6 })
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        let (ip, is_v6) = number(ip);
        is_v6 == self.v6 && self.from <= ip && ip <= self.to
    }

    /// Whether an address of this pattern occurs in `text`. Addresses are the longest runs of address characters.
    pub fn found_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let length = if looks_like_v4(&bytes[at..]) {
                bytes[at..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count()
            } else if looks_like_v6(&bytes[at..]) {
                bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')).count()
            } else {
                at += 1;
                continue;
            };
            let found = text.get(at..at + length).and_then(|t| t.parse().ok()).is_some_and(|ip| self.contains(ip));
            if found {
                return true;
            }
            at += length + 1;
        }
        false
    }
}

fn looks_like_v4(bytes: &[u8]) -> bool {
    bytes.len() > 3 && bytes[0].is_ascii_digit() && bytes[1..4].contains(&b'.')
}

fn looks_like_v6(bytes: &[u8]) -> bool {
    bytes.len() > 4
        && (bytes[..2] == *b"::" && bytes[2].is_ascii_hexdigit()
            || bytes[0].is_ascii_hexdigit() && bytes[1..5].contains(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, text: &str) -> bool {
        IpPattern::parse(pattern).unwrap().found_in(text)
    }

    #[test]
    fn addresses_networks_and_ranges() {
        assert!(found("192.0.2.17", "src=192.0.2.17 dst=x"));
        assert!(!found("192.0.2.1", "src=192.0.2.17"));
        assert!(found("10.0.0.0/8", "via 10.9.8.7"));
        assert!(found("192.0.2.0-203.0.113.255", "198.51.100.4"));
        assert!(found("2001:db8::/32", "peer [2001:db8:0:7::42]:80"));
        assert!(!found("10.0.0.0/8", "2001:db8::1"));
        assert!(found("::/0", "x ::1:2 y"));
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        assert_eq!(IpPattern::parse("10.0.0.300").unwrap_err().to_string(), r#"ip: invalid pattern: "10.0.0.300""#);
        assert!(IpPattern::parse("").is_err());
        assert!(IpPattern::parse("10.0.0.0/33").is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".*") {
            let _ = IpPattern::parse(&text);
            found("10.0.0.0/8", &text);
        }
    }
}
