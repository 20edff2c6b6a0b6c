//! [`Detector`]: does this line continue that entry.
//!
//! The shapes are those that the runtimes print: Java's `Throwable.printStackTrace`, Python's `traceback`, Go's panics and
//! goroutine dumps, .NET's `Exception.ToString`, Ruby's `full_message`, V8's `Error.stack`.

use super::options::{InvalidMultiline, MultilineOptions};
use regex::Regex;

/// Only so much of a line is looked at.
const HEAD: usize = 512;

/// Rules for one kind of source; shared by all of its streams.
#[derive(Debug)]
pub struct Detector {
    start: Option<Regex>,
    max_lines: usize,
    max_bytes: usize,
}

/// What an entry is known to be, by its lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    kind: Kind,
    /// The line before was indented.
    indented: bool,
    /// The line before was empty.
    blank: bool,
    /// Some line of it says that something failed.
    error: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// One line, or a line and indented ones.
    #[default]
    Plain,
    /// A line such as `java.lang.X: message`, of which frames are expected.
    Exception,
    /// After `Traceback (most recent call last):` and before the line that names the exception.
    Python,
    /// After that line: another traceback may follow.
    PythonEnd,
    /// After `panic:`, `fatal error:` or `goroutine N [`.
    Go,
}

impl Default for Detector {
    fn default() -> Self {
        let MultilineOptions { max_lines, max_bytes, .. } = MultilineOptions::default();
        Detector { start: None, max_lines, max_bytes }
    }
}

impl Detector {
    /// # Errors
    /// When the options make no sense.
    pub fn new(options: &MultilineOptions) -> Result<Self, InvalidMultiline> {
        let start = options.pattern()?;
        Ok(Detector { start, max_lines: options.max_lines, max_bytes: options.max_bytes })
    }

    pub(super) fn has_room(&self, lines: usize, bytes: usize, more: usize) -> bool {
        lines < self.max_lines && bytes + 1 + more <= self.max_bytes
    }

    /// The state of an entry that begins with this line.
    pub(super) fn begins(&self, line: &str) -> State {
        if self.start.is_some() { State::default() } else { State::of(head(line)) }
    }

    /// The state of the entry with this line, if it continues it.
    pub(super) fn continues(&self, state: &State, line: &str) -> Option<State> {
        match &self.start {
            Some(start) => (!start.is_match(line)).then_some(*state),
            None => state.with(head(line)),
        }
    }
}

fn head(line: &str) -> &str {
    &line[..line.floor_char_boundary(HEAD)]
}

impl State {
    fn of(line: &str) -> Self {
        let kind = match line {
            _ if is_traceback(line) => Kind::Python,
            _ if is_go_start(line) => Kind::Go,
            _ if is_exception(line) => Kind::Exception,
            _ => Kind::Plain,
        };
        let error = kind != Kind::Plain || says_error(line);
        State { kind, indented: is_indented(line), blank: line.is_empty(), error }
    }

    fn with(&self, line: &str) -> Option<State> {
        let kind = self.next_kind(line)?;
        Some(State { kind, indented: is_indented(line), blank: line.is_empty(), error: self.error || says_error(line) })
    }

    /// What the entry is when it goes on with this line; `None`: it does not.
    fn next_kind(&self, line: &str) -> Option<Kind> {
        match self.kind {
            Kind::Go if is_go(line) => return Some(Kind::Go),
            Kind::Python if is_indented(line) => return Some(Kind::Python),
            Kind::Python if is_python_group(line) => return Some(Kind::Python),
            Kind::Python if self.indented && is_python_exception(line) => return Some(Kind::PythonEnd),
            Kind::Python if self.blank && is_traceback(line) => return Some(Kind::Python),
            Kind::Python | Kind::PythonEnd if line.is_empty() => return Some(self.kind),
            Kind::PythonEnd if is_python_link(line) => return Some(Kind::Python),
            // The end of the fields of an error of Node.
            Kind::Exception if self.indented && line == "}" => return Some(Kind::Exception),
            _ => {}
        }
        if self.blank {
            return None;
        }
        if is_frame(line) || is_link(line) {
            return Some(self.kind.or_exception());
        }
        if !line.is_empty() && is_indented(line) && !says_time(line.trim_start()) {
            return Some(self.kind);
        }
        // A logger wrote its line, and then the exception on lines of its own.
        let after_error = self.error && self.kind == Kind::Plain && !self.indented;
        match line {
            _ if after_error && is_traceback(line) => Some(Kind::Python),
            _ if after_error && is_go_start(line) => Some(Kind::Go),
            _ if after_error && is_exception(line) => Some(Kind::Exception),
            _ => None,
        }
    }
}

