//! [`Secret`]: what logs and dumps of the configuration never show.

use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A text that is never shown: its `Debug` and its serialised form are `<secret>`, the word of Prometheus, whose
/// tools know it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }

    /// For those who have to send or compare it; never for a log.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn shown(&self) -> &'static str {
        if self.0.is_empty() { "" } else { "<secret>" }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            (format!("{secret:?}"), serde_json::to_string(&secret).unwrap()),
            ("\"<secret>\"".into(), "\"<secret>\"".into())
        );
        assert_eq!(serde_json::to_string(&Secret::default()).unwrap(), "\"\"");
    }
}
