//! `xfs`: what XFS did, by filesystem (`/sys/fs/xfs/DEVICE/stats/stats`; xfs.org, "Runtime Stats").

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{entries, optional, parsed};

/// Line and its columns; an empty name is not told.
const LINES: [(&str, &[&str]); 8] = [
    (
        "extent_alloc",
        &[
            "extent_allocation_extents_allocated",
            "extent_allocation_blocks_allocated",
            "extent_allocation_extents_freed",
            "extent_allocation_blocks_freed",
        ],
    ),
    (
        "abt",
        &[
            "allocation_btree_lookups",
            "allocation_btree_compares",
            "allocation_btree_records_inserted",
            "allocation_btree_records_deleted",
        ],
    ),
    (
        "blk_map",
        &[
            "block_mapping_reads",
            "block_mapping_writes",
            "block_mapping_unmaps",
            "block_mapping_extent_list_insertions",
            "block_mapping_extent_list_deletions",
            "block_mapping_extent_list_lookups",
            "block_mapping_extent_list_compares",
        ],
    ),
    (
        "bmbt",
        &[
            "block_map_btree_lookups",
            "block_map_btree_compares",
            "block_map_btree_records_inserted",
            "block_map_btree_records_deleted",
        ],
    ),
    (
        "dir",
        &[
            "directory_operation_lookup",
            "directory_operation_create",
            "directory_operation_remove",
            "directory_operation_getdents",
        ],
    ),
    (
        "ig",
        &[
            "inode_operation_attempts",
            "inode_operation_found",
            "inode_operation_recycled",
            "inode_operation_missed",
            "inode_operation_duplicates",
            "inode_operation_reclaims",
            "inode_operation_attribute_changes",
        ],
    ),
    ("rw", &["write_calls", "read_calls"]),
    (
        "vnodes",
        &[
            "vnode_active",
            "vnode_allocate",
            "vnode_get",
            "vnode_hold",
            "vnode_release",
            "vnode_reclaim",
            "vnode_remove",
        ],
    ),
];

pub(super) fn collect(context: &Context, found: &mut Families) -> Result {
    let root = context.roots.sys("fs/xfs");
    for device in entries(&root).or_else(|error| if error.is_absent() { Ok(Vec::new()) } else { Err(error) })? {
        let path = root.join(&device).join("stats/stats");
        for line in optional(&path)?.unwrap_or_default().lines() {
            let (key, values) = line.split_once(' ').unwrap_or((line, ""));
            let Some((_, names)) = LINES.iter().find(|(line, _)| *line == key) else { continue };
            for (name, value) in names.iter().zip(values.split_whitespace()) {
                let help = format!("XFS: {}.", name.replace('_', " "));
                found
                    .counter(format!("node_xfs_{name}_total"), help)
                    .add(&[("device", &device)], parsed(&path, value)?);
            }
        }
    }
    Ok(())
}
