//! `edac`: errors of memory that were corrected or not (`Documentation/admin-guide/RAS/main.rst`).

use super::{Context, Result};
use crate::families::{Families, Family};
use crate::roots::{attribute, attribute_number, entries, numbered};
use std::path::Path;

/// `ce` and `ue` of the files.
const KINDS: [(&str, &str); 2] = [("ce", "correctable"), ("ue", "uncorrectable")];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    for (controller, path) in numbered(&context.roots.sys("devices/system/edac/mc"), "mc")? {
        for (short, kind) in KINDS {
            if let Some(count) = attribute_number(&path.join(format!("{short}_count"))) {
                family(found, "", kind).add(&[("controller", &controller)], count);
            }
            if let Some(count) = attribute_number(&path.join(format!("{short}_noinfo_count"))) {
                family(found, "csrow_", kind).add(&[("controller", &controller), ("csrow", "unknown")], count);
            }
        }
        for (csrow, path) in numbered(&path, "csrow")? {
            row(&controller, &csrow, &path, found)?;
        }
    }
    Ok(())
}

fn row(controller: &str, csrow: &str, path: &Path, found: &mut Families) -> Result {
    for (short, kind) in KINDS {
        if let Some(count) = attribute_number(&path.join(format!("{short}_count"))) {
            family(found, "csrow_", kind).add(&[("controller", controller), ("csrow", csrow)], count);
        }
    }
    for name in entries(path)? {
        let Some(channel) = name.strip_prefix("ch").and_then(|rest| rest.strip_suffix("_ce_count")) else { continue };
        let label = attribute(&path.join(format!("ch{channel}_dimm_label")));
        let label = label.map_or_else(
            || "unknown".to_owned(),
            |label| label.replace('#', "").replace("csrow", "_csrow").replace("channel", "_channel"),
        );
        for (short, kind) in KINDS {
            if let Some(count) = attribute_number(&path.join(format!("ch{channel}_{short}_count"))) {
                let labels = [
                    ("controller", controller),
                    ("csrow", csrow),
                    ("channel", channel),
                    ("dimm_label", label.as_str()),
                ];
                family(found, "channel_", kind).add(&labels, count);
            }
        }
    }
    Ok(())
}

fn family<'f>(found: &'f mut Families, part: &str, kind: &str) -> &'f mut Family {
    found.counter(format!("node_edac_{part}{kind}_errors_total"), format!("Errors of memory, {kind}."))
}
