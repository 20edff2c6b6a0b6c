//! What went over the interfaces of a container, which its processes see in their `/proc/PID/net/dev`.

use super::group::Group;
use super::tell::Labels;
use crate::families::Families;
use crate::interfaces::table;
use crate::roots::{Roots, text};
use std::fs;
use std::path::PathBuf;

/// Column of the table, metric and help.
const COLUMNS: [(usize, &str, &str); 8] = [
    (0, "receive_bytes", "Bytes received."),
    (1, "receive_packets", "Packets received."),
    (2, "receive_errors", "Packets that came broken."),
    (3, "receive_packets_dropped", "Packets that came and were dropped."),
    (8, "transmit_bytes", "Bytes sent."),
    (9, "transmit_packets", "Packets sent."),
    (10, "transmit_errors", "Packets that could not be sent."),
    (11, "transmit_packets_dropped", "Packets that were dropped before they were sent."),
];

/// How many processes of a group are looked at for one with a network of its own.
const ASKED: usize = 16;

/// Interfaces of the machine that belong to containers or to nobody.
const LEFT_OUT: [&str; 4] = ["lo", "veth", "docker", "nerdctl"];

pub(super) fn tell(roots: &Roots, group: &Group, labels: &Labels, found: &mut Families) {
    let pid =
        if group.is_root() { Some(1) } else { group.pids().iter().copied().take(ASKED).find(|pid| apart(roots, *pid)) };
    let Some(path) = pid.map(|pid| roots.proc(&pid.to_string()).join("net/dev")) else { return };
    // Nobody may look into the network of another user's process but root.
    let Ok(rows) = text(&path).and_then(|text| table(&path, &text)) else { return };
    for (interface, values) in rows {
        if LEFT_OUT.iter().any(|prefix| interface.starts_with(prefix)) {
            continue;
        }
        for (at, name, help) in COLUMNS {
            let Some(value) = values.get(at) else { continue };
            let family = found.counter(format!("container_network_{name}_total"), help);
            labels.add_with(family, &[("interface", &interface)], *value);
        }
    }
}

/// Whether a process has a network of its own: one that shares the machine's would be told as if all traffic were its.
fn apart(roots: &Roots, pid: u32) -> bool {
    let namespace = |pid: &str| -> Option<PathBuf> { fs::read_link(roots.proc(pid).join("ns/net")).ok() };
    let (own, machine) = (namespace(&pid.to_string()), namespace("1"));
    own.is_some() && machine.is_some() && own != machine
}
