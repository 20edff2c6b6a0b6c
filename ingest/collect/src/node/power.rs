//! `powersupplyclass` and `rapl`: where power comes from and what it is spent on.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{attribute, attribute_number, entries};
use std::collections::HashMap;
use std::path::Path;

/// File and metric; one unit. Source: `Documentation/ABI/testing/sysfs-class-power`.
const PLAIN: [(&str, &str); 10] = [
    ("authentic", "authentic"),
    ("calibrate", "calibrate"),
    ("capacity", "capacity"),
    ("capacity_alert_max", "capacity_alert_max"),
    ("capacity_alert_min", "capacity_alert_min"),
    ("cycle_count", "cyclecount"),
    ("online", "online"),
    ("present", "present"),
    ("time_to_empty_now", "time_to_empty_seconds"),
    ("time_to_full_now", "time_to_full_seconds"),
];

/// In millionths.
const MICRO: [(&str, &str); 31] = [
    ("current_boot", "current_boot"),
    ("current_max", "current_max"),
    ("current_now", "current_ampere"),
    ("energy_empty", "energy_empty"),
    ("energy_empty_design", "energy_empty_design"),
    ("energy_full", "energy_full"),
    ("energy_full_design", "energy_full_design"),
    ("energy_now", "energy_watthour"),
    ("voltage_boot", "voltage_boot"),
    ("voltage_max", "voltage_max"),
    ("voltage_max_design", "voltage_max_design"),
    ("voltage_min", "voltage_min"),
    ("voltage_min_design", "voltage_min_design"),
    ("voltage_now", "voltage_volt"),
    ("voltage_ocv", "voltage_ocv"),
    ("charge_control_limit", "charge_control_limit"),
    ("charge_control_limit_max", "charge_control_limit_max"),
    ("charge_counter", "charge_counter"),
    ("charge_empty", "charge_empty"),
    ("charge_empty_design", "charge_empty_design"),
    ("charge_full", "charge_full"),
    ("charge_full_design", "charge_full_design"),
    ("charge_now", "charge_ampere"),
    ("charge_term_current", "charge_term_current"),
    ("constant_charge_current", "constant_charge_current"),
    ("constant_charge_current_max", "constant_charge_current_max"),
    ("constant_charge_voltage", "constant_charge_voltage"),
    ("constant_charge_voltage_max", "constant_charge_voltage_max"),
    ("precharge_current", "precharge_current"),
    ("input_current_limit", "input_current_limit"),
    ("power_now", "power_watt"),
];

/// In tenths of a degree.
const TENTHS: [(&str, &str); 8] = [
    ("temp", "temp_celsius"),
    ("temp_alert_max", "temp_alert_max_celsius"),
    ("temp_alert_min", "temp_alert_min_celsius"),
    ("temp_ambient", "temp_ambient_celsius"),
    ("temp_ambient_max", "temp_ambient_max_celsius"),
    ("temp_ambient_min", "temp_ambient_min_celsius"),
    ("temp_max", "temp_max_celsius"),
    ("temp_min", "temp_min_celsius"),
];

const TEXTS: [&str; 11] = [
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
    "scope",
];

pub(super) fn supplies(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/power_supply");
    for supply in entries(&class)? {
        let path = class.join(&supply);
        for (table, divisor) in [(&PLAIN[..], 1.0), (&MICRO[..], 1e6), (&TENTHS[..], 10.0)] {
            for (file, name) in table {
                if let Some(value) = attribute_number(&path.join(file)) {
                    let help = format!("Power supply: {file}.");
                    found
                        .gauge(format!("node_power_supply_{name}"), help)
                        .add(&[("power_supply", &supply)], value / divisor);
                }
            }
        }
        let texts = TEXTS.map(|file| (file, attribute(&path.join(file)).unwrap_or_default()));
        let mut labels = vec![("power_supply", supply.as_str())];
        labels.extend(texts.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (*name, text.as_str())));
        found.gauge("node_power_supply_info", "1, with what the supply is as labels.").add(&labels, 1.0);
    }
    Ok(())
}

/// Source: `Documentation/power/powercap/powercap.rst`. Zones of one name are numbered.
pub(super) fn rapl(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/powercap");
    let zones = entries(&class)?;
    let zones: Vec<&String> = zones.iter().filter(|name| name.starts_with("intel-rapl:")).collect();
    if zones.is_empty() {
        return Err(CollectError::Absent(class.join("intel-rapl:0")));
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for zone in zones {
        let path = class.join(zone);
        let Some(full) = attribute(&path.join("name")) else { continue };
        let (name, index) = numbered_name(&full, &mut counts);
        let joules = attribute_number(&path.join("energy_uj"));
        let Some(joules) = joules else { return Err(unreadable(&path)) };
        let labels = [("index", index.as_str()), ("path", &path.display().to_string())];
        found
            .counter(format!("node_rapl_{}_joules_total", name.replace('-', "_")), "Energy that a zone has used.")
            .add(&labels, joules / 1e6);
    }
    Ok(())
}

/// `package-0` is `package` number 0; others are counted.
fn numbered_name(full: &str, counts: &mut HashMap<String, usize>) -> (String, String) {
    if let Some((name, index)) = full.rsplit_once('-').filter(|(_, index)| crate::roots::is_number(index)) {
        return (name.to_owned(), index.to_owned());
    }
    let next = counts.entry(full.to_owned()).or_default();
    *next += 1;
    (full.to_owned(), (*next - 1).to_string())
}

fn unreadable(path: &Path) -> CollectError {
    let hint = "energy_uj cannot be read: it is for root alone on most kernels";
    CollectError::malformed(path, hint)
}
