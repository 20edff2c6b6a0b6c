//! Disks: their names, and how full those of the machine are, which cAdvisor tells at the root.

use super::tell::Labels;
use crate::families::Families;
use crate::mounts::mounts;
use crate::roots::{Roots, text};
use rustix::fs::statfs;
use std::collections::{HashMap, HashSet};

/// Devices by `MAJOR:MINOR`.
pub(super) type Disks = HashMap<String, String>;

pub(super) fn names(roots: &Roots) -> Disks {
    let text = text(&roots.proc("diskstats")).unwrap_or_default();
    let disk = |line: &str| {
        let mut fields = line.split_whitespace();
        let (major, minor, name) = (fields.next()?, fields.next()?, fields.next()?);
        Some((format!("{major}:{minor}"), format!("/dev/{name}")))
    };
    text.lines().filter_map(disk).collect()
}

/// Filesystems on block devices, each once: those on file servers may hang and are told by job `node`.
pub(super) fn tell(roots: &Roots, labels: &Labels, found: &mut Families) {
    let mut seen = HashSet::new();
    for mount in mounts(roots).unwrap_or_default() {
        if !mount.device.starts_with("/dev/") || mount.kind.starts_with("fuse") || !seen.insert(mount.device.clone()) {
            continue;
        }
        let Ok(answer) = statfs(roots.rootfs(&mount.point)) else { continue };
        let bytes = |blocks: u64| blocks as f64 * answer.f_bsize as f64;
        let gauges = [
            ("container_fs_limit_bytes", "Size of a filesystem.", bytes(answer.f_blocks)),
            (
                "container_fs_usage_bytes",
                "Bytes in use on a filesystem.",
                bytes(answer.f_blocks.saturating_sub(answer.f_bfree)),
            ),
            ("container_fs_inodes_total", "Files that a filesystem can hold.", answer.f_files as f64),
            ("container_fs_inodes_free", "Files for which there is room.", answer.f_ffree as f64),
        ];
        for (name, help, value) in gauges {
            labels.add_with(found.gauge(name, help), &[("device", &mount.device)], value);
        }
    }
}
