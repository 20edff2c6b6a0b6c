//! [`Expectations`]: what should become of each line.

use super::report::Outcome;
use anyhow::Context;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Expectations {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    number: usize,
}

impl Expectations {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Ok(Expectations { path: path.to_owned(), lines: BufReader::new(file).lines(), number: 0 })
    }

    /// How the outcome differs from what is expected next; `None`: it does not.
    pub fn next(&mut self, outcome: &Outcome<'_>) -> anyhow::Result<Option<String>> {
        let Some(expected) = self.read()? else { return Ok(Some("nothing is expected".to_owned())) };
        let got = outcome.json();
        Ok(difference(&expected, &got))
    }

    fn read(&mut self) -> anyhow::Result<Option<Value>> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        self.number += 1;
        let place = || format!("{}:{}", self.path.display(), self.number);
        let line = line.with_context(place)?;
        serde_json::from_str(&line).map(Some).with_context(place)
    }

    /// How many lines are left.
    pub fn count_rest(&mut self) -> anyhow::Result<usize> {
        let mut rest = 0;
        while self.read()?.is_some() {
            rest += 1;
        }
        Ok(rest)
    }
}

/// Of an object only the keys that are expected; everything else as a whole.
fn difference(expected: &Value, got: &Value) -> Option<String> {
    let Value::Object(keys) = expected else {
        return (expected != got).then(|| format!("expected {expected}, got {got}"));
    };
    keys.iter().find_map(|(key, expected)| {
        let got_value = got.get(key).unwrap_or(&Value::Null);
        (expected != got_value).then(|| format!("{key}: expected {expected}, got {got_value}; the outcome is {got}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_keys_that_are_expected_are_compared() {
        let got = json!({"message": "a", "tenant": "t"});
        assert_eq!(difference(&json!({"message": "a"}), &got), None);
        assert_eq!(difference(&json!({"dropped": null}), &got), None);
        let text = difference(&json!({"message": "b"}), &got).unwrap();
        assert!(text.starts_with("message: expected \"b\", got \"a\""), "{text}");
        assert!(difference(&json!({"dropped": {"transform": "x"}}), &got).is_some());
    }
}
