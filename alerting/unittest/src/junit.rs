//! What became of tests as JUnit's XML, for systems that build and test.

use crate::Outcome;
use std::fmt::Write as _;

/// A file of tests: what became of them, or why it could not be run.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file.
    pub name: String,
    pub outcomes: Result<Vec<Outcome>, String>,
}

/// The document that promtool writes, without the time of the run.
pub fn junit(suites: &[Suite]) -> String {
    let mut out = String::from("<testsuites>");
    for suite in suites {
        let (cases, failures, errors) = match &suite.outcomes {
            Ok(outcomes) => (outcomes.len(), outcomes.iter().map(|outcome| outcome.failures.len()).sum(), 0),
            Err(_) => (1, 0, 1),
        };
        let name = escaped(&suite.name);
        // Writing to a string never fails.
        let _ = write!(
            out,
            "<testsuite name=\"{name}\" tests=\"{cases}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\">"
        );
        match &suite.outcomes {
            Ok(outcomes) => outcomes.iter().for_each(|outcome| case(outcome, &mut out)),
            Err(error) => {
                let _ = write!(out, "<testcase name=\"unknown\"><error>{}</error></testcase>", escaped(error));
            }
        }
        out.push_str("</testsuite>");
    }
    out + "</testsuites>\n"
}

fn case(outcome: &Outcome, out: &mut String) {
    let _ = write!(out, "<testcase name=\"{}\">", escaped(&outcome.name));
    for failure in &outcome.failures {
        let _ = write!(out, "<failure>{}</failure>", escaped(failure));
    }
    out.push_str("</testcase>");
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&#34;"),
            '\n' => out.push_str("&#xA;"),
            '\t' => out.push_str("&#x9;"),
            // XML has no other control characters.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
