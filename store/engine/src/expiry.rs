//! How long the lines of a tenant's streams are kept: a period for all, and others for the streams that rules choose.

use gantry_model::{LabelSet, Selector, TenantId, Timestamp};
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

/// Rules by stream: of one tenant, or of every tenant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamRules(pub Vec<(Option<TenantId>, StreamRetention)>);

impl StreamRules {
    fn of(&self, tenant: &TenantId) -> Vec<StreamRetention> {
        let is_of = |rule: &&(Option<TenantId>, StreamRetention)| rule.0.as_ref().is_none_or(|of| of == tenant);
        self.0.iter().filter(is_of).map(|(_, rule)| rule.clone()).collect()
    }
}

impl TenantExpiry {
    /// `period` is for streams without a rule.
    pub(crate) fn new(period: Option<Duration>, rules: &StreamRules, tenant: &TenantId) -> Arc<Self> {
        let mut streams = rules.of(tenant);
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
        let own = (Some(TenantId::new("other").unwrap()), rule("a.*", Some(1), 9));
        let rules = StreamRules(rules.map(|rule| (None, rule)).into_iter().chain([own]).collect());
        let expiry = TenantExpiry::new(Some(Duration::from_secs(50)), &rules, &TenantId::default_tenant());
        assert_eq!(cutoff(&expiry, "aa"), 995);
        assert_eq!(cutoff(&expiry, "ab"), 900);
        assert_eq!(cutoff(&expiry, "x"), -1);
        assert_eq!(cutoff(&expiry, "other"), 950);
        assert_eq!(expiry.earliest(Timestamp::from_secs(1000)), Timestamp::MIN);
        assert_eq!(expiry.latest(Timestamp::from_secs(1000)), Timestamp::from_secs(995));
        let at = expiry.gone_at(&LabelSet::from_pairs([("app", "aa")]), Timestamp::from_secs(7));
        assert_eq!(at, Timestamp(12_000_000_001));
    }

    #[test]
    fn without_rules_the_period_of_the_tenant_holds() {
        let of = |period| TenantExpiry::new(period, &StreamRules::default(), &TenantId::default_tenant());
        let expiry = of(Some(Duration::from_secs(50)));
        assert_eq!(cutoff(&expiry, "x"), 950);
        assert_eq!(expiry.earliest(Timestamp::from_secs(1000)), expiry.latest(Timestamp::from_secs(1000)));
        assert_eq!(cutoff(&of(None), "x"), -1);
    }
}
