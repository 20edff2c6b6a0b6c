//! Where values come from: file, then environment, then flags; the later wins.

use super::Problem;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

const PREFIX: &str = "GANTRY__";
/// How long lines are kept when nobody says otherwise.
const DEFAULT_RETENTION: &str = "30d";

/// The unmerged layers.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    pub file: Option<PathBuf>,
    /// Variables such as `GANTRY__STORE__SYNC`; others are ignored.
    pub environment: Vec<(String, String)>,
    /// Section, key, value.
    pub flags: Vec<(&'static str, &'static str, Value)>,
}

/// The file that was named by `--config` or `GANTRY_CONFIG`, else `gantry.toml` here if there is one.
pub fn file_to_read(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| Some(PathBuf::from("gantry.toml")).filter(|here| here.exists()))
}

impl Layers {
    /// Names the file, if there is one.
    pub fn source(&self) -> String {
        self.file.as_ref().map_or_else(|| "flags and environment".to_owned(), |file| file.display().to_string())
    }

    /// One table of sections.
    pub fn merge(&self) -> Result<Table, Problem> {
        let mut merged = self.file.as_deref().map(read).transpose()?.unwrap_or_default();
        for (name, value) in &self.environment {
            if let Some(path) = name.strip_prefix(PREFIX) {
                let path = path.to_ascii_lowercase();
                let Some((section, key)) = path.split_once("__") else {
                    return Err(Problem::new(name, format!("is written {PREFIX}SECTION__KEY")));
                };
                set(&mut merged, section, key, typed(value));
            }
        }
        for (section, key, value) in &self.flags {
            set(&mut merged, section, key, value.clone());
        }
        default_retention(&mut merged);
        Ok(merged)
    }
}

/// Lines are kept for a month.
fn default_retention(merged: &mut Table) {
    if merged.get("store").is_none_or(|store| store.get("retention").is_none()) {
        set(merged, "store", "retention", Value::String(DEFAULT_RETENTION.to_owned()));
    }
}

fn read(file: &Path) -> Result<Table, Problem> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|e| Problem::new(&name, format!("cannot be read: {e}")))?;
    text.parse().map_err(|e: toml::de::Error| Problem::new(name, format!("is no TOML: {}", e.to_string().trim_end())))
}

fn set(merged: &mut Table, section: &str, key: &str, value: Value) {
    let table = merged.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(table) = table {
        // `__` descends further: GANTRY__STORE__S3__BUCKET is store.s3.bucket.
        match key.split_once("__") {
            Some((sub, rest)) => set(table, sub, rest, value),
            None => drop(table.insert(key.to_owned(), value)),
        }
    }
}

/// `5`, `true` and `["a"]` as TOML has them; everything else is a text.
fn typed(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.filter(|value| !value.is_table() && !value.is_datetime()).unwrap_or_else(|| Value::String(text.to_owned()))
}
