//! What a user writes: names and defaults of Prometheus' `relabel_config`.

use serde::{Deserialize, Deserializer, Serialize};

/// One rule. What is left out has Prometheus' default: the action `replace`, the regex `(.*)`, the replacement `$1`, the
/// separator `;`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelabelConfig {
    /// Labels whose values, joined by the separator, the rule looks at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_labels: Vec<String>,
    pub separator: String,
    /// Must match the whole text. Go's syntax.
    pub regex: String,
    /// Of `hashmod`.
    #[serde(skip_serializing_if = "is_zero")]
    pub modulus: u64,
    /// The label that is written, or compared.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_label: String,
    /// With `$1`, `${name}`.
    pub replacement: String,
    pub action: RelabelAction,
}

fn is_zero(modulus: &u64) -> bool {
    *modulus == 0
}

impl Default for RelabelConfig {
    fn default() -> Self {
        RelabelConfig {
            source_labels: Vec::new(),
            separator: ";".into(),
            regex: "(.*)".into(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".into(),
            action: RelabelAction::Replace,
        }
    }
}

/// What a rule does. Read in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RelabelAction {
    /// Writes the replacement to the target label where the regex matches; an empty one removes the label.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops what differs from the target label.
    KeepEqual,
    /// Drops what equals the target label.
    DropEqual,
    /// Writes the remainder of a hash, which spreads targets over several servers.
    HashMod,
    /// Copies labels whose names match to the names that the replacement gives.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Writes the values in lower case.
    Lowercase,
    /// Writes the values in upper case.
    Uppercase,
}

impl RelabelAction {
    const ALL: [RelabelAction; 11] = [
        RelabelAction::Replace,
        RelabelAction::Keep,
        RelabelAction::Drop,
        RelabelAction::KeepEqual,
        RelabelAction::DropEqual,
        RelabelAction::HashMod,
        RelabelAction::LabelMap,
        RelabelAction::LabelDrop,
        RelabelAction::LabelKeep,
        RelabelAction::Lowercase,
        RelabelAction::Uppercase,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            RelabelAction::Replace => "replace",
            RelabelAction::Keep => "keep",
            RelabelAction::Drop => "drop",
            RelabelAction::KeepEqual => "keepequal",
            RelabelAction::DropEqual => "dropequal",
            RelabelAction::HashMod => "hashmod",
            RelabelAction::LabelMap => "labelmap",
            RelabelAction::LabelDrop => "labeldrop",
            RelabelAction::LabelKeep => "labelkeep",
            RelabelAction::Lowercase => "lowercase",
            RelabelAction::Uppercase => "uppercase",
        }
    }
}

impl<'de> Deserialize<'de> for RelabelAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let found = RelabelAction::ALL.into_iter().find(|action| action.as_str().eq_ignore_ascii_case(&word));
        found.ok_or_else(|| serde::de::Error::custom(format!("unknown relabel action {word:?}")))
    }
}

/// A rule that cannot mean anything; the text is the one that Prometheus' users know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRelabel(pub String);

impl RelabelConfig {
    /// Whether the parts fit together. The regex is not looked at.
    pub fn validate(&self) -> Result<(), InvalidRelabel> {
        use RelabelAction::*;
        let action = self.action.as_str();
        let writes = matches!(self.action, Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual);
        let default = RelabelConfig::default();
        let plain = (self.modulus, &self.separator, &self.replacement) == (0, &default.separator, &default.replacement);
        let message = match self.action {
            _ if self.source_labels.iter().any(String::is_empty) => "\"\" is not a valid label name".into(),
            HashMod if self.modulus == 0 => "relabel configuration for hashmod requires non-zero modulus".into(),
            _ if writes && self.target_label.is_empty() => {
                format!("relabel configuration for {action} action requires 'target_label' value")
            }
            Lowercase | Uppercase | KeepEqual | DropEqual if self.replacement != default.replacement => {
                format!("'replacement' can not be set for {action} action")
            }
            LabelMap if self.replacement.is_empty() => format!("\"\" is invalid 'replacement' for {action} action"),
            KeepEqual | DropEqual if !plain || self.regex != default.regex => {
                format!("{action} action requires only 'source_labels' and `target_label`, and no other fields")
            }
            LabelDrop | LabelKeep if !plain || !self.source_labels.is_empty() || !self.target_label.is_empty() => {
                format!("{action} action requires only 'regex', and no other fields")
            }
            _ => return Ok(()),
        };
        Err(InvalidRelabel(message))
    }
}
