//! What a signal will be, from what it was (Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 5.2 and 8.3).
//!
//! Values stand at even distances, the newest last; gaps are `None`. A forecast is the highest value until the horizon, for
//! that is what replicas have to be ready for.

use gantry_platform_model::{Forecast, Method, quantity};
use serde::{Deserialize, Serialize};

/// Share of the values that must be known.
const KNOWN: f64 = 0.5;
/// Smoothing of level, trend and season that is tried; the one with the smallest errors of one step counts.
const SMOOTHINGS: [(f64, f64, f64); 6] =
    [(0.1, 0.0, 0.1), (0.1, 0.01, 0.3), (0.3, 0.0, 0.1), (0.3, 0.01, 0.3), (0.6, 0.0, 0.1), (0.6, 0.01, 0.3)];

/// What is expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// Thousandths.
    pub value: i64,
    /// How it came about.
    pub formula: String,
}

/// Looks ahead from `values`, of which the last is of now.
///
/// # Errors
/// Too little is known.
pub fn forecast(spec: &Forecast, values: &[Option<f64>]) -> Result<Prediction, String> {
    let season = (spec.season_seconds / spec.step_seconds.max(1)).max(1) as usize;
    let ahead = (spec.horizon_seconds.div_ceil(spec.step_seconds.max(1)) as usize).clamp(1, season);
    let wanted = season * spec.seasons as usize;
    let values = &values[values.len().saturating_sub(wanted)..];
    let known = values.iter().flatten().count();
    if values.len() < 2 * season || (known as f64) < KNOWN * values.len() as f64 {
        return Err(format!("no forecast: {known} of {wanted} values are known, and two seasons are needed"));
    }
    let (value, how) = match spec.method {
        Method::SeasonalNaive => seasonal_naive(values, season, ahead)?,
        Method::HoltWinters => holt_winters(&filled(values, season), season, ahead),
    };
    // A forecast below nothing is none.
    let value = quantity::of(value.max(0.0)).ok_or("no forecast: the values are too large")?;
    Ok(Prediction { value, formula: format!("highest of the next {} s, {how}", spec.horizon_seconds) })
}

/// The value of a season ago, and the mean change from one season to the next.
fn seasonal_naive(values: &[Option<f64>], season: usize, ahead: usize) -> Result<(f64, String), String> {
    let changes = values[season..].iter().zip(values).filter_map(|(later, earlier)| Some((*later)? - (*earlier)?));
    let (count, sum) = changes.fold((0_u32, 0.0), |(count, sum), change| (count + 1, sum + change));
    let drift = if count == 0 { 0.0 } else { sum / f64::from(count) };
    let then = &values[values.len() - season..][..ahead];
    let highest = then.iter().flatten().copied().reduce(f64::max);
    let highest = highest.ok_or("no forecast: nothing is known of this time a season ago")?;
    Ok((highest + drift, format!("{highest:.3} a season ago with a change of {drift:+.3} a season")))
}

/// Gaps have the value of a season ago, or else the last one.
fn filled(values: &[Option<f64>], season: usize) -> Vec<f64> {
    let mut last = values.iter().flatten().copied().next().unwrap_or_default();
    let mut full: Vec<f64> = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        last = value.unwrap_or_else(|| if at >= season { full[at - season] } else { last });
        full.push(last);
    }
    full
}

/// Level, trend and season after all values, and the sum of the squared errors on the way.
fn smooth(values: &[f64], season: usize, (alpha, beta, gamma): (f64, f64, f64)) -> (f64, f64, Vec<f64>, f64) {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (mut level, second) = (mean(&values[..season]), mean(&values[season..2 * season]));
    let mut trend = (second - level) / season as f64;
    let mut seasonal: Vec<f64> = values[..season].iter().map(|value| value - level).collect();
    let mut errors = 0.0;
    for (at, value) in values.iter().enumerate().skip(season) {
        let of_season = seasonal[at % season];
        let error = value - (level + trend + of_season);
        errors += error * error;
        let before = level;
        level = alpha * (value - of_season) + (1.0 - alpha) * (level + trend);
        trend = beta * (level - before) + (1.0 - beta) * trend;
        seasonal[at % season] = gamma * (value - level) + (1.0 - gamma) * of_season;
    }
    (level, trend, seasonal, errors)
}

fn holt_winters(values: &[f64], season: usize, ahead: usize) -> (f64, String) {
    let tried = SMOOTHINGS.map(|smoothing| (smoothing, smooth(values, season, smoothing)));
    let best = tried.iter().min_by(|(_, a), (_, b)| a.3.total_cmp(&b.3));
    let Some(((alpha, beta, gamma), (level, trend, seasonal, _))) = best else { return (0.0, String::new()) };
    let at = |step: usize| level + trend * step as f64 + seasonal[(values.len() - 1 + step) % season];
    let highest = (1..=ahead).map(at).fold(f64::MIN, f64::max);
    let how = format!("level {level:.3}, trend {trend:+.5} a step, smoothing {alpha}/{beta}/{gamma}");
    (highest, how)
}
