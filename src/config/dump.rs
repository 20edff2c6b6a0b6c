//! The effective configuration as TOML that can be read back.

use super::Config;

/// Every key of every section with its value in force, and what the units are.
pub fn dump(config: &Config) -> Result<String, toml::ser::Error> {
    let body = toml::to_string(config)?;
    let mut text = String::from(
        "# The configuration in force: defaults, then the file, then the environment (GANTRY__SECTION__KEY), then flags.\n\
         # Durations are texts such as \"30s\" or \"1h 30m\"; \"none\" is no limit. Keys that end in bytes are sizes: a number\n\
         # of bytes or a text such as \"64MiB\". Addresses are \"HOST:PORT\" or \"off\".\n\n",
    );
    for line in body.lines() {
        text.push_str(line);
        if let Some(comment) = comment(line) {
            text.push_str(&format!("  # {comment}"));
        }
        text.push('\n');
    }
    Ok(text)
}

/// Says a large number of bytes in units.
fn comment(line: &str) -> Option<String> {
    let (key, value) = line.split_once(" = ")?;
    let bytes: u64 = value.parse().ok()?;
    if !key.contains("bytes") || bytes < 1024 {
        return None;
    }
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let (size, unit) = units.into_iter().find(|(size, _)| bytes >= *size)?;
    let per_second = if key.ends_with("per_second") { " per second" } else { "" };
    let shown = if bytes.is_multiple_of(size) {
        (bytes / size).to_string()
    } else {
        format!("{:.1}", bytes as f64 / size as f64)
    };
    Some(format!("{shown} {unit}{per_second}"))
}
