//! `diskstats`: what block devices did and what they are.
//!
//! Sources: `Documentation/admin-guide/iostats.rst`; udev's database in `/run/udev/data`.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{parsed, text};
use std::collections::HashMap;

/// In bytes, whatever the device's own sectors are.
const SECTOR: f64 = 512.0;
const MILLIS: f64 = 1e-3;

/// The columns behind the device's name: metric, help, factor, and whether it counts.
const COLUMNS: [(&str, &str, f64, bool); 17] = [
    ("reads_completed_total", "Reads done.", 1.0, true),
    ("reads_merged_total", "Reads that were joined with others.", 1.0, true),
    ("read_bytes_total", "Bytes read.", SECTOR, true),
    ("read_time_seconds_total", "Seconds spent by all reads.", MILLIS, true),
    ("writes_completed_total", "Writes done.", 1.0, true),
    ("writes_merged_total", "Writes that were joined with others.", 1.0, true),
    ("written_bytes_total", "Bytes written.", SECTOR, true),
    ("write_time_seconds_total", "Seconds spent by all writes.", MILLIS, true),
    ("io_now", "Requests under way.", 1.0, false),
    ("io_time_seconds_total", "Seconds in which any request was under way.", MILLIS, true),
    ("io_time_weighted_seconds_total", "Seconds under way, summed over requests.", MILLIS, true),
    ("discards_completed_total", "Discards done.", 1.0, true),
    ("discards_merged_total", "Discards that were joined with others.", 1.0, true),
    ("discarded_sectors_total", "Sectors of 512 bytes discarded.", 1.0, true),
    ("discard_time_seconds_total", "Seconds spent by all discards.", MILLIS, true),
    ("flush_requests_total", "Flushes done.", 1.0, true),
    ("flush_requests_time_seconds_total", "Seconds spent by all flushes.", MILLIS, true),
];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("diskstats");
    for line in text(&path)?.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [major, minor, device, counts @ ..] = &fields[..] else {
            return Err(CollectError::malformed(&path, format!("{line:?} is too short")));
        };
        if context.filters.disks.is_match(device) {
            continue;
        }
        for ((name, help, factor, counts_up), value) in COLUMNS.into_iter().zip(counts) {
            let name = format!("node_disk_{name}");
            let family = if counts_up { found.counter(name, help) } else { found.gauge(name, help) };
            family.add(&[("device", device)], parsed(&path, value)? * factor);
        }
        let udev = context.roots.rootfs("run/udev/data").join(format!("b{major}:{minor}"));
        describe(device, [major, minor], &properties(&text(&udev).unwrap_or_default()), found);
    }
    Ok(())
}

/// Lines `E:KEY=VALUE` of udev.
fn properties(text: &str) -> HashMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('=')).collect()
}

fn describe(device: &str, [major, minor]: [&str; 2], udev: &HashMap<&str, &str>, found: &mut Families) {
    let get = |key: &str| udev.get(key).copied().unwrap_or("");
    let serial = Some(get("SCSI_IDENT_SERIAL")).filter(|serial| !serial.is_empty());
    let labels = [
        ("device", device),
        ("major", major),
        ("minor", minor),
        ("path", get("ID_PATH")),
        ("wwn", get("ID_WWN")),
        ("model", get("ID_MODEL")),
        ("serial", serial.unwrap_or_else(|| get("ID_SERIAL_SHORT"))),
        ("revision", get("ID_REVISION")),
    ];
    found.gauge("node_disk_info", "1, with what udev knows of the device as labels.").add(&labels, 1.0);
    if !get("ID_FS_TYPE").is_empty() {
        let labels = [
            ("device", device),
            ("type", get("ID_FS_TYPE")),
            ("usage", get("ID_FS_USAGE")),
            ("uuid", get("ID_FS_UUID")),
            ("version", get("ID_FS_VERSION")),
        ];
        found.gauge("node_disk_filesystem_info", "1, with the filesystem on the device as labels.").add(&labels, 1.0);
    }
    if !get("DM_NAME").is_empty() {
        let labels = [
            ("device", device),
            ("name", get("DM_NAME")),
            ("uuid", get("DM_UUID")),
            ("vg_name", get("DM_VG_NAME")),
            ("lv_name", get("DM_LV_NAME")),
            ("lv_layer", get("DM_LV_LAYER")),
        ];
        found.gauge("node_disk_device_mapper_info", "1, with what is mapped as labels.").add(&labels, 1.0);
    }
    let ata = [
        ("ID_ATA_WRITE_CACHE", "write_cache", "1 when the disk has a write cache."),
        ("ID_ATA_WRITE_CACHE_ENABLED", "write_cache_enabled", "1 when the disk's write cache is on."),
        ("ID_ATA_ROTATION_RATE_RPM", "rotation_rate_rpm", "Revolutions per minute; 0 when nothing turns."),
    ];
    for (key, name, help) in ata.into_iter().filter(|_| !get("ID_ATA").is_empty()) {
        if let Ok(value) = get(key).parse() {
            found.gauge(format!("node_disk_ata_{name}"), help).add(&[("device", device)], value);
        }
    }
}
