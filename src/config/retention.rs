//! `[retention]`: how long the lines of single streams are kept, in place of `store.retention` and that of their tenant.

use super::Problem;
use gantry_model::{Selector, TenantId};
use gantry_query::LineSelection;
use gantry_store::{StreamRetention, StreamRules};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// Rules by stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionOptions {
    /// Each written as [[retention.streams]].
    pub streams: Vec<StreamRule>,
}

/// How long the lines of the streams are kept that a selector chooses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamRule {
    /// Whose streams; without it those of every tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// In LogQL: {namespace="dev"}.
    pub selector: String,
    /// "24h", or "forever".
    pub period: Period,
    /// Of several rules that match a stream the one with the highest priority counts; of equals the shortest period.
    #[serde(default)]
    pub priority: u32,
}

/// How long; `None` is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Option<Duration>);

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(period) => serializer.collect_str(&humantime::format_duration(period)),
            None => serializer.serialize_str("forever"),
        }
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "forever" {
            return Ok(Period(None));
        }
        let wrong = |e| serde::de::Error::custom(format!("{text:?} is neither \"forever\" nor a duration: {e}"));
        humantime::parse_duration(&text).map(|period| Period(Some(period))).map_err(wrong)
    }
}

impl RetentionOptions {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        for (at, rule) in self.streams.iter().enumerate() {
            if let Err(wrong) = selector(&rule.selector) {
                problems.push(Problem::new(format!("retention.streams[{at}].selector"), wrong));
            }
        }
    }

    /// The rules as the store takes them. Those whose selector is wrong are left out; [`RetentionOptions::check`] names them.
    pub(super) fn rules(&self) -> StreamRules {
        let rule = |rule: &StreamRule| {
            let selector = selector(&rule.selector).ok()?;
            Some((rule.tenant.clone(), StreamRetention { selector, period: rule.period.0, priority: rule.priority }))
        };
        StreamRules(self.streams.iter().filter_map(rule).collect())
    }

    pub(super) fn periods(&self) -> impl Iterator<Item = Option<Duration>> {
        self.streams.iter().map(|rule| rule.period.0)
    }
}

fn selector(text: &str) -> Result<Selector, String> {
    let selection = LineSelection::parse(text, false).map_err(|e| e.to_string())?;
    if selection.lines.is_empty() { Ok(selection.selector) } else { Err("only label matchers can be used here".into()) }
}
