//! [`Textfiles`]: metrics that others leave in files `*.prom`, as node_exporter's `textfile` collector reads them.
//!
//! A file that is not understood as a whole, or has timestamps, is left out as a whole: `node_textfile_scrape_error` tells.

use crate::decode::{Entry, TextFormat, TextParser, TextSample};
use gantry_collect::Families;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};

/// Most that is read, of one file and of all, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// A directory.
#[derive(Debug)]
pub(super) struct Textfiles {
    directory: PathBuf,
}

impl Textfiles {
    pub fn new(directory: PathBuf) -> Self {
        Textfiles { directory }
    }

    /// Appends the files to `text`, and what there is to say of them to `found`. Faults come back with the file's name.
    pub fn read(&self, text: &mut String, found: &mut Families) -> Vec<String> {
        let began = Instant::now();
        let mut faults = Vec::new();
        let paths = self.paths().unwrap_or_else(|error| {
            faults.push(format!("{}: {error}", self.directory.display()));
            Vec::new()
        });
        for path in paths {
            let shown = path.display().to_string();
            match read(&path) {
                Ok((body, _)) if (text.len() + body.len()) as u64 > MAX_BYTES => {
                    faults.push(format!("{shown}: all files together are more than {MAX_BYTES} bytes"));
                }
                Ok((body, modified)) => {
                    text.push_str(&body);
                    found
                        .gauge("node_textfile_mtime_seconds", "When a file was written, in seconds since 1970.")
                        .add(&[("file", &shown)], modified);
                }
                Err(fault) => faults.push(format!("{shown}: {fault}")),
            }
        }
        let failed = f64::from(u8::from(!faults.is_empty()));
        found.gauge("node_textfile_scrape_error", "1 when a file could not be read.").set(failed);
        gantry_collect::tell_run("textfile", began.elapsed(), true, found);
        faults
    }

    fn paths(&self) -> io::Result<Vec<PathBuf>> {
        let found = fs::read_dir(&self.directory)?;
        let mut paths: Vec<PathBuf> = found.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "prom"));
        paths.sort();
        Ok(paths)
    }
}

/// The text, which ends with a line's end, and when it was written.
fn read(path: &Path) -> Result<(String, f64), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(format!("it is no file of at most {MAX_BYTES} bytes"));
    }
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    check(&text)?;
    Ok((text, modified.map_or(0.0, |since| since.as_secs_f64())))
}

fn check(text: &str) -> Result<(), String> {
    let mut parser = TextParser::new(text.as_bytes(), TextFormat::Prometheus);
    let mut sample = TextSample::default();
    while let Some(entry) = parser.next_entry(&mut sample).map_err(|error| error.to_string())? {
        if matches!(entry, Entry::Sample) && sample.timestamp_ms.is_some() {
            return Err("it has timestamps, and would be stale or refused".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_files_are_read_and_bad_ones_left_out_whole() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("a.prom", "# TYPE backup_age gauge\nbackup_age 5");
        write("b.prom", "good 1\nbroken{ 1\n");
        write("c.prom", "old 1 1700000000000\n");
        write("d.txt", "other 1\n");
        let (mut text, mut found) = (String::new(), Families::default());
        let faults = Textfiles::new(directory.path().to_owned()).read(&mut text, &mut found);
        assert_eq!(text, "# TYPE backup_age gauge\nbackup_age 5\n");
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("b.prom: ") && faults[1].contains("c.prom: it has timestamps"), "{faults:?}");
        assert_eq!(found.get("node_textfile_scrape_error").unwrap().samples[0].value, 1.0);
        assert_eq!(found.get("node_textfile_mtime_seconds").unwrap().samples.len(), 1);
    }

    #[test]
    fn a_directory_that_is_not_there_is_told() {
        let (mut text, mut found) = (String::new(), Families::default());
        let faults = Textfiles::new("/nowhere".into()).read(&mut text, &mut found);
        assert_eq!((faults.len(), text.as_str()), (1, ""));
        assert_eq!(found.get("node_textfile_scrape_error").unwrap().samples[0].value, 1.0);
    }
}
