//! The routing tree: which receivers an alert goes to, and in which groups.

use crate::config::{Config, RouteConfig};
use crate::interval::TimeInterval;
use crate::matchers::{all_match, parse_matchers, sorted};
use gantry_model::{LabelSet, MatchOp, Matcher, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// A node of the tree with everything that it has from those above. Durations are nanoseconds.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its number in the order of the tree.
    pub index: usize,
    /// Names it: the matchers from the root on.
    pub key: String,
    pub receiver: String,
    matchers: Vec<Matcher>,
    goes_on: bool,
    group_by: GroupBy,
    pub group_wait: i64,
    pub group_interval: i64,
    pub repeat_interval: i64,
    mute: Vec<Arc<Interval>>,
    active: Vec<Arc<Interval>>,
    routes: Vec<Route>,
}

#[derive(Clone, Debug)]
enum GroupBy {
    All,
    Labels(BTreeSet<String>),
}

/// A name with times.
#[derive(Debug)]
pub struct Interval {
    pub name: String,
    times: Vec<TimeInterval>,
}

impl Interval {
    fn contains(&self, at: Timestamp) -> bool {
        self.times.iter().any(|time| time.contains(at))
    }
}

/// The matchers of a node, of all three ways to write them.
///
/// # Errors
/// What is wrong with one.
pub fn matchers(
    equal: &BTreeMap<String, String>,
    like: &BTreeMap<String, String>,
    written: &[String],
) -> Result<Vec<Matcher>, String> {
    let one = |op: MatchOp| {
        move |(name, value): (&String, &String)| Matcher::new(name, op, value).map_err(|error| error.to_string())
    };
    let mut all: Vec<Matcher> = equal.iter().map(one(MatchOp::Eq)).collect::<Result<_, _>>()?;
    // Alertmanager anchors these where it reads them, which shows in the keys of groups.
    let anchored: BTreeMap<String, String> =
        like.iter().map(|(name, value)| (name.clone(), format!("^(?:{value})$"))).collect();
    all.extend(anchored.iter().map(one(MatchOp::Regex)).collect::<Result<Vec<_>, _>>()?);
    for text in written {
        all.extend(parse_matchers(text)?);
    }
    Ok(sorted(all))
}

impl Route {
    /// The tree of a configuration that has been checked.
    pub fn tree(config: &Config) -> Route {
        let intervals: BTreeMap<&str, Arc<Interval>> = config
            .intervals()
            .map(|one| {
                (one.name.as_str(), Arc::new(Interval { name: one.name.clone(), times: one.time_intervals.clone() }))
            })
            .collect();
        let root = config.route.clone().unwrap_or_default();
        Route::new(&root, None, &intervals, &mut 0)
    }

    fn new(
        config: &RouteConfig,
        parent: Option<&Route>,
        intervals: &BTreeMap<&str, Arc<Interval>>,
        next: &mut usize,
    ) -> Route {
        let group_by = match config.group_by.as_deref() {
            Some([all]) if all == "..." => GroupBy::All,
            Some(names) => GroupBy::Labels(names.iter().cloned().collect()),
            None => parent.map_or(GroupBy::Labels(BTreeSet::new()), |parent| parent.group_by.clone()),
        };
        let inherited = |own: Option<i64>, of: fn(&Route) -> i64, default| own.unwrap_or(parent.map_or(default, of));
        // They were checked when the configuration was read.
        let matchers = matchers(&config.equal, &config.like, &config.matchers).unwrap_or_default();
        let shown: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        let own_key = format!("{{{}}}", shown.join(","));
        let named = |names: &[String]| names.iter().filter_map(|name| intervals.get(name.as_str()).cloned()).collect();
        let receiver = match (config.receiver.as_str(), parent) {
            ("", Some(parent)) => parent.receiver.clone(),
            (own, _) => own.to_owned(),
        };
        let mut route = Route {
            index: *next,
            key: parent.map_or(own_key.clone(), |parent| format!("{}/{own_key}", parent.key)),
            receiver,
            matchers,
            goes_on: config.goes_on,
            group_by,
            group_wait: inherited(config.group_wait, |route| route.group_wait, 30 * SECOND),
            group_interval: inherited(config.group_interval, |route| route.group_interval, 300 * SECOND),
            repeat_interval: inherited(config.repeat_interval, |route| route.repeat_interval, 4 * 3600 * SECOND),
            mute: named(&config.mute_time_intervals),
            active: named(&config.active_time_intervals),
            routes: Vec::new(),
        };
        *next += 1;
        route.routes = config.routes.iter().map(|below| Route::new(below, Some(&route), intervals, next)).collect();
        route
    }

    /// The nodes that take an alert; none when this one does not match.
    pub fn taking(&self, labels: &LabelSet) -> Vec<&Route> {
        if !all_match(&self.matchers, labels) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for below in &self.routes {
            let taking = below.taking(labels);
            let taken = !taking.is_empty();
            found.extend(taking);
            if taken && !below.goes_on {
                break;
            }
        }
        if found.is_empty() { vec![self] } else { found }
    }

    /// The node with a number.
    pub fn at(&self, index: usize) -> Option<&Route> {
        if self.index == index { Some(self) } else { self.routes.iter().find_map(|below| below.at(index)) }
    }

    /// What an alert's group has in common.
    pub fn group_labels(&self, labels: &LabelSet) -> LabelSet {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => LabelSet::from_pairs(labels.iter().filter(|(name, _)| names.contains(*name))),
        }
    }

    /// Names of the intervals by which nothing is to be sent now. `Some` of none: because no active interval is now.
    pub fn muted_by(&self, now: Timestamp) -> Option<Vec<String>> {
        if !self.active.is_empty() && !self.active.iter().any(|interval| interval.contains(now)) {
            return Some(self.active.iter().map(|interval| interval.name.clone()).collect());
        }
        let muting: Vec<String> =
            self.mute.iter().filter(|interval| interval.contains(now)).map(|interval| interval.name.clone()).collect();
        (!muting.is_empty()).then_some(muting)
    }
}
