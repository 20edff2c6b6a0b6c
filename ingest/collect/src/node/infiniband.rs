//! `infiniband`: ports of InfiniBand and RoCE adapters (`Documentation/ABI/stable/sysfs-class-infiniband`).

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, attribute_number, entries};
use std::path::Path;

/// File below `counters`, metric and factor: data is counted in words of 4 bytes.
const COUNTERS: [(&str, &str, f64); 21] = [
    ("excessive_buffer_overrun_errors", "excessive_buffer_overrun_errors_total", 1.0),
    ("link_downed", "link_downed_total", 1.0),
    ("link_error_recovery", "link_error_recovery_total", 1.0),
    ("local_link_integrity_errors", "local_link_integrity_errors_total", 1.0),
    ("multicast_rcv_packets", "multicast_packets_received_total", 1.0),
    ("multicast_xmit_packets", "multicast_packets_transmitted_total", 1.0),
    ("port_rcv_constraint_errors", "port_constraint_errors_received_total", 1.0),
    ("port_xmit_constraint_errors", "port_constraint_errors_transmitted_total", 1.0),
    ("port_rcv_data", "port_data_received_bytes_total", 4.0),
    ("port_xmit_data", "port_data_transmitted_bytes_total", 4.0),
    ("port_rcv_discards", "port_discards_received_total", 1.0),
    ("port_xmit_discards", "port_discards_transmitted_total", 1.0),
    ("port_rcv_errors", "port_errors_received_total", 1.0),
    ("port_rcv_packets", "port_packets_received_total", 1.0),
    ("port_xmit_packets", "port_packets_transmitted_total", 1.0),
    ("port_xmit_wait", "port_transmit_wait_total", 1.0),
    ("unicast_rcv_packets", "unicast_packets_received_total", 1.0),
    ("unicast_xmit_packets", "unicast_packets_transmitted_total", 1.0),
    ("port_rcv_remote_physical_errors", "port_receive_remote_physical_errors_total", 1.0),
    ("symbol_error", "symbol_error_total", 1.0),
    ("VL15_dropped", "vl15_dropped_total", 1.0),
];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/infiniband");
    for device in entries(&class)? {
        let path = class.join(&device);
        let read = |file: &str| attribute(&path.join(file)).unwrap_or_default();
        let (board, firmware, kind) = (read("board_id"), read("fw_ver"), read("hca_type"));
        let labels =
            [("device", device.as_str()), ("board_id", &board), ("firmware_version", &firmware), ("hca_type", &kind)];
        found.gauge("node_infiniband_info", "1, with what the adapter is as labels.").add(&labels, 1.0);
        for port in entries(&path.join("ports"))? {
            tell(&[("device", &device), ("port", &port)], &path.join("ports").join(&port), found);
        }
    }
    Ok(())
}

fn tell(labels: &[(&'static str, &str)], port: &Path, found: &mut Families) {
    // `4: ACTIVE`, `40 Gb/sec (4X QDR)`.
    let first = |file: &str| {
        let text = attribute(&port.join(file))?;
        text.split([':', ' ']).next()?.parse::<f64>().ok()
    };
    let gauges = [
        ("state", "state_id", "State of a port; 4 is active.", 1.0),
        ("phys_state", "physical_state_id", "Physical state of a port; 5 is up.", 1.0),
        ("rate", "rate_bytes_per_second", "Most that a port can move.", 1e9 / 8.0),
    ];
    for (file, name, help, factor) in gauges {
        if let Some(value) = first(file) {
            found.gauge(format!("node_infiniband_{name}"), help).add(labels, value * factor);
        }
    }
    for (file, name, factor) in COUNTERS {
        if let Some(value) = attribute_number(&port.join("counters").join(file)) {
            let help = format!("Port of an adapter: {file}.");
            found.counter(format!("node_infiniband_{name}"), help).add(labels, value * factor);
        }
    }
}
