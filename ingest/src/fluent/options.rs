//! [`FluentOptions`].

use crate::Secret;
use crate::options::duration;
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a Fluent Forward listener reads. Which fields of a record mean what is said in `[ingest.documents]`; the tag is the
/// label `tag`. Durations are written as `"200ms"`; sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FluentOptions {
    /// Whose lines they are. Default `default`.
    pub tenant: TenantId,
    /// When it is not empty, clients prove that they know it before anything else is read. Default empty.
    pub shared_key: Secret,
    /// The name that this server gives in the handshake. Default `gantry`.
    pub hostname: String,
    /// Largest message, in bytes; a connection with a larger one is closed. Default 16 MiB.
    pub max_message_bytes: usize,
    /// Most connections at a time; further ones are closed at once and counted. Default 256.
    pub max_connections: usize,
    /// A connection that is silent for so long is closed. Default 1 hour.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// How long a client may take for the handshake, and to send the rest of a message. Default 30 seconds.
    #[serde(with = "duration")]
    pub message_timeout: Duration,
}

impl Default for FluentOptions {
    fn default() -> Self {
        FluentOptions {
            tenant: TenantId::default_tenant(),
            shared_key: Secret::default(),
            hostname: "gantry".to_owned(),
            max_message_bytes: 16 << 20,
            max_connections: 256,
            idle_timeout: Duration::from_secs(3600),
            message_timeout: Duration::from_secs(30),
        }
    }
}
