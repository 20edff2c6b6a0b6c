//! A report as a picture (SVG): a row for each alert, with bars where it was pending and where it fired.

use crate::report::{Episode, Report};
use chrono::DateTime;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Rows that are drawn; those that fired longest.
const MAX_ROWS: usize = 40;
const WIDTH: f64 = 1200.0;
/// Room for the names of rows.
const LEFT: f64 = 360.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 76.0;
const ROW: f64 = 22.0;
/// Most letters of the name of a row.
const LETTERS: usize = 52;
const TICKS: i64 = 8;
// Of Okabe and Ito, for people with colour blindness, too.
const PENDING: &str = "#56b4e9";
const FIRING: &str = "#d55e00";

/// Nice distances of ticks, in milliseconds.
const DISTANCES: [i64; 16] = [
    1_000,
    5_000,
    15_000,
    60_000,
    300_000,
    900_000,
    1_800_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    604_800_000,
    1_209_600_000,
    2_592_000_000,
];

/// Draws the alerts of a report over time.
pub fn chart(report: &Report) -> String {
    let mut rows: BTreeMap<(&str, String), Vec<&Episode>> = BTreeMap::new();
    for episode in &report.episodes {
        rows.entry((&episode.group, episode.labels.to_string())).or_default().push(episode);
    }
    let firing = |episodes: &[&Episode]| episodes.iter().map(|one| one.firing_ms(report.end_ms)).sum::<i64>();
    let mut rows: Vec<Vec<&Episode>> = rows.into_values().collect();
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.sort_by_key(|episodes| std::cmp::Reverse(firing(episodes)));
    rows.truncate(MAX_ROWS);
    rows.sort_by_key(|episodes| (episodes[0].alert().to_owned(), episodes[0].fired_ms));
    let bottom = TOP + ROW * rows.len().max(1) as f64;
    let mut out = String::new();
    head(report, bottom, left_out, &mut out);
    time_axis(report, bottom, &mut out);
    for (at, episodes) in rows.iter().enumerate() {
        row(report, TOP + ROW * at as f64, episodes, &mut out);
    }
    if rows.is_empty() {
        let middle = TOP + ROW * 0.7;
        put(&mut out, &format!("<text x=\"{}\" y=\"{middle}\" fill=\"#555\">no alert fired</text>", LEFT + 8.0));
    }
    out + "</svg>\n"
}

fn put(out: &mut String, element: &str) {
    // Writing to a string never fails.
    let _ = writeln!(out, "{element}");
}

fn x(report: &Report, at_ms: i64) -> f64 {
    let span = (report.end_ms - report.start_ms).max(1) as f64;
    let share = (at_ms - report.start_ms) as f64 / span;
    LEFT + (WIDTH - LEFT - RIGHT) * share.clamp(0.0, 1.0)
}

/// Title and legend.
fn head(report: &Report, bottom: f64, left_out: usize, out: &mut String) {
    let height = bottom + 58.0;
    put(
        out,
        &format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>"
        ),
    );
    let more = if left_out > 0 {
        format!("; {left_out} alerts that fired for less time are not drawn")
    } else {
        String::new()
    };
    let title = format!(
        "{} to {} UTC: alerts that fired: {}, notifications: {}{more}",
        moment(report.start_ms, "%Y-%m-%d %H:%M"),
        moment(report.end_ms, "%Y-%m-%d %H:%M"),
        report.fired,
        report.notified
    );
    put(out, &format!("<text x=\"16\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{}</text>", escaped(&title)));
    for (at, color, text) in [(0.0, PENDING, "pending"), (96.0, FIRING, "firing")] {
        let left = LEFT + at;
        put(out, &format!("<rect x=\"{left}\" y=\"38\" width=\"14\" height=\"12\" fill=\"{color}\"/>"));
        put(out, &format!("<text x=\"{}\" y=\"48\">{text}</text>", left + 20.0));
    }
    put(out, &format!("<text x=\"16\" y=\"{}\" fill=\"#555\">alert</text>", TOP - 8.0));
}

/// Ticks at whole times of UTC.
fn time_axis(report: &Report, bottom: f64, out: &mut String) {
    let span = (report.end_ms - report.start_ms).max(1);
    let fits = |distance: &&i64| span / **distance <= TICKS;
    let distance = DISTANCES.iter().find(fits).copied().unwrap_or_else(|| (span / TICKS).max(1));
    let format = if distance >= 86_400_000 {
        "%m-%d"
    } else if distance >= 60_000 {
        "%m-%d %H:%M"
    } else {
        "%H:%M:%S"
    };
    let mut at_ms = report.start_ms.saturating_add(distance - 1).div_euclid(distance) * distance;
    while at_ms <= report.end_ms {
        let (place, text) = (x(report, at_ms), moment(at_ms, format));
        put(out, &format!("<line x1=\"{place:.1}\" y1=\"{TOP}\" x2=\"{place:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>"));
        put(out, &format!("<text x=\"{place:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>", bottom + 18.0));
        at_ms += distance;
    }
    let right = WIDTH - RIGHT;
    put(out, &format!("<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#333\"/>"));
    let middle = (LEFT + right) / 2.0;
    let below = bottom + 40.0;
    put(out, &format!("<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\" fill=\"#555\">time (UTC)</text>"));
}

fn row(report: &Report, top: f64, episodes: &[&Episode], out: &mut String) {
    let labels = episodes[0].labels.iter().filter(|(name, _)| *name != "alertname");
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let full = format!("{} {}", episodes[0].alert(), labels.join(" "));
    let mut short: String = full.chars().take(LETTERS).collect();
    if short.len() < full.len() {
        short.push('…');
    }
    let line = top + ROW * 0.7;
    let anchor = LEFT - 10.0;
    put(
        out,
        &format!(
            "<text x=\"{anchor}\" y=\"{line:.1}\" text-anchor=\"end\">{}<title>{}</title></text>",
            escaped(short.trim_end()),
            escaped(full.trim_end())
        ),
    );
    for episode in episodes {
        let end_ms = episode.resolved_ms.unwrap_or(report.end_ms);
        let (active, fired, end) = (x(report, episode.active_ms), x(report, episode.fired_ms), x(report, end_ms));
        let (bar, height) = (top + 4.0, ROW - 8.0);
        if fired > active {
            let width = fired - active;
            put(
                out,
                &format!(
                    "<rect x=\"{active:.1}\" y=\"{bar:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{PENDING}\"/>"
                ),
            );
        }
        // One that was short is seen, too.
        let width = (end - fired).max(1.0);
        let told =
            format!("{} to {}", moment(episode.fired_ms, "%Y-%m-%d %H:%M:%S"), moment(end_ms, "%Y-%m-%d %H:%M:%S"));
        put(
            out,
            &format!(
                "<rect x=\"{fired:.1}\" y=\"{bar:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{FIRING}\"><title>{told}</title></rect>"
            ),
        );
    }
}

fn moment(at_ms: i64, format: &str) -> String {
    DateTime::from_timestamp_millis(at_ms).map_or_else(|| at_ms.to_string(), |at| at.format(format).to_string())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
