//! The patterns of `ip()`.

use std::net::IpAddr;

/// An address, a range `a-b` of one family, or a CIDR block.
pub fn ip_pattern(pattern: &str) -> Result<(), String> {
    let legal = match (pattern.split_once('-'), pattern.split_once('/')) {
        (Some((from, to)), _) => is_range(from, to),
        (None, Some((address, bits))) => is_block(address, bits),
        (None, None) => pattern.parse::<IpAddr>().is_ok(),
    };
    if legal { Ok(()) } else { Err(format!("ip: invalid pattern: {}", crate::gotext::quote(pattern))) }
}

fn is_range(from: &str, to: &str) -> bool {
    match (from.parse::<IpAddr>(), to.parse::<IpAddr>()) {
        (Ok(from), Ok(to)) => from.is_ipv4() == to.is_ipv4() && from <= to,
        _ => false,
    }
}

fn is_block(address: &str, bits: &str) -> bool {
    let well_formed = bits.bytes().all(|b| b.is_ascii_digit()) && (bits.len() == 1 || !bits.starts_with('0'));
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    well_formed && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}
