//! How long the lines of a tenant's streams are kept: a period for all, and others for the streams that rules choose.

use gantry_model::{LabelSet, Selector, TenantId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A period for the streams that a selector chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRetention {
    pub selector: Selector,
    /// `None` keeps the lines for ever.
    pub period: Option<Duration>,
    /// Of several rules that match a stream the one with the highest priority counts; of equals the shortest period.
    pub priority: u32,
}

/// What holds for one tenant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantExpiry {
    /// For streams without a rule.
    period: Option<Duration>,
    /// The one that counts first comes first.
    streams: Vec<StreamRetention>,
}

/// Rules by stream of all tenants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamRules {
    /// For tenants that have none of their own.
    pub general: Vec<StreamRetention>,
    /// In place of the general ones.
    pub tenants: BTreeMap<TenantId, Vec<StreamRetention>>,
}

impl StreamRules {
    pub(crate) fn of(&self, tenant: &TenantId) -> &[StreamRetention] {
        self.tenants.get(tenant).unwrap_or(&self.general)
    }
}

impl TenantExpiry {
    pub(crate) fn new(period: Option<Duration>, streams: &[StreamRetention]) -> Arc<Self> {
        let mut streams = streams.to_vec();
        let length = |rule: &StreamRetention| rule.period.unwrap_or(Duration::MAX);
        streams.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| length(a).cmp(&length(b))));
        Arc::new(TenantExpiry { period, streams })
    }

    /// Whether streams differ.
    pub(crate) fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Lines of the stream before this instant are past their retention; [`Timestamp::MIN`] when it is kept for ever.
    pub(crate) fn cutoff(&self, labels: &LabelSet, now: Timestamp) -> Timestamp {
        let rule = self.streams.iter().find(|rule| rule.selector.matches(labels));
        before(now, rule.map_or(self.period, |rule| rule.period))
    }

    /// When the last line of a stream, at `last`, will be past its retention.
    pub(crate) fn gone_at(&self, labels: &LabelSet, last: Timestamp) -> Timestamp {
        let rule = self.streams.iter().find(|rule| rule.selector.matches(labels));
        let nanos = |period: Duration| i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
        rule.map_or(self.period, |rule| rule.period)
            .map_or(Timestamp::MAX, |period| last.saturating_add(nanos(period).saturating_add(1)))
    }

    /// Lines before this instant are past their retention whatever their stream.
    pub(crate) fn earliest(&self, now: Timestamp) -> Timestamp {
        self.periods().map(|period| before(now, period)).min().unwrap_or(Timestamp::MIN)
    }

    /// No line from here on is past its retention.
    pub(crate) fn latest(&self, now: Timestamp) -> Timestamp {
        self.periods().map(|period| before(now, period)).max().unwrap_or(Timestamp::MIN)
    }

    fn periods(&self) -> impl Iterator<Item = Option<Duration>> {
        self.streams.iter().map(|rule| rule.period).chain([self.period])
    }
}

fn before(now: Timestamp, period: Option<Duration>) -> Timestamp {
    let nanos = |period: Duration| i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
    period.map_or(Timestamp::MIN, |period| now.saturating_sub(nanos(period)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::{MatchOp, Matcher};

    fn rule(app: &str, seconds: Option<u64>, priority: u32) -> StreamRetention {
        let selector = Selector(vec![Matcher::new("app", MatchOp::Regex, app).unwrap()]);
        StreamRetention { selector, period: seconds.map(Duration::from_secs), priority }
    }

    fn cutoff(expiry: &TenantExpiry, app: &str) -> i64 {
        let at = expiry.cutoff(&LabelSet::from_pairs([("app", app)]), Timestamp::from_secs(1000));
        if at == Timestamp::MIN { -1 } else { at.0 / 1_000_000_000 }
    }

    #[test]
    fn the_highest_priority_counts_and_of_equals_the_shortest_period() {
        let rules = [rule("a.*", Some(10), 1), rule("a.*", Some(5), 1), rule("ab", Some(100), 2), rule("x", None, 0)];
        let expiry = TenantExpiry::new(Some(Duration::from_secs(50)), &rules);
        assert_eq!(cutoff(&expiry, "aa"), 995);
        assert_eq!(cutoff(&expiry, "ab"), 900);
        assert_eq!(cutoff(&expiry, "x"), -1);
        assert_eq!(cutoff(&expiry, "other"), 950);
        assert_eq!(expiry.earliest(Timestamp::from_secs(1000)), Timestamp::MIN);
        assert_eq!(expiry.latest(Timestamp::from_secs(1000)), Timestamp::from_secs(995));
    }

    #[test]
    fn without_rules_the_period_of_the_tenant_holds() {
        let expiry = TenantExpiry::new(Some(Duration::from_secs(50)), &[]);
        assert_eq!(cutoff(&expiry, "x"), 950);
        assert_eq!(expiry.earliest(Timestamp::from_secs(1000)), expiry.latest(Timestamp::from_secs(1000)));
        assert_eq!(cutoff(&TenantExpiry::new(None, &[]), "x"), -1);
    }
}
