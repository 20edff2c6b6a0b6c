//! A look ahead only ever adds replicas.

use super::{NOW, metric, policy, signal};
use gantry_planner::{Decision, History, Observed, Prediction, Reading, Signal, forecast, plan};
use gantry_platform_model::Target::AverageValue;
use gantry_platform_model::{Forecast, Method, MetricSpec};

/// A day of 24 values, seven of them; one value ahead.
fn daily(method: Method) -> Forecast {
    Forecast { method, horizon_seconds: 3600, season_seconds: 86_400, seasons: 7, step_seconds: 3600 }
}

/// Days that go from 10 to 33 with the hour, each 2 above the one before.
fn days(hours: usize) -> Vec<Option<f64>> {
    (0..hours).map(|hour| Some((10 + hour % 24 + hour / 24 * 2) as f64)).collect()
}

#[test]
fn the_value_of_this_time_yesterday_and_the_change_from_day_to_day() {
    let found = forecast(&daily(Method::SeasonalNaive), &days(7 * 24)).unwrap();
    // The next is the first hour of the eighth day.
    assert_eq!(found.value, 24_000, "{found:?}");
    let found =
        forecast(&Forecast { horizon_seconds: 6 * 3600, ..daily(Method::SeasonalNaive) }, &days(7 * 24)).unwrap();
    assert_eq!(found.value, 29_000, "the highest of six hours: {found:?}");
}

#[test]
fn holt_and_winters_follow_level_trend_and_season() {
    let found = forecast(&daily(Method::HoltWinters), &days(7 * 24)).unwrap();
    assert!((found.value - 24_000).abs() < 1_500, "{found:?}");
    let flat: Vec<_> = (0..7 * 24).map(|_| Some(5.0)).collect();
    assert_eq!(forecast(&daily(Method::HoltWinters), &flat).unwrap().value, 5_000);
}

#[test]
fn gaps_are_bridged_and_too_many_are_said() {
    let mut values = days(7 * 24);
    for at in (0..values.len()).step_by(5) {
        values[at] = None;
    }
    for method in [Method::SeasonalNaive, Method::HoltWinters] {
        let found = forecast(&daily(method), &values).unwrap();
        assert!((found.value - 24_000).abs() < 3_000, "{method:?}: {found:?}");
    }
    for (name, values) in [("half a day", days(12)), ("nothing", vec![None; 7 * 24]), ("one day", days(24))] {
        let error = forecast(&daily(Method::SeasonalNaive), &values).unwrap_err();
        assert!(error.contains("values are known"), "{name}: {error}");
    }
}

fn see(reading: Reading, ahead: Result<i64, &str>) -> Decision {
    let spec = MetricSpec { forecast: Some(daily(Method::SeasonalNaive)), ..metric("q", AverageValue(100)) };
    let ahead = ahead.map(|value| Prediction { value, formula: "f".into() }).map_err(str::to_owned);
    let signals = [Signal { ahead: Some(ahead), ..signal("q", reading) }];
    plan(&policy(1, 20, vec![spec]), &Observed { current: 5, ready: 5 }, &signals, &History::default(), NOW)
}

#[test]
fn the_higher_of_what_is_and_what_will_be_counts() {
    let of = |value| Reading::Total(vec![value]);
    let cases = [
        ("more is expected", of(500), Ok(900), 9),
        ("less is expected", of(800), Ok(100), 8),
        ("nothing is known of the future", of(800), Err("no forecast"), 8),
        ("nothing is known of the present", Reading::Failed("x".into()), Ok(1_900), 5),
        ("what will be needed is kept", of(100), Ok(500), 5),
    ];
    for (name, reading, ahead, desired) in cases {
        assert_eq!(see(reading, ahead).desired, desired, "{name}");
    }
    assert_eq!(see(of(500), Ok(900)).message, "q will be above target");
}
