//! [`Families`]: metrics as they are collected, and how they are written.

use gantry_model::metric::MetricType;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Without the name of the metric.
    pub labels: Vec<(Cow<'static, str>, String)>,
    pub value: f64,
}

/// The samples of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    pub name: String,
    pub kind: MetricType,
    pub help: Cow<'static, str>,
    pub samples: Vec<Sample>,
}

impl Family {
    pub fn add(&mut self, labels: &[(&'static str, &str)], value: f64) -> &mut Self {
        let labels = labels.iter().map(|(name, value)| (Cow::Borrowed(*name), (*value).to_owned())).collect();
        self.samples.push(Sample { labels, value });
        self
    }

    /// A sample without labels.
    pub fn set(&mut self, value: f64) -> &mut Self {
        self.add(&[], value)
    }
}

/// Metrics in the order in which they were first named.
#[derive(Clone, Debug, Default)]
pub struct Families {
    all: Vec<Family>,
    places: HashMap<String, usize>,
}

impl Families {
    pub fn counter(&mut self, name: impl Into<String>, help: impl Into<Cow<'static, str>>) -> &mut Family {
        self.family(name.into(), MetricType::Counter, help.into())
    }

    pub fn gauge(&mut self, name: impl Into<String>, help: impl Into<Cow<'static, str>>) -> &mut Family {
        self.family(name.into(), MetricType::Gauge, help.into())
    }

    /// A value of which the kernel does not say whether it can fall.
    pub fn untyped(&mut self, name: impl Into<String>, help: impl Into<Cow<'static, str>>) -> &mut Family {
        self.family(name.into(), MetricType::Unknown, help.into())
    }

    fn family(&mut self, name: String, kind: MetricType, help: Cow<'static, str>) -> &mut Family {
        let at = match self.places.get(&name) {
            Some(at) => *at,
            None => {
                self.places.insert(name.clone(), self.all.len());
                self.all.push(Family { name, kind, help, samples: Vec::new() });
                self.all.len() - 1
            }
        };
        &mut self.all[at]
    }

    /// Takes over what another collected.
    pub fn append(&mut self, other: Families) {
        for Family { name, kind, help, samples } in other.all {
            self.family(name, kind, help).samples.extend(samples);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Family> {
        self.all.iter()
    }

    pub fn get(&self, name: &str) -> Option<&Family> {
        Some(&self.all[*self.places.get(name)?])
    }

    pub fn sample_count(&self) -> usize {
        self.all.iter().map(|family| family.samples.len()).sum()
    }

    /// Prometheus' text format 0.0.4 (prometheus.io, "Exposition formats").
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for family in self.all.iter().filter(|family| !family.samples.is_empty()) {
            let kind = match family.kind {
                MetricType::Counter => "counter",
                MetricType::Gauge => "gauge",
                _ => "untyped",
            };
            text.push_str("# HELP ");
            text.push_str(&family.name);
            text.push(' ');
            escape(&family.help, false, &mut text);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n# TYPE {} {kind}", family.name);
            for sample in &family.samples {
                write_sample(&family.name, sample, &mut text);
            }
        }
        text
    }
}

fn write_sample(name: &str, sample: &Sample, text: &mut String) {
    text.push_str(name);
    for (at, (label, value)) in sample.labels.iter().enumerate() {
        text.push(if at == 0 { '{' } else { ',' });
        text.push_str(label);
        text.push_str("=\"");
        escape(value, true, text);
        text.push('"');
    }
    if !sample.labels.is_empty() {
        text.push('}');
    }
    let _ = match sample.value {
        value if value == f64::INFINITY => writeln!(text, " +Inf"),
        value if value == f64::NEG_INFINITY => writeln!(text, " -Inf"),
        value => writeln!(text, " {value}"),
    };
}

fn escape(raw: &str, quotes: bool, text: &mut String) {
    for letter in raw.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_collected_is_written_in_order_with_all_that_needs_it_escaped() {
        let mut all = Families::default();
        all.gauge("b", "A \"b\"\nof C:\\.").add(&[("l", "x\"y\\z\n"), ("m", "")], 0.5);
        all.counter("a_total", "Never filled.");
        all.untyped("c", "C.").set(f64::INFINITY);
        all.gauge("b", "another text is not taken").add(&[], 1e300);
        let text = all.to_text();
        let expected = "# HELP b A \"b\"\\nof C:\\\\.\n# TYPE b gauge\nb{l=\"x\\\"y\\\\z\\n\",m=\"\"} 0.5\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.ends_with("# HELP c C.\n# TYPE c untyped\nc +Inf\n"), "{text}");
        assert_eq!(all.get("b").unwrap().samples.len(), 2);
        assert!(!text.contains("a_total"), "a family without samples is not told");
    }
}
