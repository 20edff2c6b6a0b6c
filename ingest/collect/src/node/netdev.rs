//! `netdev`: what went over network interfaces.

use super::{Context, Result};
use crate::families::Families;
use crate::interfaces;
use crate::roots::{attribute_number, text};

/// Columns of `/proc/net/dev`, received and sent (proc_pid_net(5)).
const COLUMNS: [(&str, &str); 16] = [
    ("receive_bytes", "Bytes received."),
    ("receive_packets", "Packets received."),
    ("receive_errs", "Packets that came broken."),
    ("receive_drop", "Packets that came and were dropped."),
    ("receive_fifo", "Packets that found the queue full."),
    ("receive_frame", "Packets with broken frames."),
    ("receive_compressed", "Compressed packets received."),
    ("receive_multicast", "Multicast packets received."),
    ("transmit_bytes", "Bytes sent."),
    ("transmit_packets", "Packets sent."),
    ("transmit_errs", "Packets that could not be sent."),
    ("transmit_drop", "Packets that were dropped before they were sent."),
    ("transmit_fifo", "Packets that found the queue full."),
    ("transmit_colls", "Collisions."),
    ("transmit_carrier", "Packets lost with the carrier."),
    ("transmit_compressed", "Compressed packets sent."),
];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("net/dev");
    for (device, values) in interfaces::table(&path, &text(&path)?)? {
        if context.filters.interfaces.is_match(&device) {
            continue;
        }
        let labels = [("device", device.as_str())];
        for ((name, help), value) in COLUMNS.into_iter().zip(values) {
            found.counter(format!("node_network_{name}_total"), help).add(&labels, value);
        }
        let unhandled = context.roots.sys("class/net").join(&device).join("statistics/rx_nohandler");
        if let Some(value) = attribute_number(&unhandled) {
            found
                .counter("node_network_receive_nohandler_total", "Packets that came to an inactive device.")
                .add(&labels, value);
        }
    }
    Ok(())
}
