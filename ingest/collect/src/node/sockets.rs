//! `sockstat` and `udp_queues`: sockets and what waits in them.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{optional, parsed, text};

/// `TCP: inuse 3 orphan 0 tw 1 alloc 5 mem 2`; memory of TCP and UDP is in pages.
pub(super) fn sockstat(context: &Context, found: &mut Families) -> Result {
    let page = context.roots.page_size();
    for (file, required) in [("net/sockstat", true), ("net/sockstat6", false)] {
        let path = context.roots.proc(file);
        let text = if required { text(&path)? } else { optional(&path)?.unwrap_or_default() };
        for line in text.lines() {
            let Some((protocol, rest)) = line.split_once(':') else {
                return Err(CollectError::malformed(&path, format!("no colon in {line:?}")));
            };
            let fields: Vec<&str> = rest.split_whitespace().collect();
            for pair in fields.chunks_exact(2) {
                let value = parsed(&path, pair[1])?;
                let name = format!("node_sockstat_{protocol}_{}", pair[0]);
                found.gauge(name, format!("Sockets of {protocol}: {}.", pair[0])).set(value);
                if pair[0] == "mem" {
                    let name = format!("node_sockstat_{protocol}_mem_bytes");
                    found.gauge(name, format!("Memory of sockets of {protocol}, in bytes.")).set(value * page);
                }
            }
        }
    }
    Ok(())
}

/// Bytes in the queues of all UDP sockets; the fifth column of `/proc/net/udp` is `TX:RX`, hexadecimal.
pub(super) fn udp_queues(context: &Context, found: &mut Families) -> Result {
    for (file, ip, required) in [("net/udp", "v4", true), ("net/udp6", "v6", false)] {
        let path = context.roots.proc(file);
        let Some(text) = (if required { Some(text(&path)?) } else { optional(&path)? }) else { continue };
        let (mut sent, mut received) = (0, 0);
        for line in text.lines().skip(1) {
            let queues = line.split_whitespace().nth(4).and_then(|queues| queues.split_once(':'));
            let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
            let Some((tx, rx)) = queues.and_then(|(tx, rx)| Some((hex(tx)?, hex(rx)?))) else {
                return Err(CollectError::malformed(&path, format!("no queues in {line:?}")));
            };
            (sent, received) = (u64::saturating_add(sent, tx), u64::saturating_add(received, rx));
        }
        let family = found.gauge("node_udp_queues", "Bytes that wait in the queues of UDP sockets.");
        family.add(&[("queue", "tx"), ("ip", ip)], sent as f64);
        family.add(&[("queue", "rx"), ("ip", ip)], received as f64);
    }
    Ok(())
}
