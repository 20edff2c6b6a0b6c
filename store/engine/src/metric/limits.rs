//! What holds for the metrics of one tenant: `[store.metrics]`, and `[store.metrics.tenants.NAME]` where that says otherwise.

use super::options::{MetricOptions, millis};
use super::thin::RESOLUTIONS;
use crate::units::{optional_duration, some_byte_size, some_duration};
use gantry_model::TenantId;
use gantry_store_api::RejectReason;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings of one tenant in place of the general ones; what is not set is as for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricTenant {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_series: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_new_series_per_hour: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_labels: Option<usize>,
    #[serde(with = "some_byte_size", skip_serializing_if = "Option::is_none")]
    pub max_label_name: Option<u64>,
    #[serde(with = "some_byte_size", skip_serializing_if = "Option::is_none")]
    pub max_label_value: Option<u64>,
    #[serde(with = "some_duration", skip_serializing_if = "Option::is_none")]
    pub out_of_order_window: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Kept>,
    #[serde(with = "some_duration", skip_serializing_if = "Option::is_none")]
    pub keep_5m: Option<Duration>,
    #[serde(with = "some_duration", skip_serializing_if = "Option::is_none")]
    pub keep_1h: Option<Duration>,
}

/// How long; `"forever"` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kept(#[serde(with = "optional_duration")] pub Option<Duration>);

/// Limits that are in force for a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub max_series: u64,
    pub max_new_series_per_hour: u64,
    pub max_labels: usize,
    pub max_label_name: u64,
    pub max_label_value: u64,
    pub out_of_order_window: Duration,
    pub max_future_ms: i64,
}

impl MetricOptions {
    pub(crate) fn limits_of(&self, tenant: &TenantId) -> Limits {
        let none = MetricTenant::default();
        let own = self.tenants.get(tenant).unwrap_or(&none);
        Limits {
            max_series: own.max_series.unwrap_or(self.max_series),
            max_new_series_per_hour: own.max_new_series_per_hour.unwrap_or(self.max_new_series_per_hour),
            max_labels: own.max_labels.unwrap_or(self.max_labels),
            max_label_name: own.max_label_name.unwrap_or(self.max_label_name),
            max_label_value: own.max_label_value.unwrap_or(self.max_label_value),
            out_of_order_window: own.out_of_order_window.unwrap_or(self.out_of_order_window),
            max_future_ms: millis(self.max_future),
        }
    }

    /// How long the tenant's samples of a resolution in milliseconds are kept, 0 being all samples; `None` for ever.
    pub(crate) fn retention_of(&self, tenant: &TenantId, resolution_ms: i64) -> Option<Duration> {
        let own = self.tenants.get(tenant);
        let retention = own.and_then(|own| own.retention).unwrap_or(Kept(self.retention)).0;
        let keep_5m = own.and_then(|own| own.keep_5m).unwrap_or(self.keep_5m);
        let keep_1h = own.and_then(|own| own.keep_1h).unwrap_or(self.keep_1h);
        let kept = |resolution: i64, keep: Duration| if resolution_ms >= resolution { keep } else { Duration::ZERO };
        Some(retention?.max(kept(RESOLUTIONS[0], keep_5m)).max(kept(RESOLUTIONS[1], keep_1h)))
    }
}

impl Limits {
    pub(crate) fn window_ms(&self) -> i64 {
        millis(self.out_of_order_window)
    }

    /// What is wrong in words, and what to do.
    pub(crate) fn explain(&self, reason: RejectReason) -> String {
        let raise = |setting: &str| {
            format!("raise store.metrics.{setting}, or {setting} of the tenant in store.metrics.tenants")
        };
        match reason {
            RejectReason::OutOfOrder => format!(
                "is older than the newest of its series by more than {}; send in order or {}",
                humantime::format_duration(self.out_of_order_window),
                raise("out_of_order_window")
            ),
            RejectReason::DuplicateTimestamp => "has another value already; send each instant once".to_owned(),
            RejectReason::TooFarInFuture => "is too far ahead of the clock; check the sender's clock".to_owned(),
            RejectReason::SeriesLimit => format!(
                "would be one series more than the {} that a tenant may have; send fewer or {}",
                self.max_series,
                raise("max_series")
            ),
            RejectReason::ChurnLimit => format!(
                "would be one new series more than the {} of an hour; look for labels whose values keep changing, or {}",
                self.max_new_series_per_hour,
                raise("max_new_series_per_hour")
            ),
            RejectReason::LabelLimit => format!(
                "has more than {} labels, or a name of more than {} or a value of more than {} bytes",
                self.max_labels, self.max_label_name, self.max_label_value
            ),
            RejectReason::InvalidHistogram => "is a histogram that contradicts itself".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tenant_does_not_set_is_as_for_all() {
        let text = r#"{"max_series": 7, "retention": "30d", "keep_1h": "400d",
            "tenants": {"red": {"max_series": 9, "max_label_value": "2KiB", "retention": "forever"}, "blue": {"retention": "1d"}}}"#;
        let options: MetricOptions = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::from_str::<MetricOptions>(&serde_json::to_string(&options).unwrap()).unwrap(), options);
        let tenant = |name: &str| TenantId::new(name).unwrap();
        let (red, blue, other) = (tenant("red"), tenant("blue"), tenant("other"));
        let series = [&red, &blue, &other].map(|tenant| options.limits_of(tenant).max_series);
        assert_eq!((series, options.limits_of(&red).max_label_value), ([9, 7, 7], 2048));
        let day = |days: u64| Some(Duration::from_secs(days * 86_400));
        let kept = [&red, &blue, &other].map(|tenant| options.retention_of(tenant, 0));
        assert_eq!(kept, [None, day(1), day(30)]);
        assert_eq!(options.retention_of(&blue, RESOLUTIONS[1]), day(400));
    }
}
