//! The section `[scale]`.

use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Which policies are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScaleOptions {
    /// Files with policies of scaling, as globs. Default none.
    pub files: Vec<String>,
    /// Whose data the files speak of. Default: the default tenant.
    pub tenant: TenantId,
    /// How often files are looked at for changes, in seconds. Default 5.
    pub reload_seconds: u32,
    /// Policies that are looked at at a time. Default 8.
    pub concurrency: usize,
    /// Decisions that are kept of each policy. Default 50.
    pub decisions: u32,
    /// Most policies that clients may store for a tenant. Default 200.
    pub tenant_policies: usize,
    /// Where the files are that policies name as secretFile. Default "secrets".
    pub secrets: PathBuf,
}

impl Default for ScaleOptions {
    fn default() -> Self {
        ScaleOptions {
            files: Vec::new(),
            tenant: TenantId::default_tenant(),
            reload_seconds: 5,
            concurrency: 8,
            decisions: 50,
            tenant_policies: 200,
            secrets: PathBuf::from("secrets"),
        }
    }
}

impl ScaleOptions {
    /// What is wrong: the name of the option and why.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for pattern in &self.files {
            if let Err(error) = glob::Pattern::new(pattern) {
                found.push(("files", format!("{pattern:?} is no glob pattern: {error}")));
            }
        }
        for (name, value) in [("reload_seconds", self.reload_seconds as usize), ("concurrency", self.concurrency)] {
            if value == 0 {
                found.push((name, "must be at least 1".to_owned()));
            }
        }
        if !(1..=1000).contains(&self.decisions) {
            found.push(("decisions", "must be between 1 and 1000".to_owned()));
        }
        found
    }
}
