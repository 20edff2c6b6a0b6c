//! `btrfs`: how Btrfs uses its devices (`Documentation/ABI/testing/sysfs-fs-btrfs`). Counters of device errors need calls
//! that change nothing but ask for privileges, and are left out.

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, attribute_number, entries};
use std::path::Path;

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let root = context.roots.sys("fs/btrfs");
    let none = |error: crate::CollectError| if error.is_absent() { Ok(Vec::new()) } else { Err(error) };
    for uuid in entries(&root).or_else(none)? {
        let path = root.join(&uuid);
        // `features` and others stand beside the filesystems.
        if !path.join("allocation").is_dir() {
            continue;
        }
        let label = attribute(&path.join("label")).unwrap_or_default();
        found
            .gauge("node_btrfs_info", "1, with the label of the filesystem.")
            .add(&[("uuid", &uuid), ("label", &label)], 1.0);
        if let Some(bytes) = attribute_number(&path.join("allocation/global_rsv_size")) {
            found
                .gauge("node_btrfs_global_rsv_size_bytes", "Bytes kept for emergencies.")
                .add(&[("uuid", &uuid)], bytes);
        }
        commits(&uuid, &path, found);
        let devices = entries(&path.join("devices")).or_else(none)?;
        for device in &devices {
            if let Some(sectors) = attribute_number(&path.join("devices").join(device).join("size")) {
                found
                    .gauge("node_btrfs_device_size_bytes", "Size of a device of the filesystem.")
                    .add(&[("uuid", &uuid), ("device", device)], sectors * 512.0);
            }
        }
        for kind in ["data", "metadata", "system"] {
            group(&uuid, kind, &path.join("allocation").join(kind), devices.len() as f64, found);
        }
    }
    Ok(())
}

/// `commits 3`, and times in milliseconds.
fn commits(uuid: &str, path: &Path, found: &mut Families) {
    let text = attribute(&path.join("commit_stats")).unwrap_or_default();
    let value = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse::<f64>().ok())
    };
    let labels = [("uuid", uuid)];
    if let Some(count) = value("commits") {
        found.counter("node_btrfs_commits_total", "Commits.").add(&labels, count);
    }
    if let Some(millis) = value("total_commit_ms") {
        found.counter("node_btrfs_commit_seconds_total", "Seconds spent by all commits.").add(&labels, millis / 1e3);
    }
    if let Some(millis) = value("last_commit_ms") {
        found.gauge("node_btrfs_last_commit_seconds", "Seconds that the last commit took.").add(&labels, millis / 1e3);
    }
    if let Some(millis) = value("max_commit_ms") {
        found
            .gauge("node_btrfs_max_commit_seconds", "Seconds that the longest commit took.")
            .add(&labels, millis / 1e3);
    }
}

fn group(uuid: &str, kind: &str, path: &Path, devices: f64, found: &mut Families) {
    if let Some(bytes) = attribute_number(&path.join("bytes_reserved")) {
        found
            .gauge("node_btrfs_reserved_bytes", "Bytes that are spoken for.")
            .add(&[("uuid", uuid), ("block_group_type", kind)], bytes);
    }
    for mode in entries(path).unwrap_or_default() {
        let read = |file: &str| attribute_number(&path.join(&mode).join(file));
        let (Some(total), Some(used)) = (read("total_bytes"), read("used_bytes")) else { continue };
        let labels = [("uuid", uuid), ("block_group_type", kind), ("mode", mode.as_str())];
        found.gauge("node_btrfs_size_bytes", "Bytes allocated.").add(&labels, total);
        found.gauge("node_btrfs_used_bytes", "Bytes in use.").add(&labels, used);
        found
            .gauge("node_btrfs_allocation_ratio", "Bytes on devices for each byte of data.")
            .add(&labels, ratio(&mode, devices));
    }
}

fn ratio(mode: &str, devices: f64) -> f64 {
    match mode {
        "dup" | "raid1" | "raid10" => 2.0,
        "raid1c3" => 3.0,
        "raid1c4" => 4.0,
        "raid5" if devices > 1.0 => devices / (devices - 1.0),
        "raid6" if devices > 2.0 => devices / (devices - 2.0),
        _ => 1.0,
    }
}
