//! Whose data it is.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Name of a tenant: 1 to 150 of `A-Z a-z 0-9 _ - .`, and not `.` or `..`, so that it can be a path segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

/// Why a tenant name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid tenant {0:?}: use 1 to 150 letters, digits, '_', '-' or '.'")]
pub struct InvalidTenant(pub String);

impl TenantId {
    /// Who a request without a tenant header speaks for.
    pub const DEFAULT: &str = "default";
    /// Gantry's own logs. Clients may read it, only Gantry writes it.
    pub const SELF: &str = "_gantry";

    pub fn new(name: &str) -> Result<Self, InvalidTenant> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        if name.is_empty() || name.len() > 150 || name == "." || name == ".." || !name.bytes().all(legal) {
            return Err(InvalidTenant(name.chars().take(200).collect()));
        }
        Ok(TenantId(name.into()))
    }

    pub fn default_tenant() -> Self {
        TenantId(Self::DEFAULT.into())
    }

    pub fn self_tenant() -> Self {
        TenantId(Self::SELF.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reserved names start with an underscore; no client may write to them.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('_')
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidTenant;
    fn try_from(name: String) -> Result<Self, InvalidTenant> {
        TenantId::new(&name)
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> String {
        tenant.0.to_string()
    }
}
