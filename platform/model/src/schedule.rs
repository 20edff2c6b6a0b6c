//! [`Schedule`]: other least and most replicas at certain times.

use crate::cron::Cron;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// From each `start` to the next `end`. In force while the next end comes before the next start, as with KEDA's cron scaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Schedule {
    pub name: String,
    /// A name of the IANA time zone database.
    #[serde(default = "utc")]
    pub timezone: String,
    /// Five fields of cron.
    pub start: String,
    pub end: String,
    /// At least so many, but not more than the policy allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<u32>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
    /// Just so many; in place of the other two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Schedule {
    /// The zone, the start and the end.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn times(&self) -> Result<(Tz, Cron, Cron), String> {
        let zone = self.timezone.parse::<Tz>();
        let zone = zone
            .map_err(|_| format!("timezone {:?} is none of the IANA database, such as Europe/Berlin", self.timezone))?;
        let cron = |name: &str, text: &str| Cron::parse(text).map_err(|why| format!("{name}: {why}"));
        Ok((zone, cron("start", &self.start)?, cron("end", &self.end)?))
    }

    /// Whether it is in force at an instant (milliseconds since 1970). A schedule that cannot be read never is.
    pub fn in_force(&self, now_ms: i64) -> bool {
        let Ok((zone, start, end)) = self.times() else { return false };
        match (start.next(now_ms, zone), end.next(now_ms, zone)) {
            (Some(start), Some(end)) => end < start,
            (None, Some(_)) => true,
            _ => false,
        }
    }

    /// Least and most replicas while it is in force.
    pub fn range(&self) -> (Option<u32>, Option<u32>) {
        match self.replicas {
            Some(exact) => (Some(exact), Some(exact)),
            None => (self.min_replicas, self.max_replicas),
        }
    }

    pub(crate) fn problems(&self, most: u32) -> Vec<String> {
        let mut found = Vec::new();
        if let Err(why) = self.times() {
            found.push(why);
        }
        if self.start == self.end {
            found.push("start and end are the same".to_owned());
        }
        let of_range = self.min_replicas.is_some() || self.max_replicas.is_some();
        match (self.replicas.is_some(), of_range) {
            (false, false) => found.push("replicas, minReplicas or maxReplicas is needed".to_owned()),
            (true, true) => found.push("replicas goes without minReplicas and maxReplicas".to_owned()),
            _ => {}
        }
        let (least, highest) = self.range();
        if least.is_some_and(|least| least > highest.unwrap_or(most)) || highest.is_some_and(|highest| highest > most) {
            found.push(format!("its replicas must lie in order and not above the policy's maxReplicas of {most}"));
        }
        if highest == Some(0) {
            found.push("maxReplicas must be at least 1".to_owned());
        }
        found
    }
}
