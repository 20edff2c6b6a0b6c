//! What goes into a transaction and what comes out.

use std::sync::Arc;

/// One key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub value: Arc<[u8]>,
    /// Revision of the transaction that wrote it last.
    pub version: u64,
}

/// A condition of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    pub key: String,
    pub expect: Expect,
}

/// What a key has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Absent,
    Present,
    Version(u64),
}

impl Compare {
    pub fn new(key: impl Into<String>, expect: Expect) -> Self {
        Compare { key: key.into(), expect }
    }

    /// Whether the condition holds for a key with this version, `None` for an absent one.
    pub(crate) fn holds(&self, version: Option<u64>) -> bool {
        match self.expect {
            Expect::Absent => version.is_none(),
            Expect::Present => version.is_some(),
            Expect::Version(expected) => version == Some(expected),
        }
    }
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Put {
        key: String,
        value: Arc<[u8]>,
    },
    /// Deleting an absent key is no error.
    Delete {
        key: String,
    },
}

impl Op {
    pub fn put(key: impl Into<String>, value: impl Into<Arc<[u8]>>) -> Self {
        Op::Put { key: key.into(), value: value.into() }
    }

    pub fn delete(key: impl Into<String>) -> Self {
        Op::Delete { key: key.into() }
    }

    pub fn key(&self) -> &str {
        match self {
            Op::Put { key, .. } | Op::Delete { key } => key,
        }
    }
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a transaction whose compare failed changed nothing"]
pub enum TxnOutcome {
    /// Done; versions of the written keys are this revision.
    Committed { revision: u64 },
    /// Nothing was changed, because the compare on this key failed.
    Conflict { key: String },
}

/// Of several operations on one key only the last one stays; order is kept otherwise.
pub(crate) fn last_per_key(ops: Vec<Op>) -> Vec<Op> {
    let mut kept: Vec<Op> = Vec::with_capacity(ops.len());
    let mut seen = std::collections::HashSet::new();
    for op in ops.into_iter().rev() {
        if seen.insert(op.key().to_owned()) {
            kept.push(op);
        }
    }
    kept.reverse();
    kept
}
