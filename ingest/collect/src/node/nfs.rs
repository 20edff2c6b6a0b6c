//! `nfs` and `nfsd`: what the client and the server of NFS did (`/proc/net/rpc/nfs` and `nfsd`).
//!
//! A line is a key and numbers; lines `proc2`, `proc3`, `proc4` begin with how many numbers follow. Their order is that of
//! the procedures: RFC 1094, RFC 1813; for version 4 the client's own (`fs/nfs/nfs4xdr.c`) and the operations of RFC 7530.

use super::{Context, Result};
use crate::families::Families;
use crate::roots::{parsed, text};
use std::collections::HashMap;
use std::path::Path;

const VERSION_2: &str = "Null GetAttr SetAttr Root Lookup ReadLink Read WrCache Write Create Remove Rename Link SymLink MkDir \
    RmDir ReadDir FsStat";
const VERSION_3: &str = "Null GetAttr SetAttr Lookup Access ReadLink Read Write Create MkDir SymLink MkNod Remove RmDir Rename \
    Link ReadDir ReadDirPlus FsStat FsInfo PathConf Commit";
const VERSION_4_CLIENT: &str = "Null Read Write Commit Open OpenConfirm OpenNoattr OpenDowngrade Close Setattr FsInfo Renew \
    SetClientID SetClientIDConfirm Lock Lockt Locku Access Getattr Lookup LookupRoot Remove Rename Link Symlink Create Pathconf \
    StatFs ReadLink ReadDir ServerCaps DelegReturn GetACL SetACL FsLocations ReleaseLockowner Secinfo FsidPresent ExchangeID \
    CreateSession DestroySession Sequence GetLeaseTime ReclaimComplete GetDeviceInfo LayoutGet LayoutCommit LayoutReturn \
    SecinfoNoName TestStateID FreeStateID GetDeviceList BindConnToSession DestroyClientID Seek Allocate DeAllocate LayoutStats \
    Clone";
/// Operations are numbered from 3; those without a name here are not told.
const VERSION_4_SERVER: &str = "- - - Access Close Commit Create DelegPurge DelegReturn GetAttr GetFH Link Lock Lockt Locku \
    Lookup LookupRoot Nverify Open OpenAttr OpenConfirm OpenDgrd PutFH - - Read ReadDir ReadLink Remove Rename Renew RestoreFH \
    SaveFH SecInfo SetAttr SetClientID SetClientIDConfirm Verify Write RelLockOwner";

/// The lines by their key.
struct Lines(HashMap<String, Vec<f64>>);

impl Lines {
    fn read(path: &Path) -> Result<Self> {
        let mut lines = HashMap::new();
        for line in text(path)?.lines() {
            let mut fields = line.split_whitespace();
            let Some(key) = fields.next() else { continue };
            let numbers: Result<Vec<f64>> = fields.map(|field| parsed(path, field)).collect();
            lines.insert(key.to_owned(), numbers?);
        }
        Ok(Lines(lines))
    }

    fn number(&self, key: &str, at: usize) -> Option<f64> {
        self.0.get(key)?.get(at).copied()
    }

    fn counter(&self, (key, at): (&str, usize), name: &str, help: &'static str, found: &mut Families) {
        if let Some(value) = self.number(key, at) {
            found.counter(name, help).set(value);
        }
    }

    fn requests(&self, key: &str, version: &str, names: &str, family: &str, found: &mut Families) {
        let counts = self.0.get(key).map_or(&[][..], Vec::as_slice);
        for (name, count) in names.split_whitespace().zip(counts.iter().skip(1)) {
            let left_out = name == "-" || (name == "Null" && family == "node_nfsd_requests_total");
            if !left_out {
                found
                    .counter(family, "Requests by procedure and version of the protocol.")
                    .add(&[("proto", version), ("method", name)], *count);
            }
        }
    }
}

pub(super) fn client(context: &Context, found: &mut Families) -> Result {
    let lines = Lines::read(&context.roots.proc("net/rpc/nfs"))?;
    for (protocol, at) in [("udp", 1), ("tcp", 2)] {
        if let Some(packets) = lines.number("net", at) {
            found.counter("node_nfs_packets_total", "Packets by protocol.").add(&[("protocol", protocol)], packets);
        }
    }
    lines.counter(("net", 3), "node_nfs_connections_total", "Connections made over TCP.", found);
    lines.counter(("rpc", 0), "node_nfs_rpcs_total", "Calls made.", found);
    lines.counter(("rpc", 1), "node_nfs_rpc_retransmissions_total", "Calls made again.", found);
    let refreshes = "node_nfs_rpc_authentication_refreshes_total";
    lines.counter(("rpc", 2), refreshes, "Credentials made anew.", found);
    for (key, version, names) in
        [("proc2", "2", VERSION_2), ("proc3", "3", VERSION_3), ("proc4", "4", VERSION_4_CLIENT)]
    {
        lines.requests(key, version, names, "node_nfs_requests_total", found);
    }
    Ok(())
}

pub(super) fn server(context: &Context, found: &mut Families) -> Result {
    let lines = Lines::read(&context.roots.proc("net/rpc/nfsd"))?;
    let counters = [
        ("rc", 0, "reply_cache_hits_total", "Requests answered again from the cache of replies."),
        ("rc", 1, "reply_cache_misses_total", "Requests that were not in the cache of replies."),
        ("rc", 2, "reply_cache_nocache_total", "Requests that need no cache of replies."),
        ("fh", 0, "file_handles_stale_total", "File handles of files that are gone."),
        ("io", 0, "disk_bytes_read_total", "Bytes read."),
        ("io", 1, "disk_bytes_written_total", "Bytes written."),
        ("ra", 11, "read_ahead_cache_not_found_total", "Reads that the read-ahead cache did not know."),
        ("net", 3, "connections_total", "Connections over TCP."),
        ("rpc", 0, "server_rpcs_total", "Calls served."),
    ];
    for (key, at, name, help) in counters {
        lines.counter((key, at), &format!("node_nfsd_{name}"), help, found);
    }
    if let Some(threads) = lines.number("th", 0) {
        found.gauge("node_nfsd_server_threads", "Threads that serve.").set(threads);
    }
    if let Some(size) = lines.number("ra", 0) {
        found.gauge("node_nfsd_read_ahead_cache_size_blocks", "Size of the read-ahead cache.").set(size);
    }
    for (label, at) in [("udp", 1), ("tcp", 2)] {
        if let Some(packets) = lines.number("net", at) {
            found.counter("node_nfsd_packets_total", "Packets by protocol.").add(&[("proto", label)], packets);
        }
    }
    for (error, at) in [("fmt", 2), ("auth", 3), ("cInt", 4)] {
        if let Some(count) = lines.number("rpc", at) {
            found.counter("node_nfsd_rpc_errors_total", "Calls refused, by reason.").add(&[("error", error)], count);
        }
    }
    for (key, version, names) in
        [("proc2", "2", VERSION_2), ("proc3", "3", VERSION_3), ("proc4ops", "4", VERSION_4_SERVER)]
    {
        lines.requests(key, version, names, "node_nfsd_requests_total", found);
    }
    Ok(())
}
