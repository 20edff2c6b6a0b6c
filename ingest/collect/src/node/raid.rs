//! `mdadm` and `bonding`: things made of several that must all be there.

use super::{Context, Result};
use crate::error::CollectError;
use crate::families::Families;
use crate::roots::{attribute, parsed, text};
use std::path::Path;

/// What `/proc/mdstat` says of an array (`Documentation/admin-guide/md.rst`).
#[derive(Debug, Default)]
struct Array {
    name: String,
    activity: &'static str,
    failed: f64,
    spare: f64,
    required: f64,
    active: f64,
    blocks: f64,
    synced: f64,
}

pub(super) fn mdadm(context: &Context, found: &mut Families) -> Result {
    let path = context.roots.proc("mdstat");
    for array in arrays(&path, &text(&path)?)? {
        let device = [("device", array.name.as_str())];
        for state in ["active", "inactive", "recovering", "resync", "check"] {
            found
                .gauge("node_md_state", "1 for what the array does.")
                .add(&[device[0], ("state", state)], f64::from(u8::from(state == array.activity)));
        }
        for (state, count) in [("active", array.active), ("failed", array.failed), ("spare", array.spare)] {
            found.gauge("node_md_disks", "Disks of an array by state.").add(&[device[0], ("state", state)], count);
        }
        found.gauge("node_md_disks_required", "Disks that the array needs.").add(&device, array.required);
        found.gauge("node_md_blocks", "Blocks of the array.").add(&device, array.blocks);
        found.gauge("node_md_blocks_synced", "Blocks that are the same on all disks.").add(&device, array.synced);
    }
    Ok(())
}

fn arrays(path: &Path, text: &str) -> Result<Vec<Array>> {
    let mut all: Vec<Array> = Vec::new();
    for line in text.lines() {
        if let Some((name, rest)) = line.split_once(" : ") {
            if name.trim() != "Personalities" {
                all.push(begun(name.trim(), rest));
            }
            continue;
        }
        let Some(array) = all.last_mut() else { continue };
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [blocks, "blocks", rest @ ..] = &fields[..] {
            array.blocks = parsed(path, blocks)?;
            array.synced = array.blocks;
            // `[3/2]`: needed and working. Arrays without redundancy do not say.
            let ratio = rest.iter().find_map(|field| field.strip_prefix('[')?.strip_suffix(']')?.split_once('/'));
            if let Some((required, active)) = ratio {
                (array.required, array.active) = (parsed(path, required)?, parsed(path, active)?);
            }
        }
        for (word, state) in
            [("recovery", "recovering"), ("resync", "resync"), ("check", "check"), ("reshape", "recovering")]
        {
            if fields.contains(&word) || fields.iter().any(|field| field.starts_with(&format!("{word}="))) {
                array.activity = state;
                let done = fields.iter().find_map(|field| field.strip_prefix('(')?.strip_suffix(')')?.split_once('/'));
                array.synced = match done {
                    Some((done, _)) => parsed(path, done)?,
                    None => 0.0,
                };
            }
        }
    }
    Ok(all)
}

/// `active raid1 sdb1[1](F) sda1[0]`.
fn begun(name: &str, rest: &str) -> Array {
    let members: Vec<&str> = rest.split_whitespace().filter(|field| field.contains('[')).collect();
    let marked = |mark: &str| members.iter().filter(|member| member.ends_with(mark)).count() as f64;
    let (failed, spare) = (marked("(F)"), marked("(S)"));
    let working = members.len() as f64 - failed - spare;
    let activity = if rest.starts_with("active") { "active" } else { "inactive" };
    let (required, active) = if activity == "active" { (working, working) } else { (0.0, 0.0) };
    Array { name: name.to_owned(), activity, failed, spare, required, active, ..Array::default() }
}

/// Source: `Documentation/networking/bonding.rst`.
pub(super) fn bonding(context: &Context, found: &mut Families) -> Result {
    let class = context.roots.sys("class/net");
    let masters = text(&class.join("bonding_masters"))?;
    for master in masters.split_whitespace() {
        let path = class.join(master);
        let slaves = text(&path.join("bonding/slaves"))?;
        let slaves: Vec<&str> = slaves.split_whitespace().collect();
        let up = |slave: &&&str| {
            let of = |link: &str| attribute(&path.join(link).join("bonding_slave/mii_status"));
            of(&format!("lower_{slave}")).or_else(|| of(&format!("slave_{slave}"))).as_deref() == Some("up")
        };
        let active = slaves.iter().filter(up).count();
        let labels = [("master", master)];
        found.gauge("node_bonding_slaves", "Interfaces that are bonded.").add(&labels, slaves.len() as f64);
        found.gauge("node_bonding_active", "Bonded interfaces that are up.").add(&labels, active as f64);
    }
    Ok::<_, CollectError>(())
}
