//! Random queries: typed, and kept off what Prometheus 2 and 3 are known to answer differently.
//!
//! What is generated around, with the reason:
//! - instants, ranges, steps: query times end in 7 s, steps and offsets are tens of seconds, ranges of subqueries end in
//!   3 s, so that no window begins exactly at a sample or at an instant of a subquery (left-open since 3.0);
//! - names of series: selections of several metrics stand only where names are not dropped, and no grouping or label function
//!   reads `__name__` behind a function (names are dropped late in 3);
//! - steps of value: what is rounded, compared, counted or ranked is computed exactly (the order of additions differs);
//! - ties: `topk` and `bottomk` see series whose values differ (which of equals is chosen is open);
//! - `rate` and `increase` see counters far from zero (`world` says why);
//! - time counts from the first sample: variances of large numbers are less exact in 2;
//! - `predict_linear`, `timestamp` and parameters of aggregations see no `@`, nor do ranges beside a number that changes: 2
//!   moves their windows with the steps;
//! - subqueries of what stands at `@` have an instant: Prometheus invents one;
//! - parameters of aggregations of what stands at `@` are constant: Prometheus takes such aggregations for constant;
//! - variances have finite terms: 2 answers 0 or NaN for others; sines are of small numbers: of large ones they are chance;
//! - comparisons match by all labels, or copy none that tells their series apart: 2 does not look at pairs that compare false;
//! - `atan2` stands below a minus: 2 keeps the name;
//! - `double_exponential_smoothing` is called `holt_winters` in 2: whoever asks both renames it.

use super::{Chance, END_MS, Metric, START_MS};

/// Names of labels that queries group and match by.
pub(super) const LABELS: &[&str] =
    &["job", "instance", "code", "le", "zone", "team", "version", "pod", "room", "absent"];

/// A vector's text and what may be done with it.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    pub(super) text: String,
    /// Both sides compute it without rounding in another order.
    pub(super) exact: bool,
    /// No two values are equal.
    pub(super) distinct: bool,
    /// Series of several names that are told apart by them.
    pub(super) mixed: bool,
}

impl Vector {
    pub(super) fn new(text: String) -> Self {
        Vector { text, exact: false, distinct: false, mixed: false }
    }

    pub(super) fn exact(self, exact: bool) -> Self {
        Vector { exact, ..self }
    }
}

/// Samples of ranges.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) text: String,
    pub(super) exact: bool,
    pub(super) is_counter: bool,
    pub(super) is_distinct: bool,
}

/// Makes queries.
#[derive(Debug)]
pub struct Queries<'c> {
    pub(super) chance: &'c mut Chance,
}

impl<'c> Queries<'c> {
    pub fn new(chance: &'c mut Chance) -> Self {
        Queries { chance }
    }

    /// A query that answers a vector, or now and then a scalar or a string.
    pub fn query(&mut self) -> String {
        match self.chance.below(40) {
            0 => self.scalar(3),
            1 => self.matrix(2).text,
            _ => {
                let depth = 1 + self.chance.below(4);
                self.vector(depth).text
            }
        }
    }

    /// Start, end and step in seconds; start and end are the same for an instant.
    pub fn times(&mut self) -> (i64, i64, i64) {
        let tens = (END_MS - START_MS) / 10_000 + 60;
        let start = START_MS / 1000 - 300 + self.chance.below(tens as usize) as i64 * 10 + 7;
        let step = self.chance.pick(&[10, 20, 30, 60, 60, 120, 300, 600]);
        (start, start + step * self.chance.below(40) as i64, step)
    }

    pub(super) fn number(&mut self) -> String {
        let texts = [
            "0", "1", "2", "0.5", "3.7", "10", "100", "1e3", "0x1f", "1_000", "-1", "-2.5", "0.001", "Inf", "-Inf",
            "NaN",
        ];
        let rare = if self.chance.one_in(6) { texts.len() } else { texts.len() - 3 };
        texts[self.chance.below(rare)].replace("1_000", "1000")
    }

    pub(super) fn scalar(&mut self, depth: usize) -> String {
        let choice = if depth == 0 { self.chance.below(6) } else { self.chance.below(10) };
        match choice {
            0..=3 => self.number(),
            4 if self.chance.one_in(2) => "pi()".to_owned(),
            4 => format!("(time() - {})", START_MS / 1000),
            5 => format!("({})", self.number()),
            6 | 7 => {
                let vector = self.exact_vector(depth - 1);
                let inner = if self.chance.one_in(2) { format!("count({vector})") } else { vector };
                format!("scalar({inner})")
            }
            8 => format!("-({})", self.scalar(depth - 1)),
            _ => {
                let op = self.chance.pick(&["+", "-", "*", "/", ">= bool", "== bool", "< bool"]);
                format!("({} {op} {})", self.scalar(depth - 1), self.scalar(depth - 1))
            }
        }
    }

    pub(super) fn vector(&mut self, depth: usize) -> Vector {
        if depth == 0 {
            return self.selector();
        }
        match self.chance.below(32) {
            0..=2 => self.selector(),
            3..=9 => self.range_function(depth - 1),
            10..=14 => self.aggregation(depth - 1),
            15 | 16 => self.choice(depth - 1),
            17..=19 => self.with_scalar(depth - 1),
            20..=24 => self.vectors(depth - 1),
            25..=27 => self.elementwise(depth - 1),
            28 => self.label_function(depth - 1),
            29 | 30 => self.quantile_of_buckets(),
            _ => self.other(depth - 1),
        }
    }

