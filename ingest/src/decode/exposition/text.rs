//! [`TextParser`]: the text formats line by line, for what is pushed and for what is scraped.

use super::float::open_metrics_float;
use super::line::{Line, Pairs, unescape};
use gantry_model::metric::{METRIC_NAME, MetricType};
use std::borrow::Cow;

/// Which of the text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFormat {
    /// 0.0.4 and 1.0.0: timestamps are milliseconds.
    Prometheus,
    /// OpenMetrics 1.0: timestamps are seconds, there are units and exemplars, and `# EOF` ends the text.
    OpenMetrics,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct TextError {
    /// Counts from 1.
    pub line: usize,
    /// In bytes, from 1.
    pub column: usize,
    pub what: Cow<'static, str>,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    Type(Cow<'a, str>, MetricType),
    Help(Cow<'a, str>, Cow<'a, str>),
    Unit(Cow<'a, str>, &'a str),
    /// It is in the [`TextSample`] that was passed in.
    Sample,
}

/// One sample. Made to be filled again and again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextSample<'a> {
    /// `__name__` first, then the others as they came.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub value: f64,
    /// Milliseconds; `None` when the exporter leaves it to whoever reads.
    pub timestamp_ms: Option<i64>,
    pub exemplar: Option<TextExemplar<'a>>,
}

/// What follows `#` after a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextExemplar<'a> {
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub value: f64,
    pub timestamp_ms: Option<i64>,
}

/// Reads a text line by line.
#[derive(Debug)]
pub struct TextParser<'a> {
    left: &'a [u8],
    format: TextFormat,
    number: usize,
    ended: bool,
    /// The last `# TYPE`, whose samples follow it.
    typed: Option<(Cow<'a, str>, MetricType)>,
}

impl<'a> TextParser<'a> {
    pub fn new(body: &'a [u8], format: TextFormat) -> Self {
        TextParser { left: body, format, number: 0, ended: false, typed: None }
    }

    /// The next line that says something; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with a line, and where. The next call goes on with the line after it.
    pub fn next_entry(&mut self, sample: &mut TextSample<'a>) -> Result<Option<Entry<'a>>, TextError> {
        while let Some(line) = self.next_line()? {
            if let Some(entry) = self.line(line, sample)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Whether the end that was found is one: OpenMetrics says so itself. Only after [`TextParser::next_entry`] gave
    /// `None`.
    pub fn is_complete(&self) -> bool {
        self.ended || self.format == TextFormat::Prometheus
    }

    fn next_line(&mut self) -> Result<Option<Line<'a>>, TextError> {
        if self.left.is_empty() || self.ended {
            return Ok(None);
        }
        let end = memchr::memchr(b'\n', self.left);
        let (line, left) = self.left.split_at(end.unwrap_or(self.left.len()));
        self.left = left.get(1..).unwrap_or_default();
        self.number += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(text) => Ok(Some(Line::new(text, self.number))),
            Err(error) => {
                let what = Cow::Borrowed("bytes that are not UTF-8");
                Err(TextError { line: self.number, column: error.valid_up_to() + 1, what })
            }
        }
    }

    /// `None` for lines that say nothing.
    fn line(&mut self, mut line: Line<'a>, sample: &mut TextSample<'a>) -> Result<Option<Entry<'a>>, TextError> {
        line.blanks();
        if line.is_at_end() {
            return Ok(None);
        }
        if line.take(b'#') {
            return self.comment(line);
        }
        self.sample(line, sample).map(|()| Some(Entry::Sample))
    }

    fn comment(&mut self, mut line: Line<'a>) -> Result<Option<Entry<'a>>, TextError> {
        let open_metrics = self.format == TextFormat::OpenMetrics;
        line.blanks();
        let keyword = line.word();
        if keyword == "EOF" && open_metrics && line.is_at_end() {
            self.ended = true;
            return Ok(None);
        }
        let known = matches!(keyword, "TYPE" | "HELP") || keyword == "UNIT" && open_metrics;
        if !known {
            return Ok(None);
        }
        line.blanks();
        let family = line.metric_name()?;
        if !line.blanks() && !line.is_at_end() {
            return line.wrong("expected a blank after the name");
        }
        Ok(Some(match keyword {
            "TYPE" => {
                let Some(kind) = MetricType::parse(line.rest().trim_end()) else {
                    return line.wrong("expected a type: counter, gauge, histogram, summary, untyped, ...");
                };
                self.typed = Some((family.clone(), kind));
                Entry::Type(family, kind)
            }
            "UNIT" => Entry::Unit(family, line.rest()),
            _ => {
                let help = line.rest();
                let plain = !help.contains('\\');
                let help = if plain { Cow::Borrowed(help) } else { Cow::Owned(unescape(help, open_metrics)) };
                Entry::Help(family, help)
            }
        }))
    }

    fn sample(&mut self, mut line: Line<'a>, sample: &mut TextSample<'a>) -> Result<(), TextError> {
        let start = line;
        let mut name = if line.has_bare_name() { Some(line.metric_name()?) } else { None };
        let labels = &mut sample.labels;
        labels.clear();
        line.blanks();
        if line.take(b'{') {
            line.labels(labels, Some(&mut name))?;
            line.blanks();
        }
        let Some(name) = name else { return start.wrong("expected the name of a metric") };
        self.normalise(&name, labels);
        labels.insert(0, (Cow::Borrowed(METRIC_NAME), name));
        sample.value = line.value()?;
        sample.timestamp_ms = None;
        sample.exemplar = None;
        line.blanks();
        if !line.is_at_end() && !line.rest().starts_with('#') {
            sample.timestamp_ms = Some(line.timestamp(self.format)?);
            line.blanks();
        }
        if self.format == TextFormat::OpenMetrics && line.take(b'#') {
            sample.exemplar = Some(self.exemplar(&mut line)?);
            line.blanks();
        }
        if line.is_at_end() { Ok(()) } else { line.wrong("expected the end of the line") }
    }

    fn exemplar(&self, line: &mut Line<'a>) -> Result<TextExemplar<'a>, TextError> {
        let mut exemplar = TextExemplar::default();
        line.blanks();
        if !line.take(b'{') {
            return line.wrong("expected the labels of an exemplar");
        }
        line.labels(&mut exemplar.labels, None)?;
        line.blanks();
        exemplar.value = line.value()?;
        line.blanks();
        if !line.is_at_end() {
            exemplar.timestamp_ms = Some(line.timestamp(TextFormat::OpenMetrics)?);
        }
        Ok(exemplar)
    }

    /// Writes bounds of histograms and quantiles of summaries in one form, whichever library wrote them.
    fn normalise(&self, name: &str, labels: &mut Pairs<'a>) {
        let Some((family, kind)) = &self.typed else { return };
        let label = match kind {
            MetricType::Histogram | MetricType::GaugeHistogram => "le",
            MetricType::Summary => "quantile",
            _ => return,
        };
        if !name.starts_with(&**family) {
            return;
        }
        for (_, value) in labels.iter_mut().filter(|(name, _)| name == label) {
            if let Ok(number) = value.parse::<f64>() {
                let written = open_metrics_float(number);
                if *value != written {
                    *value = Cow::Owned(written);
                }
            }
        }
    }
}
