//! Lines over time as an SVG picture: axes with units, a legend, colours that can be told apart.

use std::fmt::Write;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 420.0;
/// Left, top, right, bottom.
const MARGINS: (f64, f64, f64, f64) = (70.0, 40.0, 20.0, 70.0);
/// From Okabe and Ito's palette, which people with colour blindness can tell apart.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const MARKS: usize = 6;

/// What is drawn.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    pub title: String,
    /// What the values are, with their unit.
    pub unit: String,
    pub lines: Vec<Line>,
}

/// Values at times in milliseconds since 1970; `None` interrupts the line.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub name: String,
    pub points: Vec<(i64, Option<f64>)>,
    /// A value holds until the next one.
    pub steps: bool,
}

/// From values to places.
struct Scale {
    first: i64,
    last: i64,
    highest: f64,
}

impl Scale {
    fn of(chart: &Chart) -> Scale {
        let points = || chart.lines.iter().flat_map(|line| &line.points);
        let first = points().map(|(at, _)| *at).min().unwrap_or(0);
        let last = points().map(|(at, _)| *at).max().unwrap_or(0).max(first + 1);
        let highest = points().filter_map(|(_, value)| *value).fold(0.0, f64::max);
        Scale { first, last, highest: nice(if highest > 0.0 { highest } else { 1.0 }) }
    }

    fn x(&self, at: i64) -> f64 {
        let (left, _, right, _) = MARGINS;
        left + (at - self.first) as f64 / (self.last - self.first) as f64 * (WIDTH - left - right)
    }

    fn y(&self, value: f64) -> f64 {
        let (_, top, _, bottom) = MARGINS;
        HEIGHT - bottom - value / self.highest * (HEIGHT - top - bottom)
    }
}

/// The next number at or above that begins with 1, 2 or 5.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value * (1.0 - 1e-9)).unwrap_or(value)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn time(at: i64, range: i64) -> String {
    let format = if range > 3 * 86_400_000 { "%m-%d" } else { "%m-%d %H:%M" };
    chrono::DateTime::from_timestamp_millis(at).map_or_else(String::new, |at| at.format(format).to_string())
}

/// The picture.
pub fn svg(chart: &Chart) -> String {
    let scale = Scale::of(chart);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    // Writing to a String cannot fail.
    let _ = axes(chart, &scale, &mut out);
    for (line, colour) in chart.lines.iter().zip(COLOURS.iter().cycle()) {
        let path = path(line, &scale);
        let _ = writeln!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
    }
    let _ = legend(chart, &mut out);
    out.push_str("</svg>\n");
    out
}

fn axes(chart: &Chart, scale: &Scale, out: &mut String) -> std::fmt::Result {
    let (left, top, right, bottom) = MARGINS;
    let (floor, end) = (HEIGHT - bottom, WIDTH - right);
    writeln!(out, "<text x=\"{left}\" y=\"22\" font-size=\"15\">{}</text>", escaped(&chart.title))?;
    let unit = escaped(&chart.unit);
    let middle = (top + floor) / 2.0;
    writeln!(
        out,
        "<text x=\"16\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle})\">{unit}</text>"
    )?;
    for mark in 0..MARKS {
        let share = mark as f64 / (MARKS - 1) as f64;
        let value = scale.highest * share;
        let y = scale.y(value);
        writeln!(out, "<line x1=\"{left}\" x2=\"{end}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>")?;
        let shown = (value * 1000.0).round() / 1000.0;
        writeln!(out, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{shown}</text>", left - 8.0, y + 4.0)?;
        let at = scale.first + ((scale.last - scale.first) as f64 * share) as i64;
        let (x, label) = (scale.x(at), time(at, scale.last - scale.first));
        writeln!(out, "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{floor}\" y2=\"{}\" stroke=\"#666666\"/>", floor + 5.0)?;
        writeln!(out, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>", floor + 20.0)?;
    }
    writeln!(out, "<text x=\"{end}\" y=\"{}\" text-anchor=\"end\">time (UTC)</text>", floor + 38.0)?;
    writeln!(out, "<path d=\"M{left} {top}V{floor}H{end}\" fill=\"none\" stroke=\"#666666\"/>")
}

fn path(line: &Line, scale: &Scale) -> String {
    let (mut path, mut open) = (String::new(), None);
    for (at, value) in &line.points {
        let Some(value) = value else {
            open = None;
            continue;
        };
        let (x, y) = (scale.x(*at), scale.y(*value));
        // Writing to a String cannot fail.
        let _ = match open {
            None => write!(path, "M{x:.1} {y:.1}"),
            Some(_) if line.steps => write!(path, "H{x:.1}V{y:.1}"),
            Some(_) => write!(path, "L{x:.1} {y:.1}"),
        };
        open = Some(());
    }
    path
}

fn legend(chart: &Chart, out: &mut String) -> std::fmt::Result {
    let mut x = MARGINS.0;
    let y = HEIGHT - 14.0;
    for (line, colour) in chart.lines.iter().zip(COLOURS.iter().cycle()) {
        writeln!(out, "<rect x=\"{x}\" y=\"{}\" width=\"18\" height=\"4\" fill=\"{colour}\"/>", y - 6.0)?;
        writeln!(out, "<text x=\"{}\" y=\"{y}\">{}</text>", x + 24.0, escaped(&line.name))?;
        x += 44.0 + 7.0 * line.name.chars().count() as f64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_axes_with_units_a_legend_and_lines_with_gaps() {
        let points =
            vec![(0, Some(1.0)), (60_000, Some(3.0)), (120_000, None), (180_000, Some(2.0)), (240_000, Some(2.0))];
        let line = Line { name: "a <b>".into(), points, steps: true };
        let svg = svg(&Chart { title: "Replicas".into(), unit: "replicas".into(), lines: vec![line] });
        for part in [">Replicas<", ">replicas<", "time (UTC)", "a &lt;b&gt;", ">5<", ">01-01 00:04<"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        let path = svg.split("d=\"M").nth(2).unwrap();
        assert!(path.starts_with("70.0 288.0H297.5V164.0M752.5 226.0H980.0V226.0\""), "{path}");
    }

    #[test]
    fn highest_marks_are_round() {
        for (value, mark) in [(0.7, 1.0), (1.0, 1.0), (3.0, 5.0), (12.0, 20.0), (51.0, 100.0), (1000.0, 1000.0)] {
            assert!((nice(value) - mark).abs() < 1e-9, "{value}: {}", nice(value));
        }
    }
}