    /// The text of one that is computed exactly.
    pub(super) fn exact_vector(&mut self, depth: usize) -> String {
        for _ in 0..6 {
            let one = self.vector(depth);
            if one.exact && !one.mixed {
                return one.text;
            }
        }
        self.of_one_name().text
    }

    /// One whose names can be dropped.
    pub(super) fn plain_vector(&mut self, depth: usize) -> Vector {
        for _ in 0..6 {
            let one = self.vector(depth);
            if !one.mixed {
                return one;
            }
        }
        self.of_one_name()
    }

    fn matcher(&mut self, (label, values): (&str, &[&str])) -> String {
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t"));
        let escaped = |text: &str| text.replace('\\', "\\\\").replace(['{', '}', '+'], ".");
        let one = self.chance.pick(values);
        let two = self.chance.pick(values);
        match self.chance.below(9) {
            0..=2 => format!("{label}={}", quoted(one)),
            3 | 4 => format!("{label}!={}", quoted(one)),
            5 => format!("{label}=~{}", quoted(&format!("{}|{}", escaped(one), escaped(two)))),
            6 => format!("{label}!~{}", quoted(&format!("{}.*", escaped(one)))),
            7 => self.chance.pick(&["absent=\"\"", "absent!=\"x\"", "absent=~\"x?\""]).to_owned(),
            _ => format!("{label}=~{}", self.chance.pick(&["\".+\"", "\".*\"", "\"[a-m0-2].*\"", "\"(?i:API|V.)\""])),
        }
    }

    fn matchers(&mut self, metric: &Metric) -> String {
        let several = self.chance.pick(&[0, 0, 1, 1, 2]);
        let mut all = Vec::new();
        for _ in 0..several {
            let label = self.chance.pick(metric.labels);
            all.push(self.matcher(label));
        }
        all.join(",")
    }

    /// A metric and its selector, without offset.
    fn of_metric(&mut self) -> (Metric, String) {
        let metric = self.chance.pick(Metric::ALL);
        let matchers = self.matchers(&metric);
        let text = match (matchers.is_empty(), self.chance.below(8)) {
            (true, 0) => format!("{{__name__=\"{}\"}}", metric.name),
            (true, _) => metric.name.to_owned(),
            (false, 0) => format!("{{{matchers},__name__=\"{}\"}}", metric.name),
            (false, _) => format!("{}{{{matchers}}}", metric.name),
        };
        (metric, text)
    }

    pub(super) fn modifiers(&mut self) -> String {
        let at = match self.chance.below(14) {
            0 => " @ start()".to_owned(),
            1 => " @ end()".to_owned(),
            2 => format!(" @ {}", START_MS / 1000 + self.chance.below(720) as i64 * 10 + 7),
            _ => String::new(),
        };
        let offset = match self.chance.below(7) {
            0 => format!(" offset {}", self.chance.pick(&["10s", "1m", "5m", "20m", "1h"])),
            1 => format!(" offset -{}", self.chance.pick(&["10s", "1m", "7m", "1h"])),
            _ => String::new(),
        };
        if self.chance.one_in(2) { at + &offset } else { offset + &at }
    }

    pub(super) fn of_one_name(&mut self) -> Vector {
        let (metric, text) = self.of_metric();
        let text = text + &self.modifiers();
        Vector { text, exact: true, distinct: metric.is_distinct, mixed: false }
    }

    fn selector(&mut self) -> Vector {
        if !self.chance.one_in(12) {
            return self.of_one_name();
        }
        let names =
            self.chance.pick(&["level|temperature", "requests_.*|owner", ".*_total", "(build|x)_info|level|churn"]);
        let matcher = self.chance.pick(&["", ",job=\"api\"", ",instance!=\"1\"", ",job!~\"d.\""]);
        let text = format!("{{__name__=~\"{names}\"{matcher}}}{}", self.modifiers());
        Vector { text, exact: true, distinct: false, mixed: true }
    }

    pub(super) fn matrix(&mut self, depth: usize) -> Matrix {
        if depth > 0 && self.chance.one_in(4) {
            return self.subquery(depth - 1);
        }
        let (metric, text) = self.of_metric();
        let range = self.chance.pick(&["10s", "37s", "1m", "2m", "5m", "5m", "10m", "47m", "1h30m"]);
        let text = format!("{text}[{range}]{}", self.modifiers());
        Matrix { text, exact: true, is_counter: metric.is_counter, is_distinct: metric.is_distinct }
    }

    fn subquery(&mut self, depth: usize) -> Matrix {
        let (inner, is_counter) = if self.chance.one_in(2) {
            let (metric, text) = self.of_metric();
            (Vector { text, exact: true, distinct: metric.is_distinct, mixed: false }, metric.is_counter)
        } else {
            (self.plain_vector(depth), false)
        };
        let ranges = ["5m13s", "20m3s", "40m23s", "33s", "2m3s"];
        let range = self.chance.pick(if inner.text.contains('@') { &ranges[..3] } else { &ranges });
        let step = self.chance.pick(&["10s", "20s", "30s", "1m", "5m", ""]);
        let simple = !inner.text.contains([' ', '(']) && !self.chance.one_in(3);
        let text = if simple { inner.text } else { format!("({})", inner.text) };
        let text = format!("{text}[{range}:{step}]{}", self.modifiers());
        Matrix { text, exact: inner.exact, is_counter, is_distinct: false }
    }
}
