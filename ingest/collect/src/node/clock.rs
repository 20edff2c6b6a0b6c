//! `time`: the clock of the machine, its zone and what it is made of.

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{Roots, attribute, numbered};
use chrono::{DateTime, Local, Offset, TimeZone, Utc};
use chrono_tz::{OffsetName, Tz};
use std::fs;

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let now = context.clock.now().nanos();
    found.gauge("node_time_seconds", "The machine's clock, in seconds since 1970.").set(now as f64 / 1e9);
    let (zone, offset) = local(&context.roots, DateTime::from_timestamp_nanos(now));
    found
        .gauge("node_time_zone_offset_seconds", "How far local time is ahead of UTC.")
        .add(&[("time_zone", &zone)], f64::from(offset));
    for (number, path) in numbered(&context.roots.sys("devices/system/clocksource"), "clocksource")? {
        let sources = attribute(&path.join("available_clocksource")).unwrap_or_default();
        for source in sources.split_whitespace() {
            found
                .gauge("node_time_clocksource_available_info", "1 for each source of time that the kernel could use.")
                .add(&[("device", &number), ("clocksource", source)], 1.0);
        }
        if let Some(current) = attribute(&path.join("current_clocksource")) {
            found
                .gauge("node_time_clocksource_current_info", "1 for the source of time that the kernel uses.")
                .add(&[("device", &number), ("clocksource", &current)], 1.0);
        }
    }
    Ok(())
}

/// Abbreviation of the machine's zone, and seconds ahead of UTC. The link `/etc/localtime` names the zone; without one,
/// what this process takes for local time has no name.
fn local(roots: &Roots, now: DateTime<Utc>) -> (String, i32) {
    let link = fs::read_link(roots.rootfs("etc/localtime")).ok();
    let link = link.as_deref().and_then(|path| path.to_str());
    let zone: Option<Tz> = link.and_then(|path| path.split_once("zoneinfo/")?.1.parse().ok());
    match zone {
        Some(zone) => {
            let offset = zone.offset_from_utc_datetime(&now.naive_utc());
            (offset.abbreviation().unwrap_or_default().to_owned(), offset.fix().local_minus_utc())
        }
        None => (String::new(), now.with_timezone(&Local).offset().local_minus_utc()),
    }
}
