//! `hwmon`: sensors of boards and chips (`Documentation/hwmon/sysfs-interface.rst`).

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{attribute, entries};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Kinds of sensors that are told.
const KINDS: [&str; 14] = [
    "vrm",
    "beep_enable",
    "update_interval",
    "in",
    "cpu",
    "fan",
    "pwm",
    "temp",
    "curr",
    "power",
    "energy",
    "humidity",
    "intrusion",
    "freq",
];

/// The files of one sensor, by what stands behind its number: `temp1_max` is `max` of `temp1`.
type Sensors = BTreeMap<(String, String), BTreeMap<String, String>>;

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/hwmon");
    for name in entries(&class)? {
        let path = class.join(&name);
        let mut sensors = Sensors::new();
        read(&path, &mut sensors)?;
        if path.join("device").is_dir() {
            read(&path.join("device"), &mut sensors)?;
        }
        let human = attribute(&path.join("name")).map(|name| clean(&name)).filter(|name| !name.is_empty());
        let chip = chip(&path).or_else(|| human.clone()).unwrap_or(name);
        if let Some(human) = &human {
            found
                .gauge("node_hwmon_chip_names", "1, with a name for people as a label.")
                .add(&[("chip", &chip), ("chip_name", human)], 1.0);
        }
        for ((kind, number), files) in &sensors {
            tell(&chip, kind, &format!("{kind}{number}"), files, found);
        }
    }
    Ok(())
}

/// Where the device is, which stays the same when modules are loaded in another order: `platform_coretemp_0`.
fn chip(path: &Path) -> Option<String> {
    let device = fs::canonicalize(path.join("device")).ok()?;
    let name = clean(device.file_name()?.to_str()?);
    let bus = clean(device.parent()?.file_name()?.to_str()?);
    match (bus.is_empty(), name.is_empty()) {
        (_, true) => None,
        (true, false) => Some(name),
        (false, false) => Some(format!("{bus}_{name}")),
    }
}

fn clean(name: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_lowercase() {
        letter @ ('a'..='z' | '0'..='9' | ':' | '_') => letter,
        _ => '_',
    };
    name.trim().chars().map(letter).collect::<String>().trim_matches('_').to_owned()
}

fn read(path: &Path, sensors: &mut Sensors) -> Result {
    for file in entries(path)? {
        let digits = file.find(|letter: char| letter.is_ascii_digit()).unwrap_or(file.len());
        let (kind, rest) = file.split_at(digits);
        if !KINDS.contains(&kind) {
            continue;
        }
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (number, property) = rest.split_at(end);
        let number = if number.is_empty() { "0" } else { number };
        let Some(property) = property.strip_prefix('_').or(property.is_empty().then_some("")) else { continue };
        if let Some(value) = attribute(&path.join(&file)) {
            let sensor = sensors.entry((kind.to_owned(), number.to_owned())).or_default();
            sensor.insert(property.to_owned(), value);
        }
    }
    Ok(())
}

fn tell(chip: &str, kind: &str, sensor: &str, files: &BTreeMap<String, String>, found: &mut Families) {
    let labels = [("chip", chip), ("sensor", sensor)];
    if let Some(label) = files.get("label") {
        found
            .gauge("node_hwmon_sensor_label", "1, with the sensor's name as a label.")
            .add(&[("chip", chip), ("sensor", sensor), ("label", label)], 1.0);
    }
    let whole = match kind {
        "beep_enable" => Some(("node_hwmon_beep_enabled", "1 when the hardware may beep.", 1.0)),
        "vrm" => Some(("node_hwmon_voltage_regulator_version", "Version of the voltage regulator.", 1.0)),
        "update_interval" => Some(("node_hwmon_update_interval_seconds", "How often the chip measures.", 1e-3)),
        _ => None,
    };
    if let Some((name, help, factor)) = whole {
        if let Some(value) = files.get("").and_then(|value| value.parse::<f64>().ok()) {
            found.gauge(name, help).add(&labels, value * factor);
        }
        return;
    }
    for (property, value) in files.iter().filter(|(property, _)| *property != "label") {
        let Ok(value) = value.parse::<f64>() else { continue };
        let Some((suffix, factor, counts)) = unit(kind, property, files.contains_key("label")) else { continue };
        let middle = match property.as_str() {
            "input" if files.contains_key("") => "_input".to_owned(),
            "" | "input" => String::new(),
            other => format!("_{}", clean(other)),
        };
        let name = format!("node_hwmon_{kind}{middle}{suffix}");
        let help = format!("Sensors: {property} of {kind}.");
        let family = if counts { found.counter(name, help) } else { found.gauge(name, help) };
        let short = files.get("label").filter(|_| kind == "freq").map(|label| clean(label));
        match (kind, property.as_str(), short) {
            ("freq", "input", Some(label)) => family.add(&[("chip", chip), ("sensor", &label)], value * factor),
            _ => family.add(&labels, value * factor),
        };
    }
}

/// What is put behind the name, by what to multiply, and whether it counts; `None` is not told.
fn unit(kind: &str, property: &str, labelled: bool) -> Option<(&'static str, f64, bool)> {
    Some(match (kind, property) {
        (_, "fault" | "alarm") => ("", 1.0, false),
        (_, "beep") => ("_enabled", 1.0, false),
        ("in" | "cpu", _) => ("_volts", 1e-3, false),
        ("temp", "type") => ("", 1.0, false),
        ("temp", _) => ("_celsius", 1e-3, false),
        ("curr", _) => ("_amps", 1e-3, false),
        ("energy", _) => ("_joule_total", 1e-6, true),
        ("power", "accuracy") => ("", 1e-6, false),
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => ("_seconds", 1e-3, false),
        ("power", _) => ("_watt", 1e-6, false),
        ("humidity", _) => ("", 1e-6, false),
        ("fan", "input" | "min" | "max" | "target") => ("_rpm", 1.0, false),
        ("freq", "input") if labelled => ("_freq_mhz", 1e-6, false),
        ("freq", "input") => return None,
        _ => ("", 1.0, false),
    })
}
