//! Policies that clients stored, by tenant and name, in the [`MetaStore`]: `scale/policy/TENANT/NAME`, as JSON.

use crate::files::query_problems;
use crate::scaler::PolicyId;
use crate::seam::Signals;
use gantry_meta::{MetaError, MetaStore, Watch};
use gantry_model::TenantId;
use gantry_platform_model::{ExecutorSpec, Policy};

pub(crate) const PREFIX: &str = "scale/policy/";

/// Why a policy was not stored, or not found.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorePolicyError {
    /// The client's fault.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    #[error("{0}")]
    NotFound(String),
    /// It stands in a file, which clients do not change.
    #[error("{0}")]
    Fixed(String),
    #[error("the policies could not be stored or read")]
    Meta(#[from] MetaError),
}

pub(crate) fn key(id: &PolicyId) -> String {
    format!("{PREFIX}{}/{}", id.tenant, id.name)
}

pub(crate) fn watch(meta: &dyn MetaStore) -> Watch {
    meta.watch(PREFIX)
}

/// All of them. One that cannot be read is said and left out.
pub(crate) async fn all(meta: &dyn MetaStore) -> Result<Vec<(PolicyId, Policy)>, MetaError> {
    let entries = meta.range(PREFIX).await?;
    let read = |entry: gantry_meta::Entry| {
        let (tenant, name) = entry.key.strip_prefix(PREFIX)?.split_once('/')?;
        let id = PolicyId { tenant: TenantId::new(tenant).ok()?, name: name.to_owned() };
        let policy = serde_json::from_slice(&entry.value);
        let policy = policy.inspect_err(|error| tracing::error!(key = entry.key, %error, "a policy cannot be read"));
        Some((id, policy.ok()?))
    };
    Ok(entries.into_iter().filter_map(read).collect())
}

/// Stores a policy in place of what has its name; `true` when there was none.
pub(crate) async fn put(
    meta: &dyn MetaStore,
    signals: &dyn Signals,
    tenant: &TenantId,
    policy: &Policy,
    most: usize,
) -> Result<bool, StorePolicyError> {
    let mut problems = policy.problems();
    if problems.is_empty() {
        problems = query_problems(policy, signals);
    }
    if let ExecutorSpec::Webhook(webhook) = &policy.executor
        && webhook.secret_file.as_ref().is_some_and(|file| file.contains(['/', '\\']) || file.starts_with('.'))
    {
        problems
            .push("executor.webhook.secretFile is the name of a file in the directory of secrets, no path".to_owned());
    }
    if !problems.is_empty() {
        return Err(StorePolicyError::Invalid(problems));
    }
    let id = PolicyId { tenant: tenant.clone(), name: policy.name.clone() };
    let stored = meta.range(&format!("{PREFIX}{tenant}/")).await?;
    let key = key(&id);
    let new = stored.iter().all(|entry| entry.key != key);
    if new && stored.len() >= most {
        return Err(StorePolicyError::Invalid(vec![format!(
            "there are {most} policies already, the most a tenant may have"
        )]));
    }
    meta.put(&key, serde_json::to_vec(policy).expect("a policy can be written as JSON")).await?;
    Ok(new)
}
