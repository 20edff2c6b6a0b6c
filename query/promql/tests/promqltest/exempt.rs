//! Cases of Prometheus' scripts that do not pass: script, line, why. Each must be met and must fail: one that passes is to be taken
//! from here. All are of features that Prometheus itself marks as experimental.

const STARTS: &str = "the experimental start timestamps of samples are not stored";

#[rustfmt::skip]
pub const EXEMPT: &[(&str, &str, &str)] = &[
    ("start_timestamps", "eval range from 7m to 15m step 1m increase(cumulative[5m])", STARTS),
    ("start_timestamps", "eval range from 7m to 15m step 1m rate(cumulative[5m])", STARTS),
    ("start_timestamps", "eval range from 7m to 15m step 1m irate(cumulative[5m])", STARTS),
    ("start_timestamps", "eval range from 7m to 15m step 1m round(increase(cumulative[5m1ms]))", STARTS),
    ("start_timestamps", "eval range from 7m to 15m step 1m resets(cumulative[5m])", STARTS),
    ("start_timestamps", "eval range from 10m to 15m step 1m increase(delta[5m])", STARTS),
    ("start_timestamps", "eval range from 10m to 15m step 1m rate(delta[5m])", STARTS),
    ("start_timestamps", "eval range from 10m to 15m step 1m irate(delta[5m])", STARTS),
    ("start_timestamps", "eval instant at 6m increase(series[5m])", STARTS),
    ("start_timestamps", "eval instant at 5m increase(series[5m])", STARTS),
    ("start_timestamps", "eval instant at 3m round(increase(series[1m1ms]))", STARTS),
    ("start_timestamps", "eval instant at 3m rate(series[5m])", STARTS),
    ("start_timestamps", r#"eval instant at 4m rate(counter_total{type!="overlap"}[3m])"#, STARTS),
    ("start_timestamps", r#"eval instant at 4m rate(counter_total{type="overlap"}[3m])"#, STARTS),
    ("start_timestamps", "eval instant at 4m rate(counter_total[3m])", STARTS),
    ("start_timestamps", "eval range from 0s to 110s step 5s start_timestamp(series)", STARTS),
    ("start_timestamps", "eval range from 10s to 50s step 10s start_timestamp(series * 1)", STARTS),
];
