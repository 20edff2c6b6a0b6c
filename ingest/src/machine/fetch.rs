//! [`LocalFetch`]: a source of this machine, fetched as a target is.

use super::textfile::Textfiles;
use crate::reason::Reason;
use crate::scrape::{Fetch, FetchError, Fetched};
use async_trait::async_trait;
use gantry_collect::{Collect, CollectError};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Runs a source on a thread that may block, one run at a time.
#[derive(Debug)]
pub(super) struct LocalFetch {
    job: &'static str,
    source: Arc<dyn Collect>,
    textfiles: Option<Arc<Textfiles>>,
    turn: Arc<Semaphore>,
    /// The last fault of each collector: the same one is told once.
    told: Mutex<HashMap<&'static str, String>>,
}

impl LocalFetch {
    pub fn new(job: &'static str, source: Arc<dyn Collect>, textfiles: Option<Textfiles>) -> Self {
        let turn = Arc::new(Semaphore::new(1));
        LocalFetch { job, source, textfiles: textfiles.map(Arc::new), turn, told: Mutex::default() }
    }

    fn tell(&self, faults: &[(&'static str, CollectError)], unread: &[String]) {
        let absent = |fault: &CollectError| fault.is_absent();
        let faults = faults.iter().map(|(name, fault)| (*name, fault.to_string(), absent(fault)));
        let unread = (!unread.is_empty()).then(|| ("textfile", unread.join("; "), false));
        let faults: Vec<(&'static str, String, bool)> = faults.chain(unread).collect();
        let mut told = self.told.lock();
        told.retain(|name, _| faults.iter().any(|(other, ..)| other == name));
        for (name, text, absent) in faults {
            if told.get(name) == Some(&text) {
                continue;
            }
            match absent {
                true => tracing::debug!(job = self.job, collector = name, "nothing to collect: {text}"),
                false => tracing::warn!(job = self.job, collector = name, "a collector failed: {text}"),
            }
            told.insert(name, text);
        }
    }
}

#[async_trait]
impl Fetch for LocalFetch {
    /// The URL names the target to people; there is only one.
    async fn fetch(&self, _url: &str, _timeout: Duration, max_bytes: usize) -> Result<Fetched, FetchError> {
        let failed = |message: &str| FetchError::new(Reason::ScrapeFailed, message);
        let turn = self.turn.clone().try_acquire_owned();
        let turn = turn.map_err(|_| failed("the last collection is still under way"))?;
        let (source, textfiles) = (self.source.clone(), self.textfiles.clone());
        let collected = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let (mut collected, mut text) = (source.collect(), String::new());
            let unread = textfiles.map(|files| files.read(&mut text, &mut collected.families)).unwrap_or_default();
            (collected.families.to_text() + &text, collected.faults, unread)
        });
        let (text, faults, unread) = collected.await.map_err(|_| failed("the collection panicked"))?;
        self.tell(&faults, &unread);
        let body = text.into_bytes();
        if body.len() > max_bytes {
            let message = format!("{} bytes were collected, {max_bytes} are allowed", body.len());
            return Err(FetchError::new(Reason::BodyTooLarge, message));
        }
        Ok(Fetched { body, content_type: "text/plain; version=0.0.4".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_collect::{Collected, Families};
    use std::sync::Barrier;

    #[derive(Debug)]
    struct Slow(Barrier);

    impl Collect for Slow {
        fn collect(&self) -> Collected {
            self.0.wait();
            let mut families = Families::default();
            families.gauge("a", "A.").set(1.0);
            Collected { families, faults: vec![("x", CollectError::Panicked)] }
        }
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn one_run_at_a_time_and_no_more_than_is_allowed() {
        let slow = Arc::new(Slow(Barrier::new(2)));
        let fetch = Arc::new(LocalFetch::new("j", slow.clone(), None));
        let first = tokio::spawn({
            let fetch = fetch.clone();
            async move { fetch.fetch("", LONG, 1000).await }
        });
        while fetch.turn.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = fetch.fetch("", LONG, 1000).await.unwrap_err();
        assert_eq!(
            (second.reason, second.message.as_str()),
            (Reason::ScrapeFailed, "the last collection is still under way")
        );
        let let_go = slow.clone();
        tokio::task::spawn_blocking(move || let_go.0.wait()).await.unwrap();
        assert_eq!(first.await.unwrap().unwrap().body, b"# HELP a A.\n# TYPE a gauge\na 1\n");
        assert_eq!(fetch.told.lock()["x"], "the collector panicked");
        let third = tokio::spawn(async move { fetch.fetch("", LONG, 10).await });
        tokio::task::spawn_blocking(move || slow.0.wait()).await.unwrap();
        assert_eq!(third.await.unwrap().unwrap_err().reason, Reason::BodyTooLarge);
    }
}
