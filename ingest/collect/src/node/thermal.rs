//! `thermal_zone`: temperatures of zones and states of what cools (`Documentation/driver-api/thermal/sysfs-api.rst`).

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, attribute_number, numbered};

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/thermal");
    for (zone, path) in numbered(&class, "thermal_zone")? {
        let kind = attribute(&path.join("type")).unwrap_or_default();
        if let Some(milli) = attribute_number(&path.join("temp")) {
            found
                .gauge("node_thermal_zone_temp", "Temperature of a zone, in degrees Celsius.")
                .add(&[("zone", &zone), ("type", &kind)], milli / 1000.0);
        }
    }
    for (name, path) in numbered(&class, "cooling_device")? {
        let kind = attribute(&path.join("type")).unwrap_or_default();
        let states = [
            ("node_cooling_device_cur_state", "How hard a device cools.", "cur_state"),
            ("node_cooling_device_max_state", "How hard a device can cool.", "max_state"),
        ];
        for (metric, help, file) in states {
            if let Some(state) = attribute_number(&path.join(file)) {
                found.gauge(metric, help).add(&[("name", &name), ("type", &kind)], state);
            }
        }
    }
    Ok(())
}
