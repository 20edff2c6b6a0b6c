//! `meminfo` and `vmstat`: every field of `/proc/meminfo`, and those of `/proc/vmstat` that the filter keeps.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{parsed, text};

/// `Active(anon):  12 kB` is `node_memory_Active_anon_bytes`. Source: proc_meminfo(5).
pub(super) fn meminfo(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("meminfo");
    for line in text(&path)?.lines() {
        let Some((key, value)) = line.split_once(':') else {
            return Err(CollectError::malformed(&path, format!("no colon in {line:?}")));
        };
        let (value, unit) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        let name = key.replace('(', "_").replace(')', "");
        let (factor, suffix) = if unit == "kB" { (1024.0, "_bytes") } else { (1.0, "") };
        let help = format!("Memory: {key}, see proc_meminfo(5).");
        found.gauge(format!("node_memory_{name}{suffix}"), help).set(parsed(&path, value)? * factor);
    }
    Ok(())
}

/// Source: `/proc/vmstat`, whose fields are named in the kernel's `mm/vmstat.c`.
pub(super) fn vmstat(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("vmstat");
    for line in text(&path)?.lines() {
        let Some((key, value)) = line.split_once(' ') else { continue };
        if context.filters.vmstat.is_match(key) {
            let help = format!("Virtual memory: {key} of /proc/vmstat.");
            found.untyped(format!("node_vmstat_{key}"), help).set(parsed(&path, value)?);
        }
    }
    Ok(())
}
