//! From tables to options, one key at a time, so that one bad value does not hide the next.

use super::{Problem, fields, suggest};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Takes sections out of a merged table and collects what is wrong with them.
#[derive(Debug)]
pub struct Binder {
    root: Table,
    seen: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl Binder {
    pub fn new(root: Table) -> Self {
        Binder { root, seen: Vec::new(), problems: Vec::new() }
    }

    /// The options of a section: the defaults where nothing is set or something is wrong.
    pub fn section<T: DeserializeOwned + Default>(&mut self, name: &'static str) -> T {
        self.seen.push(name);
        let table = match self.root.remove(name) {
            None => return T::default(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                self.report(name, format!("is a section, written [{name}], and not a {}", other.type_str()));
                return T::default();
            }
        };
        let mut good = Table::new();
        for (key, value) in table {
            if let Some(value) = self.value::<T>(name, &key, value) {
                good.insert(key, value);
            }
        }
        T::deserialize(Value::Table(good)).unwrap_or_else(|wrong| {
            self.report(name, first_line(&wrong));
            T::default()
        })
    }

    /// The entries of an array of tables, written `[[name]]`; those in which something is wrong are left out.
    pub fn list<T: DeserializeOwned>(&mut self, name: &'static str) -> Vec<T> {
        self.seen.push(name);
        let entries = match self.root.remove(name) {
            None => return Vec::new(),
            Some(Value::Array(entries)) => entries,
            Some(_) => {
                self.report(name, format!("is written [[{name}]], once for each"));
                return Vec::new();
            }
        };
        let mut good = Vec::new();
        for (at, entry) in entries.into_iter().enumerate() {
            match T::deserialize(entry) {
                Ok(entry) => good.push(entry),
                Err(wrong) => self.report(format!("{name} {}", at + 1), first_line(&wrong)),
            }
        }
        good
    }

    /// The value in a form that `T` accepts for `key`, or a problem.
    fn value<T: DeserializeOwned>(&mut self, section: &str, key: &str, value: Value) -> Option<Value> {
        let names = fields::names::<T>();
        let path = format!("{section}.{key}");
        if !names.contains(&key) {
            let hint = match suggest::nearest(key, names.iter().copied()) {
                Some(near) => format!("did you mean {section}.{near}?"),
                None => format!("[{section}] knows {}", names.join(", ")),
            };
            self.report(path, format!("no such key; {hint}"));
            return None;
        }
        match try_forms::<T>(key, value) {
            Ok(value) => Some(value),
            Err(message) => {
                self.report(path, message);
                None
            }
        }
    }

    fn report(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), message: message.into() });
    }

    /// All problems; sections that nobody asked for are among them.
    pub fn finish(mut self) -> Vec<Problem> {
        let unknown: Vec<String> = self.root.keys().cloned().collect();
        for name in unknown {
            let hint = match suggest::nearest(&name, self.seen.iter().copied()) {
                Some(near) => format!("did you mean [{near}]?"),
                None => format!("there are {}", self.seen.join(", ")),
            };
            self.report(name, format!("no such section; {hint}"));
        }
        self.problems
    }
}

/// Tries the value as it stands, then as the other things a person may have meant: a size, a text, no limit.
fn try_forms<T: DeserializeOwned>(key: &str, value: Value) -> Result<Value, String> {
    let refusal = match try_one::<T>(key, &value) {
        Ok(()) => return Ok(value),
        Err(refusal) => refusal,
    };
    let others = match &value {
        Value::String(text) => {
            let size = parse_size(text).map(Value::Integer);
            let unlimited = (text == "forever").then(|| Value::String("none".to_owned()));
            size.into_iter().chain(unlimited).collect()
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => vec![Value::String(value.to_string())],
        _ => Vec::new(),
    };
    others.into_iter().find(|other| try_one::<T>(key, other).is_ok()).ok_or(refusal)
}

fn try_one<T: DeserializeOwned>(key: &str, value: &Value) -> Result<(), String> {
    let alone = Table::from_iter([(key.to_owned(), value.clone())]);
    T::deserialize(Value::Table(alone)).map(drop).map_err(|wrong| first_line(&wrong))
}

fn first_line(error: &toml::de::Error) -> String {
    error.message().lines().next().unwrap_or_default().to_owned()
}

/// Bytes of `"64MiB"`, `"1.5 GB"`, `"512"`. Binary units are powers of 1024, decimal ones of 1000.
fn parse_size(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let unit: f64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1_048_576.0,
        "g" | "gib" => 1_073_741_824.0,
        "t" | "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number * unit;
    (bytes < i64::MAX as f64).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(parse_size("64MiB"), Some(64 << 20));
        assert_eq!(parse_size("1.5 kb"), Some(1500));
        assert_eq!(parse_size("512"), Some(512));
        assert_eq!(parse_size("many"), None);
    }
}
