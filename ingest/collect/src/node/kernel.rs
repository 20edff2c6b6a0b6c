//! `stat`, `loadavg`, `filefd`, `entropy`: single numbers of the kernel.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{number, parsed, text};

/// Source: proc_stat(5).
pub(super) fn stat(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("stat");
    for line in text(&path)?.lines() {
        let mut fields = line.split_whitespace();
        let (Some(key), Some(value)) = (fields.next(), fields.next()) else { continue };
        let family = match key {
            "intr" => found.counter("node_intr_total", "Interrupts served."),
            "ctxt" => found.counter("node_context_switches_total", "Switches between tasks."),
            "processes" => found.counter("node_forks_total", "Processes and threads begun."),
            "btime" => found.gauge("node_boot_time_seconds", "When the machine was started, in seconds since 1970."),
            "procs_running" => found.gauge("node_procs_running", "Tasks that run or could run."),
            "procs_blocked" => found.gauge("node_procs_blocked", "Tasks that wait for input or output."),
            _ => continue,
        };
        family.set(parsed(&path, value)?);
    }
    Ok(())
}

/// Source: proc_loadavg(5).
pub(super) fn loadavg(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("loadavg");
    let text = text(&path)?;
    let names = [
        ("node_load1", "Load of the last minute: tasks that run, could run or wait for a disk."),
        ("node_load5", "Load of the last 5 minutes."),
        ("node_load15", "Load of the last 15 minutes."),
    ];
    for ((name, help), value) in names.into_iter().zip(text.split_whitespace()) {
        found.gauge(name, help).set(parsed(&path, value)?);
    }
    Ok(())
}

/// Source: `Documentation/admin-guide/sysctl/fs.rst`, `file-nr`.
pub(super) fn filefd(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("sys/fs/file-nr");
    let text = text(&path)?;
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [allocated, _, maximum] = fields[..] else {
        return Err(CollectError::malformed(&path, "three numbers are expected"));
    };
    found.gauge("node_filefd_allocated", "File handles in use.").set(parsed(&path, allocated)?);
    found.gauge("node_filefd_maximum", "Most file handles that there can be.").set(parsed(&path, maximum)?);
    Ok(())
}

/// Source: random(4).
pub(super) fn entropy(context: &Context, found: &mut Families) -> Result {
    let available = number(&context.roots.proc("sys/kernel/random/entropy_avail"))?;
    found.gauge("node_entropy_available_bits", "Bits of entropy at hand.").set(available);
    let size = number(&context.roots.proc("sys/kernel/random/poolsize"))?;
    found.gauge("node_entropy_pool_size_bits", "Bits that the pool of entropy holds.").set(size);
    Ok(())
}
