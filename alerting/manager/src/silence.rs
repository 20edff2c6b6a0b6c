//! Silences: matchers with a time in which nobody hears of the alerts that they match.

use crate::matchers::{all_match, sorted};
use crate::when;
use gantry_model::{LabelSet, MatchOp, Matcher, Timestamp};
use serde::{Deserialize, Serialize};

/// A matcher in JSON, as Alertmanager's API has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatcherJson {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    #[serde(default = "yes")]
    pub is_equal: bool,
}

fn yes() -> bool {
    true
}

impl MatcherJson {
    fn matcher(&self) -> Result<Matcher, String> {
        let op = match (self.is_equal, self.is_regex) {
            (true, false) => MatchOp::Eq,
            (false, false) => MatchOp::NotEq,
            (true, true) => MatchOp::Regex,
            (false, true) => MatchOp::NotRegex,
        };
        Matcher::new(&self.name, op, &self.value).map_err(|error| error.to_string())
    }

    pub fn of(matcher: &Matcher) -> Self {
        let is_equal = matches!(matcher.op, MatchOp::Eq | MatchOp::Regex);
        let is_regex = matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex);
        MatcherJson { name: matcher.name.clone(), value: matcher.value.clone(), is_regex, is_equal }
    }
}

/// A silence as a client asks for it; with an id it replaces another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSilence {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub matchers: Vec<MatcherJson>,
    #[serde(with = "when::instant")]
    pub starts_at: Option<Timestamp>,
    #[serde(with = "when::instant")]
    pub ends_at: Option<Timestamp>,
    pub created_by: String,
    pub comment: String,
}

/// A silence as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Silence {
    pub id: String,
    pub matchers: Vec<Matcher>,
    pub starts: Timestamp,
    pub ends: Timestamp,
    pub updated: Timestamp,
    pub created_by: String,
    pub comment: String,
}

/// Where a silence is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceState {
    Pending,
    Active,
    Expired,
}

impl SilenceState {
    pub fn as_str(self) -> &'static str {
        match self {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        }
    }
}

/// Why a silence was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    #[error("{0}")]
    Invalid(String),
    #[error("silence {0} not found")]
    NotFound(String),
}

impl NewSilence {
    /// Checks it.
    ///
    /// # Errors
    /// What is wrong.
    pub fn taken(self, now: Timestamp) -> Result<Silence, SilenceError> {
        let wrong = |text: &str| Err(SilenceError::Invalid(text.to_owned()));
        let (Some(starts), Some(ends)) = (self.starts_at, self.ends_at) else {
            return wrong("startsAt and endsAt are needed");
        };
        if starts >= ends {
            return wrong("Failed to create silence: start time must be before end time");
        }
        if ends < now {
            return wrong("Failed to create silence: end time can't be in the past");
        }
        let mut matchers = Vec::with_capacity(self.matchers.len());
        for (at, given) in self.matchers.iter().enumerate() {
            if given.name.is_empty() {
                return wrong(&format!("invalid silence: invalid label matcher {at}: invalid label name \"\""));
            }
            let matcher = given.matcher();
            matchers.push(
                matcher.map_err(|why| {
                    SilenceError::Invalid(format!("invalid silence: invalid label matcher {at}: {why}"))
                })?,
            );
        }
        if matchers.is_empty() {
            return wrong("invalid silence: at least one matcher required");
        }
        if matchers.iter().all(|matcher| matcher.matches_value("")) {
            return wrong("invalid silence: at least one matcher must not match the empty string");
        }
        let (created_by, comment) = (self.created_by, self.comment);
        Ok(Silence { id: self.id, matchers: sorted(matchers), starts, ends, updated: now, created_by, comment })
    }
}

fn second(at: Timestamp) -> i64 {
    at.nanos().div_euclid(1_000_000_000)
}

impl Silence {
    pub fn state(&self, now: Timestamp) -> SilenceState {
        if now < self.starts {
            SilenceState::Pending
        } else if now < self.ends {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }

    pub fn silences(&self, labels: &LabelSet, now: Timestamp) -> bool {
        self.state(now) == SilenceState::Active && all_match(&self.matchers, labels)
    }

    /// Whether this one can become `new`, or a new one has to stand in for it: what was silenced stays true. Clients
    /// send back the start that they were shown, which is rounded: as with Alertmanager, its second counts.
    pub fn can_become(&self, new: &Silence, now: Timestamp) -> bool {
        if self.matchers != new.matchers {
            return false;
        }
        match self.state(now) {
            SilenceState::Active => second(self.starts) == second(new.starts) && new.ends >= now,
            SilenceState::Pending => new.starts >= now,
            SilenceState::Expired => false,
        }
    }

    /// The same as a client would ask for it.
    pub fn as_new(&self) -> NewSilence {
        NewSilence {
            id: self.id.clone(),
            matchers: self.matchers.iter().map(MatcherJson::of).collect(),
            starts_at: Some(self.starts),
            ends_at: Some(self.ends),
            created_by: self.created_by.clone(),
            comment: self.comment.clone(),
        }
    }
}
