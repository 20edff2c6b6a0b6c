//! Lines of Docker's json-file driver, and what `config.v2.json` beside the file says about the container.

use super::format::{Part, Stream, timestamp};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

/// `None` when the line has another shape.
pub(super) fn parse(line: &[u8]) -> Option<Part<'_>> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let stream = match &*line.stream {
        "stdout" => Stream::Stdout,
        "stderr" => Stream::Stderr,
        _ => return None,
    };
    let at = timestamp(&line.time)?;
    let continues = !line.log.ends_with('\n');
    let text = match line.log {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_suffix('\n').unwrap_or(text).as_bytes()),
        Cow::Owned(mut text) => {
            text.truncate(text.len() - usize::from(!continues));
            Cow::Owned(text.into_bytes())
        }
    };
    Some(Part { at, stream, text, continues })
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Container {
    name: String,
    config: Config,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    image: String,
    labels: BTreeMap<String, String>,
}

const COMPOSE_SERVICE: &str = "com.docker.compose.service";
const LARGEST_CONFIG: u64 = 1 << 20;

/// `container_id`, `container`, `image` and `app` for `<id>/<id>-json.log`; nothing for other paths.
pub(super) fn labels(path: &Path) -> Vec<(&'static str, String)> {
    let id = || {
        let id = path.file_name()?.to_str()?.strip_suffix("-json.log")?;
        (path.parent()?.file_name()?.to_str()? == id).then(|| id.to_owned())
    };
    let Some(id) = id() else { return Vec::new() };
    let mut labels = vec![("container_id", id.chars().take(12).collect())];
    if let Some(container) = read_config(&path.with_file_name("config.v2.json")) {
        let name = container.name.trim_start_matches('/');
        let service = container.config.labels.get(COMPOSE_SERVICE).map_or(name, String::as_str);
        labels.push(("app", service.to_owned()));
        labels.push(("container", name.to_owned()));
        labels.push(("image", container.config.image.clone()));
    }
    labels
}

fn read_config(path: &Path) -> Option<Container> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST_CONFIG).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_is_described_by_the_file_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let id = "0123456789abcdef0123456789abcdef";
        let home = dir.path().join(id);
        std::fs::create_dir(&home).unwrap();
        let log = home.join(format!("{id}-json.log"));
        assert_eq!(labels(&log), [("container_id", "0123456789ab".to_owned())]);
        let config = r#"{"ID":"0123","Name":"/shop-web-1","Config":{"Image":"shop:3","Env":[],
            "Labels":{"com.docker.compose.service":"web"}}}"#;
        std::fs::write(home.join("config.v2.json"), config).unwrap();
        let expected =
            [("container_id", "0123456789ab"), ("app", "web"), ("container", "shop-web-1"), ("image", "shop:3")];
        assert_eq!(labels(&log), expected.map(|(n, v)| (n, v.to_owned())));
        assert_eq!(labels(&home.join("other.log")), []);
    }

    #[test]
    fn a_line_needs_all_three_fields() {
        assert_eq!(parse(br#"{"log":"x\n","stream":"stdout"}"#), None);
        assert_eq!(parse(br#"{"log":"x\n","stream":"stdin","time":"2016-10-06T00:17:09Z"}"#), None);
        assert_eq!(parse(br#"{"log":"x\n","#), None);
    }
}
