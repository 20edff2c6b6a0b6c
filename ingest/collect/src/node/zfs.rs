//! `zfs`: what OpenZFS counts in `/proc/spl/kstat/zfs`, whatever that is: names of files and lines become names of metrics.

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, entries, optional};
use std::path::Path;

/// File, and what stands before the names of its lines.
const FILES: [(&str, &str); 11] = [
    ("abdstats", "abd"),
    ("arcstats", "arc"),
    ("dbufstats", "dbuf"),
    ("dmu_tx", "dmu_tx"),
    ("dnodestats", "dnode"),
    ("fm", "fm"),
    ("vdev_cache_stats", "vdev_cache"),
    ("vdev_mirror_stats", "vdev_mirror"),
    ("xuio_stats", "xuio"),
    ("zfetchstats", "zfetch"),
    ("zil", "zil"),
];

const STATES: [&str; 7] = ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let root = context.roots.proc("spl/kstat/zfs");
    let names = entries(&root)?;
    for (file, prefix) in FILES {
        let text = optional(&root.join(file))?.unwrap_or_default();
        for (name, value) in numbers(&text) {
            let name = format!("node_zfs_{prefix}_{}", name.replace('-', "_"));
            found.untyped(name, format!("ZFS: of {file}.")).set(value);
        }
    }
    for pool in names.iter().filter(|name| root.join(name).is_dir()) {
        tell(pool, &root.join(pool), found)?;
    }
    Ok(())
}

/// Lines `NAME TYPE DATA`, of which types 3 and 4 are numbers.
fn numbers(text: &str) -> impl Iterator<Item = (&str, f64)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (name, kind, value) = (fields.next()?, fields.next()?, fields.next()?);
        let value = value.parse().ok().filter(|_| matches!(kind, "3" | "4") && fields.next().is_none());
        Some((name, value?))
    })
}

fn tell(pool: &str, path: &Path, found: &mut Families) -> Result {
    if let Some(now) = attribute(&path.join("state")) {
        for state in STATES {
            let is = f64::from(u8::from(now.eq_ignore_ascii_case(state)));
            found
                .gauge("node_zfs_zpool_state", "1 for the state of the pool.")
                .add(&[("zpool", pool), ("state", state)], is);
        }
    }
    // A line of names above one of numbers.
    let io = optional(&path.join("io"))?.unwrap_or_default();
    let mut lines = io.lines().skip_while(|line| !line.starts_with("nread"));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
        if let Ok(value) = value.parse() {
            found.untyped(format!("node_zfs_zpool_{name}"), "ZFS: of a pool.").add(&[("zpool", pool)], value);
        }
    }
    for file in entries(path)?.iter().filter(|file| file.starts_with("objset-")) {
        let text = optional(&path.join(file))?.unwrap_or_default();
        let dataset = text.lines().find_map(|line| line.strip_prefix("dataset_name")?.trim().split_once(' '));
        let Some((_, dataset)) = dataset else { continue };
        for (name, value) in numbers(&text) {
            found
                .untyped(format!("node_zfs_zpool_dataset_{name}"), "ZFS: of a dataset.")
                .add(&[("zpool", pool), ("dataset", dataset.trim())], value);
        }
    }
    Ok(())
}
