//! What Prometheus' promtool printed for the same numbers.

use super::{humanize, humanize_1024, humanize_duration, humanize_percentage, humanize_timestamp};

/// Number, `humanize`, `humanize1024`, `humanizeDuration`, `humanizePercentage`, and `humanizeTimestamp` without its zone; `-` for an error.
#[rustfmt::skip]
const CASES: &[(f64, &str, &str, &str, &str, &str)] = &[
    (0.0, "0", "0", "0s", "0%", "1970-01-01 00:00:00"),
    (1.0, "1", "1", "1s", "100%", "1970-01-01 00:00:01"),
    (-1.0, "-1", "-1", "-1s", "-100%", "1969-12-31 23:59:59"),
    (0.1, "100m", "0.1", "100ms", "10%", "1970-01-01 00:00:00.1"),
    (1234567.0, "1.235M", "1.177Mi", "14d 6h 56m 7s", "1.235e+08%", "1970-01-15 06:56:07"),
    (1e10, "10G", "9.313Gi", "115740d 17h 46m 40s", "1e+12%", "-"),
    (0.001234, "1.234m", "0.001234", "1.234ms", "0.1234%", "1970-01-01 00:00:00.001"),
    (-0.00056, "-560u", "-0.00056", "-560us", "-0.056%", "1970-01-01 00:00:00"),
    (1e-24, "1y", "1e-24", "1ys", "1e-22%", "1970-01-01 00:00:00"),
    (1e-27, "0.001y", "1e-27", "0.001ys", "1e-25%", "1970-01-01 00:00:00"),
    (1023.0, "1.023k", "1023", "17m 3s", "1.023e+05%", "1970-01-01 00:17:03"),
    (1024.0, "1.024k", "1ki", "17m 4s", "1.024e+05%", "1970-01-01 00:17:04"),
    (1048576.0, "1.049M", "1Mi", "12d 3h 16m 16s", "1.049e+08%", "1970-01-13 03:16:16"),
    (1.5e9, "1.5G", "1.397Gi", "17361d 2h 40m 0s", "1.5e+11%", "2017-07-14 02:40:00"),
    (-2048.0, "-2.048k", "-2ki", "-34m 8s", "-2.048e+05%", "1969-12-31 23:25:52"),
    (f64::INFINITY, "+Inf", "+Inf", "+Inf", "+Inf%", "+Inf"),
    (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf", "-Inf%", "-Inf"),
    (f64::NAN, "NaN", "NaN", "NaN", "NaN%", "NaN"),
    (999.9999, "1000", "1000", "16m 39s", "1e+05%", "1970-01-01 00:16:39.999"),
    (1000.0, "1k", "1000", "16m 40s", "1e+05%", "1970-01-01 00:16:40"),
    (123456.789, "123.5k", "120.6ki", "1d 10h 17m 36s", "1.235e+07%", "1970-01-02 10:17:36.789"),
    (0.5, "500m", "0.5", "500ms", "50%", "1970-01-01 00:00:00.5"),
    (3661.0, "3.661k", "3.575ki", "1h 1m 1s", "3.661e+05%", "1970-01-01 01:01:01"),
    (86400.5, "86.4k", "84.38ki", "1d 0h 0m 0s", "8.64e+06%", "1970-01-02 00:00:00.5"),
    (-3700.0, "-3.7k", "-3.613ki", "-1h 1m 40s", "-3.7e+05%", "1969-12-31 22:58:20"),
    (59.99, "59.99", "59.99", "59.99s", "5999%", "1970-01-01 00:00:59.99"),
    (60.0, "60", "60", "1m 0s", "6000%", "1970-01-01 00:01:00"),
    (90061.0, "90.06k", "87.95ki", "1d 1h 1m 1s", "9.006e+06%", "1970-01-02 01:01:01"),
    (0.0123, "12.3m", "0.0123", "12.3ms", "1.23%", "1970-01-01 00:00:00.012"),
    (1e-6, "1u", "1e-06", "1us", "0.0001%", "1970-01-01 00:00:00"),
    (1435065584.128, "1.435G", "1.337Gi", "16609d 13h 19m 44s", "1.435e+11%", "2015-06-23 13:19:44.128"),
    (-1.5, "-1.5", "-1.5", "-1.5s", "-150%", "1969-12-31 23:59:58.5"),
];

#[test]
fn numbers_are_written_as_promtool_writes_them() {
    for (value, plain, binary, duration, percentage, timestamp) in CASES {
        assert_eq!(humanize(*value), *plain, "humanize {value}");
        assert_eq!(humanize_1024(*value), *binary, "humanize1024 {value}");
        assert_eq!(humanize_duration(*value), *duration, "humanizeDuration {value}");
        assert_eq!(humanize_percentage(*value), *percentage, "humanizePercentage {value}");
        let shown = humanize_timestamp(*value).unwrap_or_else(|_| "-".into());
        assert_eq!(shown.trim_end_matches(" +0000 UTC"), *timestamp, "humanizeTimestamp {value}");
    }
}

#[test]
fn what_does_not_fit_is_named_or_cut() {
    let error = humanize_timestamp(1e21).unwrap_err();
    assert_eq!(error, "1e+21 cannot be represented as a nanoseconds timestamp since it overflows int64");
    assert_eq!(humanize_duration(1e24), "106751991167300d 15h 30m 7s");
}
