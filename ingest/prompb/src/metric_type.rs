//! Numbers of types of metrics, the same in both versions of remote write (`MetricMetadata.MetricType`).

use gantry_model::metric::MetricType;

/// In order of their numbers, which begin with 0.
const TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

/// The type of a number; one that is not known is `Unknown`.
pub fn metric_type(number: u64) -> MetricType {
    usize::try_from(number).ok().and_then(|at| TYPES.get(at)).copied().unwrap_or_default()
}

/// The number of a type.
pub fn metric_type_number(kind: MetricType) -> u64 {
    TYPES.iter().position(|one| *one == kind).unwrap_or_default() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_types_and_back() {
        assert!(TYPES.iter().all(|kind| metric_type(metric_type_number(*kind)) == *kind));
        assert_eq!(
            (metric_type(1), metric_type(7), metric_type(8)),
            (MetricType::Counter, MetricType::StateSet, MetricType::Unknown)
        );
    }
}
