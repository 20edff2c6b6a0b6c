//! `uname`, `os`, `dmi`, `selinux`: what the machine is.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{attribute, attribute_number, entries, text};
use std::collections::BTreeMap;

/// What uname(2) says, from the files in which the kernel says the same; `arch` exists since Linux 6.1.
pub(super) fn uname(context: &Context, found: &mut Families) -> Result {
    let read =
        |name: &str| Ok::<_, CollectError>(text(&context.roots.proc("sys/kernel").join(name))?.trim().to_owned());
    let machine = read("arch").unwrap_or_else(|_| std::env::consts::ARCH.to_owned());
    let (system, release, version) = (read("ostype")?, read("osrelease")?, read("version")?);
    let (node, domain) = (read("hostname")?, read("domainname")?);
    let labels = [
        ("sysname", system.as_str()),
        ("release", &release),
        ("version", &version),
        ("machine", &machine),
        ("nodename", &node),
        ("domainname", &domain),
    ];
    found.gauge("node_uname_info", "1, with what uname says as labels.").add(&labels, 1.0);
    Ok(())
}

const OS_LABELS: [&str; 12] = [
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
];

/// Source: os-release(5).
pub(super) fn os(context: &Context, found: &mut Families) -> Result {
    let paths = ["etc/os-release", "usr/lib/os-release"].map(|path| context.roots.rootfs(path));
    let text = text(&paths[0]).or_else(|_| text(&paths[1]))?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let fields: BTreeMap<String, String> =
        lines.map(|(key, value)| (key.trim().to_ascii_lowercase(), unquoted(value.trim()))).collect();
    let get = |key: &str| fields.get(key).map_or("", String::as_str);
    let labels = OS_LABELS.map(|label| (label, get(label)));
    found.gauge("node_os_info", "1, with what os-release says as labels.").add(&labels, 1.0);
    if let Some(version) = major_minor(get("version_id")) {
        let labels = ["id", "id_like", "name"].map(|label| (label, get(label)));
        found.gauge("node_os_version", "Major and minor version of the system, as a number.").add(&labels, version);
    }
    Ok(())
}

/// As a shell reads it: in quotes, a backslash means the letter behind it.
fn unquoted(value: &str) -> String {
    let quote = value.chars().next().filter(|letter| matches!(letter, '"' | '\''));
    let Some(inner) = quote.and_then(|quote| value.strip_prefix(quote)?.strip_suffix(quote)) else {
        return value.to_owned();
    };
    let (mut plain, mut letters) = (String::new(), inner.chars());
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' && quote == Some('"') { letters.next() } else { Some(letter) });
    }
    plain
}

/// `22.04.1` is 22.04.
fn major_minor(version: &str) -> Option<f64> {
    let mut parts = version.split('.');
    let major = parts.next()?;
    match parts.next() {
        Some(minor) => format!("{major}.{minor}").parse().ok(),
        None => major.parse().ok(),
    }
}

/// File below `/sys/class/dmi/id` and label. Source: `Documentation/ABI/testing/sysfs-firmware-dmi-entries`.
const DMI: [(&str, &str); 20] = [
    ("bios_date", "bios_date"),
    ("bios_release", "bios_release"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_family", "product_family"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_sku", "product_sku"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("sys_vendor", "system_vendor"),
];

pub(super) fn dmi(context: &Context, found: &mut Families) -> Result {
    let directory = context.roots.sys("class/dmi/id");
    entries(&directory)?;
    let values = DMI.map(|(file, label)| (label, attribute(&directory.join(file))));
    let labels: Vec<(&str, &str)> =
        values.iter().filter_map(|(label, value)| Some((*label, value.as_deref()?))).collect();
    found.gauge("node_dmi_info", "1, with what the firmware says as labels.").add(&labels, 1.0);
    Ok(())
}

/// Source: `Documentation/admin-guide/LSM/SELinux.rst`: the filesystem is mounted when it is on.
pub(super) fn selinux(context: &Context, found: &mut Families) -> Result {
    let enforcing = attribute_number(&context.roots.sys("fs/selinux/enforce"));
    let enabled = f64::from(u8::from(enforcing.is_some()));
    found.gauge("node_selinux_enabled", "1 when SELinux is on.").set(enabled);
    let Some(enforcing) = enforcing else { return Ok(()) };
    found.gauge("node_selinux_current_mode", "1 when SELinux enforces, 0 when it only tells.").set(enforcing);
    let config = text(&context.roots.rootfs("etc/selinux/config")).unwrap_or_default();
    let mode = config.lines().find_map(|line| line.trim().strip_prefix("SELINUX="));
    let configured = match mode {
        Some("enforcing") => 1.0,
        Some("permissive") => 0.0,
        _ => -1.0,
    };
    found.gauge("node_selinux_config_mode", "As current_mode, for the next start; -1 is off.").set(configured);
    Ok(())
}
