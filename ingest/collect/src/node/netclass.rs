//! `netclass`: what network interfaces are (`Documentation/ABI/testing/sysfs-class-net`).

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, attribute_number, entries};
use std::path::Path;

/// File, metric, factor and whether it counts.
const ATTRIBUTES: [(&str, &str, f64, bool); 17] = [
    ("addr_assign_type", "address_assign_type", 1.0, false),
    ("carrier", "carrier", 1.0, false),
    ("carrier_changes", "carrier_changes_total", 1.0, true),
    ("carrier_up_count", "carrier_up_changes_total", 1.0, true),
    ("carrier_down_count", "carrier_down_changes_total", 1.0, true),
    ("dev_id", "device_id", 1.0, false),
    ("dormant", "dormant", 1.0, false),
    ("flags", "flags", 1.0, false),
    ("ifindex", "iface_id", 1.0, false),
    ("iflink", "iface_link", 1.0, false),
    ("link_mode", "iface_link_mode", 1.0, false),
    ("mtu", "mtu_bytes", 1.0, false),
    ("name_assign_type", "name_assign_type", 1.0, false),
    ("netdev_group", "net_dev_group", 1.0, false),
    // Mbit/s.
    ("speed", "speed_bytes", 1e6 / 8.0, false),
    ("tx_queue_len", "transmit_queue_length", 1.0, false),
    ("type", "protocol_type", 1.0, false),
];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/net");
    for device in entries(&class)? {
        let path = class.join(&device);
        // Drivers put files beside the interfaces, such as bonding_masters.
        if !path.is_dir() || context.filters.interfaces.is_match(&device) {
            continue;
        }
        describe(&device, &path, found);
        for (file, name, factor, counts) in ATTRIBUTES {
            let Some(value) = attribute_number(&path.join(file)) else { continue };
            let (name, help) =
                (format!("node_network_{name}"), format!("Network interface: {file} of /sys/class/net."));
            let family = if counts { found.counter(name, help) } else { found.gauge(name, help) };
            family.add(&[("device", &device)], value * factor);
        }
    }
    Ok(())
}

fn describe(device: &str, path: &Path, found: &mut Families) {
    let read = |file: &str| attribute(&path.join(file)).unwrap_or_default();
    let state = read("operstate");
    let (address, broadcast, duplex, alias) = (read("address"), read("broadcast"), read("duplex"), read("ifalias"));
    let up = f64::from(u8::from(state == "up"));
    found.gauge("node_network_up", "1 when the interface is up.").add(&[("device", device)], up);
    let labels = [
        ("device", device),
        ("address", &address),
        ("broadcast", &broadcast),
        ("duplex", &duplex),
        ("operstate", &state),
        ("ifalias", &alias),
    ];
    found.gauge("node_network_info", "1, with what the interface is as labels.").add(&labels, 1.0);
}
