//! `netstat`: counters of protocols, those that the filter keeps (RFC 4293, RFC 4022, RFC 4113 and Linux' own).

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{optional, parsed, text};
use std::path::Path;

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    for file in ["net/netstat", "net/snmp"] {
        let path = context.roots.proc(file);
        for (protocol, name, value) in pairs(&path, &text(&path)?)? {
            tell(context, &protocol, &name, value, found);
        }
    }
    let path = context.roots.proc("net/snmp6");
    for line in optional(&path)?.unwrap_or_default().lines() {
        let mut fields = line.split_whitespace();
        let (Some(key), Some(value)) = (fields.next(), fields.next()) else { continue };
        // `Ip6InOctets`: the protocol ends with the 6.
        if let Some((protocol, name)) = key.split_once('6') {
            tell(context, &format!("{protocol}6"), name, parsed(&path, value)?, found);
        }
    }
    Ok(())
}

/// Of two lines that belong together, the first has the names and the second the values.
fn pairs(path: &Path, text: &str) -> Result<Vec<(String, String, f64)>> {
    let mut all = Vec::new();
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (Some((protocol, names)), Some((other, values))) = (names.split_once(':'), values.split_once(':')) else {
            return Err(CollectError::malformed(path, format!("no colon in {names:?}")));
        };
        let (names, values): (Vec<_>, Vec<_>) =
            (names.split_whitespace().collect(), values.split_whitespace().collect());
        if protocol != other || names.len() != values.len() {
            return Err(CollectError::malformed(path, format!("names and values of {protocol} do not match")));
        }
        for (name, value) in names.into_iter().zip(values) {
            all.push((protocol.to_owned(), name.to_owned(), parsed(path, value)?));
        }
    }
    Ok(all)
}

fn tell(context: &Context, protocol: &str, name: &str, value: f64, found: &mut Families) {
    let key = format!("{protocol}_{name}");
    if context.filters.netstat.is_match(&key) {
        let help = format!("Network: {name} of {protocol}.");
        found.untyped(format!("node_netstat_{key}"), help).set(value);
    }
}
