//! `pressure`: time that tasks lost because something was short (`Documentation/accounting/psi.rst`).

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::psi;
use crate::roots::optional;

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let mut any = false;
    for (what, waits, stalls) in
        [("cpu", true, false), ("io", true, true), ("memory", true, true), ("irq", false, true)]
    {
        let path = context.roots.proc("pressure").join(what);
        let Some(text) = optional(&path)? else { continue };
        any = true;
        let psi::Stalls { some, full } = psi::totals(&path, &text)?;
        if let Some(seconds) = some.filter(|_| waits) {
            let help = format!("Seconds in which some task waited for {what}.");
            found.counter(format!("node_pressure_{what}_waiting_seconds_total"), help).set(seconds);
        }
        if let Some(seconds) = full.filter(|_| stalls) {
            let help = format!("Seconds in which no task could go on for want of {what}.");
            found.counter(format!("node_pressure_{what}_stalled_seconds_total"), help).set(seconds);
        }
    }
    if any { Ok(()) } else { Err(CollectError::Absent(context.roots.proc("pressure"))) }
}
