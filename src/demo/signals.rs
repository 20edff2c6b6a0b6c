//! What the demo watches itself by: rules over its lines and metrics, and a policy of scaling.
//!
//! They are written below the data directory, so that one can read them, and are files like those of an operator. Never here:
//! evaluating them.

use crate::config::Config;
use anyhow::Context;
use std::fs;

const RULES: &str = include_str!("signals/rules.yml");
const LOG_RULES: &str = include_str!("signals/log-rules.yml");
const POLICIES: &str = include_str!("signals/policies.yml");

/// Writes the files, over those of an earlier start, and adds them to what the configuration names.
///
/// # Errors
/// A data directory that cannot be written.
pub fn add_to(config: &mut Config) -> anyhow::Result<()> {
    let dir = config.store.data.join("demo");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make the directory {}", dir.display()))?;
    let named = [
        ("rules.yml", RULES, &mut config.rules.files),
        ("log-rules.yml", LOG_RULES, &mut config.rules.log_files),
        ("policies.yml", POLICIES, &mut config.scale.files),
    ];
    for (name, text, globs) in named {
        let file = dir.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        globs.push(glob::Pattern::escape(&file.display().to_string()));
    }
    Ok(())
}
