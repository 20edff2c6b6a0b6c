//! InfluxDB's line protocol (docs.influxdata.com, "Line protocol"): `measurement,tag=value field=1.5,other=2i time`.
//!
//! Each field that is a number or a boolean is a sample of the series `measurement_field` with the tags as labels; names
//! are put into Prometheus' alphabet. Texts cannot be samples: they are left out and counted.

mod cursor;

use super::gather::Gather;
use super::names::legal;
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use cursor::Cursor;
use gantry_model::Timestamp;
use gantry_model::metric::METRIC_NAME;
use std::borrow::Cow;

/// The unit of timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
}

impl Precision {
    /// As the parameters of versions 1 and 2 name them.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "" | "n" | "ns" => Precision::Nanoseconds,
            "u" | "us" | "µ" => Precision::Microseconds,
            "ms" => Precision::Milliseconds,
            "s" => Precision::Seconds,
            "m" => Precision::Minutes,
            "h" => Precision::Hours,
            _ => return None,
        })
    }

    fn nanos(self) -> i64 {
        match self {
            Precision::Nanoseconds => 1,
            Precision::Microseconds => 1_000,
            Precision::Milliseconds => 1_000_000,
            Precision::Seconds => 1_000_000_000,
            Precision::Minutes => 60_000_000_000,
            Precision::Hours => 3_600_000_000_000,
        }
    }
}

/// What is needed beside the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InfluxContext {
    /// The instant of lines without one.
    pub now: Timestamp,
    pub precision: Precision,
    /// Labels of every series, in place of tags of the same name.
    pub labels: Vec<(String, String)>,
}

/// Reads lines. A broken one is refused on its own, with its number.
pub fn influx(body: &[u8], context: &InfluxContext) -> MetricIncoming {
    let mut lines = Lines { context, gather: Gather::default(), tags: Vec::new(), fields: Vec::new() };
    let mut cursor = Cursor::new(body);
    while cursor.next_line() {
        if let Err(fault) = lines.line(&mut cursor) {
            lines.gather.refuse(Reason::InvalidText, 1, || cursor.place(fault));
            cursor.skip_line();
        }
    }
    lines.gather.finish()
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

struct Lines<'a, 'c> {
    context: &'c InfluxContext,
    gather: Gather,
    tags: Vec<Pair<'a>>,
    /// Names and numbers of the line's fields.
    fields: Vec<(Cow<'a, str>, f64)>,
}

impl<'a> Lines<'a, '_> {
    fn line(&mut self, cursor: &mut Cursor<'a>) -> Result<(), &'static str> {
        self.tags.clear();
        self.fields.clear();
        let measurement = cursor.name(b", \n")?;
        if measurement.is_empty() {
            return Err("expected a measurement");
        }
        while cursor.take(b',') {
            let tag = cursor.key()?;
            self.tags.push((tag, cursor.name(b", \n")?));
        }
        if !cursor.blanks() {
            return Err("expected a blank and fields");
        }
        let mut texts = 0;
        loop {
            let field = cursor.key()?;
            match cursor.field_value()? {
                Some(number) => self.fields.push((field, number)),
                None => texts += 1,
            }
            if !cursor.take(b',') {
                break;
            }
        }
        cursor.blanks();
        let at_ms = match cursor.timestamp()? {
            Some(time) => milliseconds(time, self.context.precision),
            None => self.context.now.nanos().div_euclid(1_000_000),
        };
        self.gather.drop_unsupported(texts);
        self.push(&measurement, at_ms);
        Ok(())
    }

    fn push(&mut self, measurement: &str, at_ms: i64) {
        let added = &self.context.labels;
        let own = self.tags.iter().map(|(name, value)| (legal(name), Cow::Borrowed(&**value)));
        let own = own.filter(|(name, _)| added.iter().all(|(other, _)| other != name));
        let added = added.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value)));
        let mut labels: Vec<Pair<'_>> = vec![(Cow::Borrowed(METRIC_NAME), Cow::Borrowed(""))];
        labels.extend(own.chain(added));
        for (field, number) in &self.fields {
            let name = format!("{measurement}_{field}");
            labels[0].1 = Cow::Owned(legal(&name).into_owned());
            if self.gather.open_pairs(&labels, || 1) {
                self.gather.sample(at_ms, *number);
            }
        }
    }
}

/// Saturates: a time so far off is refused later.
fn milliseconds(time: i64, precision: Precision) -> i64 {
    let nanos = i128::from(time) * i128::from(precision.nanos());
    let ms = nanos.div_euclid(1_000_000);
    i64::try_from(ms).unwrap_or(if ms < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
