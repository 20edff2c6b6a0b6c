//! What stands around selectors: functions, aggregations, operators.

use super::START_MS;
use super::queries::{LABELS, Queries, Vector};

const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "+", "-", "*", "^", "atan2"];
const COMPARISONS: &[&str] = &["==", "!=", "<", ">", "<=", ">="];

impl Queries<'_> {
    pub(super) fn range_function(&mut self, depth: usize) -> Vector {
        let matrix = self.matrix(depth);
        let text = &matrix.text;
        let choice = self.chance.below(if matrix.is_counter { 30 } else { 24 });
        let may_be_infinite = text.contains('(') || text.contains("odd");
        let exact = |name: &str| Vector::new(format!("{name}({text})")).exact(matrix.exact);
        let inexact = |name: &str| Vector::new(format!("{name}({text})"));
        match choice {
            0 => inexact("avg_over_time"),
            1 | 2 => exact("min_over_time"),
            3 | 4 => exact("max_over_time"),
            5 => inexact("sum_over_time"),
            6 => exact("count_over_time"),
            7 => Vector { distinct: matrix.is_distinct, ..exact("last_over_time") },
            8 => exact("present_over_time"),
            9 if !may_be_infinite => inexact("stddev_over_time"),
            10 if !may_be_infinite => inexact("stdvar_over_time"),
            11 | 12 => {
                let q = if text.contains('@') { self.number() } else { self.scalar(0) };
                Vector::new(format!("quantile_over_time({q}, {text})"))
            }
            13 => exact("absent_over_time"),
            14 if matrix.exact => exact("changes"),
            15 if matrix.exact => exact("resets"),
            16 | 17 => inexact("delta"),
            18 => inexact("idelta"),
            19 | 20 => inexact("deriv"),
            21 if !text.contains('@') => Vector::new(format!("predict_linear({text}, {})", self.scalar(0))),
            22 => {
                let (one, two) =
                    (self.chance.pick(&["0.1", "0.5", "0.9", "1.5"]), self.chance.pick(&["0.2", "0.7", "0"]));
                Vector::new(format!("double_exponential_smoothing({text}, {one}, {two})"))
            }
            24..=26 => inexact("rate"),
            27 | 28 => inexact("increase"),
            29 => inexact("irate"),
            _ => inexact("avg_over_time"),
        }
    }

    pub(super) fn grouping(&mut self) -> String {
        let several = self.chance.below(3);
        let labels: Vec<&str> = (0..several).map(|_| self.chance.pick(LABELS)).collect();
        let word = self.chance.pick(&["by", "by", "without"]);
        if self.chance.one_in(4) { String::new() } else { format!("{word} ({})", labels.join(", ")) }
    }

    fn aggregated(&mut self, op: &str, param: &str, inner: &str) -> String {
        let grouping = self.grouping();
        let comma = if param.is_empty() { "" } else { ", " };
        match self.chance.one_in(4) {
            true => format!("{op}({param}{comma}{inner}) {grouping}"),
            false => format!("{op} {grouping} ({param}{comma}{inner})"),
        }
    }

    pub(super) fn aggregation(&mut self, depth: usize) -> Vector {
        let mut inner = self.vector(depth);
        let (op, keeps) = self.chance.pick(&[
            ("sum", false),
            ("sum", false),
            ("avg", false),
            ("stddev", false),
            ("stdvar", false),
            ("min", true),
            ("max", true),
            ("count", true),
            ("group", true),
        ]);
        if self.chance.one_in(8) {
            let moves = inner.text.contains('@');
            let param = match self.scalar(1) {
                moving if moves || moving.contains('@') => self.number(),
                fixed => fixed,
            };
            return Vector::new(self.aggregated("quantile", &param, &inner.text));
        }
        if op.starts_with("std") {
            inner.text = format!("(clamp({}, -1e9, 1e9) > -2e9)", inner.text);
        }
        Vector::new(self.aggregated(op, "", &inner.text)).exact(keeps && inner.exact)
    }

    /// Aggregations that keep series, and `count_values`.
    pub(super) fn choice(&mut self, depth: usize) -> Vector {
        if self.chance.one_in(3) {
            let inner = self.exact_vector(depth);
            let label = self.chance.pick(&["\"value\"", "\"job\"", "'le'"]);
            return Vector::new(self.aggregated("count_values", label, &inner)).exact(true);
        }
        let op = self.chance.pick(&["topk", "bottomk"]);
        let mut inner = self.vector(depth);
        while !inner.distinct {
            inner = self.of_one_name();
        }
        let fixed = if inner.text.contains('@') { "4" } else { "scalar(count(owner))" };
        let param = self.chance.pick(&["1", "2", "3", "5", "0", "-1", "2.9", fixed]);
        Vector { distinct: true, mixed: inner.mixed, ..Vector::new(self.aggregated(op, param, &inner.text)) }
            .exact(true)
    }

    pub(super) fn with_scalar(&mut self, depth: usize) -> Vector {
        let inner = self.plain_vector(depth);
        let scalar = self.scalar(2);
        let exact = inner.exact;
        let op = match self.chance.below(10) {
            0..=2 if exact => self.chance.pick(COMPARISONS).to_owned(),
            3 if exact => format!("{} bool", self.chance.pick(COMPARISONS)),
            4 if exact => "%".to_owned(),
            _ => self.chance.pick(ARITHMETIC).to_owned(),
        };
        let bare = self.chance.one_in(4) && op.len() == 1 && exact;
        let minus = if op == "atan2" { "-" } else { "" };
        let exact = exact && op != "^" && op != "atan2";
        let pair = if self.chance.one_in(3) { (&scalar, &inner.text) } else { (&inner.text, &scalar) };
        let text = format!("{} {op} {}", pair.0, pair.1);
        Vector::new(if bare { text } else { format!("{minus}({text})") }).exact(exact)
    }

    fn matching(&mut self) -> String {
        let several = 1 + self.chance.below(2);
        let labels: Vec<&str> = (0..several).map(|_| self.chance.pick(LABELS)).collect();
        format!("{} ({})", self.chance.pick(&["on", "on", "ignoring"]), labels.join(", "))
    }

    /// Operators between vectors; most pairs are such that their series find each other.
    pub(super) fn vectors(&mut self, depth: usize) -> Vector {
        let left = self.plain_vector(depth);
        if self.chance.one_in(4) {
            return self.set(left, depth);
        }
        let comparison = left.exact && self.chance.one_in(3);
        let right = match self.chance.below(5) {
            0 | 1 => left.clone(),
            2 if comparison => Vector::new(self.exact_vector(depth)).exact(true),
            _ if comparison => left.clone(),
            _ => self.plain_vector(depth),
        };
        let exact = left.exact && right.exact;
        let mut op = self.chance.pick(if comparison { COMPARISONS } else { ARITHMETIC }).to_owned();
        let exact = exact && op != "^" && op != "atan2";
        if comparison && self.chance.one_in(3) {
            op += " bool";
        }
        if op == "-" && !exact && left.text == right.text {
            // What is left of rounding.
            op = "+".to_owned();
        }
        let owner = self.chance.pick(&["owner", "max by (job, team) (owner)", "sum by (job) (owner)"]);
        let (l, r) = (&left.text, &right.text);
        let text = match self.chance.below(8) {
            0 => format!("({l} {op} on (job) group_left {owner})"),
            1 => format!("({l} {op} on (job) group_left (team) {owner})"),
            2 => {
                let include =
                    self.chance.pick(if comparison { &["team", "", ""] } else { &["team", "team, instance", ""] });
                format!("({owner} {op} on (job) group_right ({include}) {l})")
            }
            3 if !comparison => format!("({l} {op} {} {r})", self.matching()),
            4 if !comparison => format!(
                "({l} {op} {} group_left ({}) {r})",
                self.matching(),
                self.chance.pick(&["", "zone", "version"])
            ),
            5 if op != "-" => format!("(sum by (job) ({l}) {op} on (job) sum by (job) ({r}))"),
            _ => format!("({l} {op} {r})"),
        };
        if op == "atan2" {
            return Vector::new(format!("-{text}"));
        }
        // Sums that are compared would have to be the same to the last bit.
        if comparison && text.starts_with("(sum") {
            return Vector::new(format!("({l} {op} {r})")).exact(exact);
        }
        let exact = exact && !text.starts_with("(sum");
        Vector::new(text).exact(exact)
    }

    fn set(&mut self, left: Vector, depth: usize) -> Vector {
        let right = self.plain_vector(depth);
        let op = self.chance.pick(&["and", "or", "unless"]);
        let matching = if self.chance.one_in(2) { self.matching() } else { String::new() };
        let text = format!("({} {op} {matching} {})", left.text, right.text);
        if op == "or" {
            return Vector { mixed: true, ..Vector::new(text) }.exact(left.exact && right.exact);
        }
        Vector { distinct: left.distinct, ..Vector::new(text) }.exact(left.exact)
    }

    pub(super) fn elementwise(&mut self, depth: usize) -> Vector {
        let inner = self.plain_vector(depth);
        let text = &inner.text;
        if self.chance.one_in(3) {
            let steps =
                ["ceil", "floor", "round", "sgn", "hour", "minute", "month", "year", "day_of_week", "day_of_month"];
            let more = ["day_of_year", "days_in_month"];
            let name = self.chance.pick(&[steps.as_slice(), more.as_slice()].concat());
            let exact = self.exact_vector(depth);
            return Vector::new(format!("{name}({exact})")).exact(true);
        }
        let smooth = ["exp", "ln", "log2", "log10", "sqrt", "asin", "acos", "atan", "sinh", "cosh", "tanh"];
        let more = ["asinh", "acosh", "atanh", "deg", "rad"];
        match self.chance.below(8) {
            0 => Vector::new(format!("abs({text})")).exact(inner.exact),
            1 => Vector::new(format!("-{text}")).exact(inner.exact),
            2 => Vector::new(format!("clamp({text}, {}, {})", self.scalar(1), self.scalar(1))).exact(inner.exact),
            3 => Vector::new(format!("clamp_min({text}, {})", self.scalar(1))).exact(inner.exact),
            4 => Vector::new(format!("clamp_max({text}, {})", self.scalar(1))).exact(inner.exact),
            5 => {
                let to = self.chance.pick(&["0.5", "5", "10", "0.1"]);
                Vector::new(format!("round({}, {to})", self.exact_vector(depth))).exact(true)
            }
            6 => {
                let name = self.chance.pick(&["sin", "cos", "tan"]);
                Vector::new(format!("{name}(clamp({text}, -1e3, 1e3))"))
            }
            _ => Vector::new(format!("{}({text})", self.chance.pick(&[smooth.as_slice(), more.as_slice()].concat()))),
        }
    }

    pub(super) fn label_function(&mut self, depth: usize) -> Vector {
        let inner = self.plain_vector(depth);
        let (text, label) = (&inner.text, self.chance.pick(LABELS));
        let made = match self.chance.below(4) {
            0 => {
                format!("label_join({text}, \"new\", \"{}\", \"job\", \"{label}\")", self.chance.pick(&["-", "", "::"]))
            }
            1 => format!("label_replace({text}, \"new\", \"x-$1\", \"{label}\", \"(.).*\")"),
            2 => format!("label_replace({text}, \"{label}\", \"$1${{2}}y\", \"job\", \"(a|d)(.*)\")"),
            _ => format!("label_replace({text}, \"{label}\", \"\", \"{label}\", \".*\")"),
        };
        Vector { distinct: inner.distinct, ..Vector::new(made) }.exact(inner.exact)
    }

    pub(super) fn quantile_of_buckets(&mut self) -> Vector {
        let q = self.chance.pick(&["0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "2", "NaN"]);
        let inner = match self.chance.below(4) {
            0 => format!("latency_bucket{}", self.modifiers()),
            1 => format!("rate(latency_bucket[5m]{})", self.modifiers()),
            2 => "sum by (le) (rate(latency_bucket[2m]))".to_owned(),
            _ => "sum by (job, le) (increase(latency_bucket[10m]))".to_owned(),
        };
        Vector::new(format!("histogram_quantile({q}, {inner})"))
    }

    pub(super) fn other(&mut self, depth: usize) -> Vector {
        match self.chance.below(6) {
            0 => Vector::new(format!("absent({})", self.vector(depth).text)).exact(true),
            1 => Vector::new(format!("vector({})", self.scalar(2))).exact(true),
            2 => {
                let inner = if self.chance.one_in(2) { self.of_one_name() } else { self.plain_vector(depth) };
                let text = if inner.text.contains('@') { "owner offset 1m" } else { &inner.text };
                Vector::new(format!("(timestamp({text}) - {})", START_MS / 1000)).exact(true)
            }
            3 | 4 => {
                let inner = self.plain_vector(depth);
                let name = self.chance.pick(&["sort", "sort_desc"]);
                Vector { text: format!("{name}({})", inner.text), ..inner }
            }
            _ => {
                Vector::new(self.chance.pick(&["hour()", "minute()", "day_of_week()", "year()"]).to_owned()).exact(true)
            }
        }
    }
}
