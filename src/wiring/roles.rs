//! The roles that a process can have.

use clap::ValueEnum;

/// One thing that a process does for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Receives and collects lines
    Ingest,
    /// Answers queries and live tails
    Query,
    /// Evaluates rules
    Alerting,
    /// Runs policies of scaling
    Platform,
    /// Keeps lines; the store is embedded, so every process has this role
    Store,
}

/// The roles of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    pub fn all() -> Self {
        Roles(vec![Role::Ingest, Role::Query, Role::Alerting, Role::Platform, Role::Store])
    }

    /// # Errors
    /// When there is no store to write to or read from.
    pub fn new(roles: Vec<Role>) -> Result<Self, &'static str> {
        if roles.contains(&Role::Store) {
            Ok(Roles(roles))
        } else {
            Err("the store is embedded: add store to --roles, for example --roles query,store")
        }
    }

    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}
