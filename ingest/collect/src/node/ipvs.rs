//! `ipvs`: the kernel's load balancer (`/proc/net/ip_vs`, `/proc/net/ip_vs_stats`). Numbers there are hexadecimal.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{parsed, text};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

const TOTALS: [(&str, &str); 5] = [
    ("connections_total", "Connections."),
    ("incoming_packets_total", "Packets that came."),
    ("outgoing_packets_total", "Packets that went."),
    ("incoming_bytes_total", "Bytes that came."),
    ("outgoing_bytes_total", "Bytes that went."),
];

const BACKENDS: [(&str, &str); 3] = [
    ("weight", "Weight of a backend."),
    ("connections_active", "Connections to a backend."),
    ("connections_inactive", "Connections to a backend that end."),
];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("net/ip_vs_stats");
    let stats = text(&path)?;
    let row = stats.lines().nth(2).unwrap_or_default();
    for ((name, help), field) in TOTALS.iter().zip(row.split_whitespace()) {
        let value = u64::from_str_radix(field, 16);
        let value = value.map_err(|_| CollectError::malformed(&path, format!("{field:?} is not hexadecimal")))?;
        found.counter(format!("node_ipvs_{name}"), *help).set(value as f64);
    }
    backends(context, found)
}

/// A service, and its backends below it, marked by `->`.
fn backends(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("net/ip_vs");
    let mut service: Option<[String; 4]> = None;
    let mut sums: BTreeMap<[String; 6], [f64; 3]> = BTreeMap::new();
    for line in text(&path)?.lines().skip(3) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            ["->", remote, _, ref counts @ ..] => {
                let (Some([proto, local, port, mark]), Some((address, remote_port)), [weight, active, inactive]) =
                    (service.clone(), endpoint(remote), counts)
                else {
                    return Err(CollectError::malformed(&path, format!("{line:?}")));
                };
                let sum = sums.entry([local, port, mark, address, remote_port, proto]).or_default();
                for (sum, field) in sum.iter_mut().zip([weight, active, inactive]) {
                    *sum += parsed(&path, field)?;
                }
            }
            ["FWM", mark, ..] => {
                service = Some(["FWM".to_owned(), String::new(), "0".to_owned(), mark.to_owned()]);
            }
            [proto, local, ..] => {
                service = endpoint(local).map(|(address, port)| [proto.to_owned(), address, port, String::new()]);
            }
            _ => {}
        }
    }
    const LABELS: [&str; 6] = ["local_address", "local_port", "local_mark", "remote_address", "remote_port", "proto"];
    for (values, counts) in sums {
        let labels: Vec<(&str, &str)> = LABELS.into_iter().zip(values.iter().map(String::as_str)).collect();
        for ((name, help), count) in BACKENDS.iter().zip(counts) {
            found.gauge(format!("node_ipvs_backend_{name}"), *help).add(&labels, count);
        }
    }
    Ok(())
}

/// `C0A80016:0CEA`, or an address of version 6 in brackets.
fn endpoint(text: &str) -> Option<(String, String)> {
    let (address, port) = text.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = match address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().ok()?.to_string(),
        None => Ipv4Addr::from(u32::from_str_radix(address, 16).ok()?).to_string(),
    };
    Some((address, port.to_string()))
}
