//! `filesystem`: how full filesystems are.
//!
//! `statfs` on a file server that is gone never returns: it is asked on a thread of its own, one for each mount point, and
//! told as `node_filesystem_device_error` for as long as it hangs.

use super::{Context, Result};
use crate::families::Families;
use crate::mounts::{Mount, mounts};
use rustix::fs::{StatFs, statfs};
use std::collections::HashSet;
use std::time::Duration;

/// How long all filesystems together may hold up the collector before it gives up those that hang, and how long a single
/// one: less than the limit of collectors.
const LIMIT: Duration = Duration::from_millis(300);

/// Types behind which there is another machine or program, which may be silent. Others answer from memory.
const REMOTE: [&str; 9] = ["nfs", "cifs", "smb", "fuse", "ceph", "gluster", "9p", "afs", "lustre"];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let mut seen = HashSet::new();
    for mount in mounts(&context.roots)? {
        let left_out = context.filters.mount_points.is_match(&mount.point)
            || context.filters.filesystems.is_match(&mount.kind)
            || !seen.insert((mount.device.clone(), mount.point.clone(), mount.kind.clone()));
        if left_out {
            continue;
        }
        let labels =
            [("device", mount.device.as_str()), ("mountpoint", mount.point.as_str()), ("fstype", mount.kind.as_str())];
        let answer = ask(context, &mount);
        let failed = f64::from(u8::from(answer.is_none()));
        found
            .gauge("node_filesystem_device_error", "1 when the filesystem did not say how full it is.")
            .add(&labels, failed);
        found
            .gauge("node_filesystem_readonly", "1 when nothing can be written.")
            .add(&labels, f64::from(u8::from(mount.read_only)));
        if let Some(answer) = answer {
            tell(&answer, &labels, found);
        }
    }
    Ok(())
}

fn ask(context: &Context, mount: &Mount) -> Option<StatFs> {
    let path = context.roots.rootfs(&mount.point);
    if !REMOTE.iter().any(|kind| mount.kind.starts_with(kind)) {
        return statfs(&path).ok();
    }
    let key = format!("statfs {}", mount.point);
    context.guard.call(&key, LIMIT, move || statfs(&path)).ok()?.ok()
}

fn tell(answer: &StatFs, labels: &[(&'static str, &str)], found: &mut Families) {
    let block = answer.f_bsize as f64;
    let mut gauge = |name: &'static str, help: &'static str, value: f64| {
        found.gauge(name, help).add(labels, value);
    };
    gauge("node_filesystem_size_bytes", "Size of the filesystem.", answer.f_blocks as f64 * block);
    gauge("node_filesystem_free_bytes", "Bytes that are free.", answer.f_bfree as f64 * block);
    gauge("node_filesystem_avail_bytes", "Bytes that are free for everybody.", answer.f_bavail as f64 * block);
    gauge("node_filesystem_files", "Files that the filesystem can hold.", answer.f_files as f64);
    gauge("node_filesystem_files_free", "Files for which there is room.", answer.f_ffree as f64);
}
