//! Globs of the configuration that name files which may come and go.

use anyhow::bail;

/// Says which globs match nothing; a path without wildcards has to be there.
///
/// # Errors
/// A file that is not there.
pub fn look(option: &str, globs: &[String]) -> anyhow::Result<()> {
    for pattern in globs {
        // Patterns that are none were refused with the configuration.
        if glob::glob(pattern).is_ok_and(|mut found| found.any(|path| path.is_ok())) {
            continue;
        }
        if !pattern.contains(['*', '?', '[']) {
            bail!("{option} names {pattern}, which is not there");
        }
        tracing::warn!("no file matches {pattern:?} of {option}; it is looked for again and again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_to_be_there_and_a_glob_need_not_match() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yml").display().to_string();
        assert!(look("rules.files", &[format!("{}/*.yml", dir.path().display())]).is_ok());
        let wrong = look("rules.files", std::slice::from_ref(&file)).unwrap_err().to_string();
        assert_eq!(wrong, format!("rules.files names {file}, which is not there"));
        std::fs::write(&file, "").unwrap();
        assert!(look("rules.files", &[file]).is_ok());
    }
}
