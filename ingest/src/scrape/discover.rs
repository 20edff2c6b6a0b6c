//! [`Discovery`]: which addresses there are now, by the job's own list, files, servers and names.

use super::config::{FileSd, HttpSd, ScrapeConfig, StaticConfig};
use super::dns::Dns;
use super::fetch::Fetch;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Largest list of targets from one server or file.
const MAX_BYTES: usize = 16 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

/// An address and its labels.
pub(super) type Found = (String, BTreeMap<String, String>);

/// What each source said last: one that fails keeps it.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    sources: BTreeMap<String, Vec<Found>>,
    dns: Dns,
}

impl Discovery {
    /// Asks all sources; `servers` are how those of `http_sd_configs` are spoken to. What went wrong comes beside what is known.
    pub async fn ask(&mut self, config: &ScrapeConfig, servers: &[Arc<dyn Fetch>]) -> (Vec<Found>, Vec<String>) {
        let mut faults = Vec::new();
        let mut seen = BTreeMap::new();
        let mut answers = Vec::new();
        for sd in &config.file_sd_configs {
            answers.extend(files(sd).await);
        }
        for (sd, server) in config.http_sd_configs.iter().zip(servers) {
            answers.push((sd.url.clone(), http(sd, &**server).await));
        }
        for sd in &config.dns_sd_configs {
            for name in &sd.names {
                answers.push((name.clone(), self.dns.targets(name, sd).await));
            }
        }
        for (source, answer) in answers {
            let found = answer.unwrap_or_else(|fault| {
                faults.push(format!("{source}: {fault}"));
                self.sources.remove(&source).unwrap_or_default()
            });
            seen.insert(source, found);
        }
        self.sources = seen;
        let fixed = config.static_configs.iter().flat_map(|group| expanded(group, None));
        (fixed.chain(self.sources.values().flatten().cloned()).collect(), faults)
    }
}

/// How often to ask; `None` when nothing can change.
pub(super) fn interval(config: &ScrapeConfig) -> Option<Duration> {
    let files = config.file_sd_configs.iter().map(|sd| sd.refresh_interval);
    let servers = config.http_sd_configs.iter().map(|sd| sd.refresh_interval);
    let names = config.dns_sd_configs.iter().map(|sd| sd.refresh_interval);
    files.chain(servers).chain(names).min().map(|interval| interval.max(Duration::from_secs(1)))
}

fn expanded(group: &StaticConfig, from: Option<(&str, &str)>) -> Vec<Found> {
    let mut labels = group.labels.clone();
    labels.extend(from.map(|(name, value)| (name.to_owned(), value.to_owned())));
    group.targets.iter().map(|target| (target.clone(), labels.clone())).collect()
}

type Answer = (String, Result<Vec<Found>, String>);

async fn files(sd: &FileSd) -> Vec<Answer> {
    let patterns = sd.files.clone();
    let read = move || patterns.iter().flat_map(|pattern| files_of(pattern)).collect();
    match tokio::task::spawn_blocking(read).await {
        Ok(answers) => answers,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn files_of(pattern: &str) -> Vec<Answer> {
    let paths = match glob::glob(pattern) {
        Ok(paths) => paths,
        Err(error) => return vec![(pattern.to_owned(), Err(error.to_string()))],
    };
    let read = |path: std::path::PathBuf| {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let groups = text.and_then(|text| groups(text.as_bytes(), ("__meta_filepath", &name)));
        (name, groups)
    };
    paths.filter_map(Result::ok).map(read).collect()
}

/// YAML, of which JSON is a part.
fn groups(text: &[u8], from: (&str, &str)) -> Result<Vec<Found>, String> {
    let groups: Vec<StaticConfig> = serde_yaml_ng::from_slice(text).map_err(|error| error.to_string())?;
    Ok(groups.iter().flat_map(|group| expanded(group, Some(from))).collect())
}

async fn http(sd: &HttpSd, fetch: &dyn Fetch) -> Result<Vec<Found>, String> {
    match tokio::time::timeout(TIMEOUT, fetch.fetch(&sd.url, TIMEOUT, MAX_BYTES)).await {
        Err(_) => Err(format!("no answer within {TIMEOUT:?}")),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok(fetched)) => groups(&fetched.body, ("__meta_url", &sd.url)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ScrapeFile;
    use super::super::run::tests::Site;
    use super::*;

    fn config(settings: &str) -> ScrapeConfig {
        let file = ScrapeFile::parse(&format!("scrape_configs: [{{job_name: j, {settings}}}]")).unwrap();
        file.scrape_configs[0].clone()
    }

    #[tokio::test]
    async fn a_source_that_fails_keeps_what_it_said_last() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        std::fs::write(&path, r#"[{"targets":["a:1","b:1"],"labels":{"env":"x"}}]"#).unwrap();
        let pattern = directory.path().join("*.json").display().to_string();
        let config =
            config(&format!("static_configs: [{{targets: ['s:1']}}], file_sd_configs: [{{files: ['{pattern}']}}]"));
        let mut discovery = Discovery::default();
        let (found, faults) = discovery.ask(&config, &[]).await;
        assert_eq!(found.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(), ["s:1", "a:1", "b:1"]);
        assert_eq!((found[1].1["env"].as_str(), faults.len()), ("x", 0));
        assert_eq!(found[1].1["__meta_filepath"], path.display().to_string());
        std::fs::write(&path, "not a list").unwrap();
        let (found, faults) = discovery.ask(&config, &[]).await;
        assert_eq!((found.len(), faults.len()), (3, 1));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(discovery.ask(&config, &[]).await.0.len(), 1, "a file that is gone has no targets");
    }

    #[tokio::test]
    async fn servers_and_names_are_asked() {
        let site = Site::default();
        site.serve("http://sd/", r#"[{"targets":["h:1"],"labels":{}}]"#);
        let config = config(
            "http_sd_configs: [{url: 'http://sd/'}], dns_sd_configs: [{names: [localhost], type: A, port: 9100}]",
        );
        let (found, faults) = Discovery::default().ask(&config, &[Arc::new(site)]).await;
        assert_eq!(found.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(), ["h:1", "127.0.0.1:9100"]);
        assert_eq!((interval(&config), faults.len()), (Some(Duration::from_secs(30)), 0));
    }
}
