//! `arp`, `conntrack`, `softnet`: tables and queues of the network.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{number, optional, text};
use std::collections::BTreeMap;

/// Entries by interface; the last column of `/proc/net/arp` (arp(7)).
pub(super) fn arp(context: &Context, found: &mut Families) -> Result {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for line in text(&context.roots.proc("net/arp"))?.lines().skip(1) {
        if let Some(device) = line.split_whitespace().nth(5) {
            *counts.entry(device.to_owned()).or_default() += 1;
        }
    }
    for (device, count) in counts {
        found.gauge("node_arp_entries", "Neighbours known by address.").add(&[("device", &device)], f64::from(count));
    }
    Ok(())
}

const CONNTRACK: [&str; 8] =
    ["found", "invalid", "ignore", "insert", "insert_failed", "drop", "early_drop", "search_restart"];

/// Connections that the firewall follows (`Documentation/networking/nf_conntrack-sysctl.rst`), and what it did with
/// packets, summed over processors.
pub(super) fn conntrack(context: &Context, found: &mut Families) -> Result {
    let roots = &context.roots;
    let entries = number(&roots.proc("sys/net/netfilter/nf_conntrack_count"))?;
    found.gauge("node_nf_conntrack_entries", "Connections that are followed.").set(entries);
    let limit = number(&roots.proc("sys/net/netfilter/nf_conntrack_max"))?;
    found.gauge("node_nf_conntrack_entries_limit", "Most connections that can be followed.").set(limit);
    let path = roots.proc("net/stat/nf_conntrack");
    let Some(text) = optional(&path)? else { return Ok(()) };
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let mut sums = vec![0u64; names.len()];
    for line in lines {
        for (sum, field) in sums.iter_mut().zip(line.split_whitespace()) {
            *sum +=
                hex(field).ok_or_else(|| CollectError::malformed(&path, format!("{field:?} is not hexadecimal")))?;
        }
    }
    for wanted in CONNTRACK {
        if let Some(at) = names.iter().position(|name| *name == wanted) {
            let help = format!("Packets that were counted as {wanted} while connections were followed.");
            found.gauge(format!("node_nf_conntrack_stat_{wanted}"), help).set(sums[at] as f64);
        }
    }
    Ok(())
}

/// Column, name, help, and whether it counts. Newer kernels have more columns (`net/core/net-procfs.c`).
const SOFTNET: [(usize, &str, &str, bool); 7] = [
    (0, "processed_total", "Packets handled.", true),
    (1, "dropped_total", "Packets dropped because the queue was full.", true),
    (2, "times_squeezed_total", "Times that work was left when time was over.", true),
    (8, "cpu_collision_total", "Times that a device was locked by another processor.", true),
    (9, "received_rps_total", "Times that another processor asked to handle packets.", true),
    (10, "flow_limit_count_total", "Packets dropped by the limit of a flow.", true),
    (11, "backlog_len", "Packets that wait.", false),
];

pub(super) fn softnet(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("net/softnet_stat");
    for (row, line) in text(&path)?.lines().enumerate() {
        let fields: Option<Vec<u64>> = line.split_whitespace().map(hex).collect();
        let fields = fields.ok_or_else(|| CollectError::malformed(&path, format!("{line:?} is not hexadecimal")))?;
        // The 13th column is the processor's number; without it, processors that are off shift the rows.
        let cpu = fields.get(12).map_or(row as u64, |cpu| *cpu).to_string();
        for (at, name, help, counts) in SOFTNET {
            let Some(value) = fields.get(at) else { continue };
            let name = format!("node_softnet_{name}");
            let family = if counts { found.counter(name, help) } else { found.gauge(name, help) };
            family.add(&[("cpu", &cpu)], *value as f64);
        }
    }
    Ok(())
}

fn hex(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}