impl Kind {
    fn or_exception(self) -> Kind {
        if self == Kind::Plain { Kind::Exception } else { self }
    }
}

fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// A frame or a count of frames left out: Java, .NET, Node (`at ...`, `... 12 more`), Ruby (`from a.rb:1:in`), and the
/// separators of .NET.
fn is_frame(line: &str) -> bool {
    let text = line.trim_start();
    let indented = text.len() < line.len();
    let more = || text.starts_with("... ") && (text.ends_with(" more") || text.ends_with("omitted"));
    let ruby = || text.starts_with("from ") && text.contains(":in ");
    let dot_net = || text.starts_with("--- End of ") || text.starts_with("---> ") || text.starts_with("--->");
    indented && (text.starts_with("at ") || ruby()) || more() || dot_net()
}

/// A line that links one exception to the next (Java, also within brackets of circular references).
fn is_link(line: &str) -> bool {
    let text = line.trim_start();
    ["Caused by: ", "Suppressed: ", "Wrapped by: ", "[CIRCULAR REFERENCE"].iter().any(|start| text.starts_with(start))
}

/// `java.lang.IllegalStateException: text`, `Exception in thread "main" ...`, `System.Exception: ...`, `TypeError: x`,
/// `Unhandled exception. System...`, `Uncaught Error: x`, `a.rb:3:in 'f': text (RuntimeError)`.
fn is_exception(line: &str) -> bool {
    if line.starts_with("Exception in thread ") || line.starts_with("Unhandled exception") {
        return true;
    }
    let ruby = || line.contains(":in ") && line.trim_end().ends_with("Error)");
    let line = line.strip_prefix("Uncaught ").unwrap_or(line);
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let last = name.rsplit(['.', '$', '+']).next().unwrap_or_default();
    is_dotted(name) && (is_exception_name(last) || has_inner_name(name) && line.contains(':')) || ruby()
}

fn is_exception_name(name: &str) -> bool {
    ["Exception", "Error", "Throwable", "Failure"].iter().any(|end| name.ends_with(end))
}

/// `com.example.Boom$Inner`: a package and a class, which nothing but a trace begins a line with.
fn has_inner_name(name: &str) -> bool {
    name.contains('$') && name.split('.').count() > 2
}

fn is_dotted(name: &str) -> bool {
    let legal = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '$' | '+' | '/' | '@');
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(legal)
}

fn is_traceback(line: &str) -> bool {
    let text = line.trim_start_matches([' ', '+', '|']);
    text.starts_with("Traceback (most recent call last)")
        || text.starts_with("Exception Group Traceback (most recent call last)")
}

/// Exception groups are drawn with bars.
fn is_python_group(line: &str) -> bool {
    line.starts_with('|') || line.starts_with("+-")
}

/// `ValueError: text`, `mypkg.errors.Boom`, `KeyboardInterrupt`.
fn is_python_exception(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    is_dotted(name) && !name.is_empty()
}

fn is_python_link(line: &str) -> bool {
    line.starts_with("During handling of the above exception") || line.starts_with("The above exception was the direct")
}

fn is_go_start(line: &str) -> bool {
    ["panic: ", "fatal error: ", "goroutine ", "runtime: goroutine", "unexpected fault address"]
        .iter()
        .any(|start| line.starts_with(start))
        && (!line.starts_with("goroutine ") || line.contains('['))
}

/// What a Go program prints after `panic:`, up to its exit status.
fn is_go(line: &str) -> bool {
    let call = || line.ends_with(')') && line.contains('(') && is_go_name(&line[..line.find('(').unwrap_or(0)]);
    let known =
        ["goroutine ", "created by ", "panic: ", "[signal ", "[recovered]", "exit status ", "...additional frames"]
            .iter()
            .any(|start| line.starts_with(start));
    line.is_empty() || line.starts_with('\t') || known || call()
}

/// `main.(*Server).run` and `github.com/x/y.F`: no blanks, at least one dot.
fn is_go_name(name: &str) -> bool {
    let name = if name.is_empty() { "a.b" } else { name };
    name.contains('.') && !name.contains(char::is_whitespace)
}

/// The level of a line whose exception may follow on lines of its own.
fn says_error(line: &str) -> bool {
    const WORDS: [&str; 10] =
        ["ERROR", "Error", "error", "FATAL", "SEVERE", "WARN", "CRITICAL", "fail", "exception", "Exception"];
    WORDS.iter().any(|word| line.contains(word))
}

/// Begins as a log line does: with a date, a time or a bracket before one.
fn says_time(line: &str) -> bool {
    let line = line.trim_start_matches(['[', '(', '"']);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let first = digits(line);
    let after = line.as_bytes().get(first);
    first == 4 && matches!(after, Some(b'-' | b'/')) || first == 2 && after == Some(&b':')
}
