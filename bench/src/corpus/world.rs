//! The imaginary cluster: its services, and the 400 streams of their pods.

use super::vocabulary::Vocabulary;
use crate::rng::{Rng, Zipf};

/// What a service is written in or does, which decides the shape of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Web,
    Java,
    Go,
    Node,
    Python,
    Database,
    Cache,
    Queue,
    Controller,
    Batch,
}

#[derive(Clone, Debug)]
pub struct Service {
    pub name: &'static str,
    pub namespace: &'static str,
    pub family: Family,
    pub vocabulary: Vocabulary,
}

#[derive(Clone, Debug)]
pub struct Stream {
    pub service: usize,
    pub pod: String,
    pub container: String,
    pub stderr: bool,
    pub node: String,
}

#[derive(Clone, Debug)]
pub struct World {
    pub services: Vec<Service>,
    pub streams: Vec<Stream>,
    /// Streams of each service that are drawn for ordinary lines.
    ordinary: Vec<Vec<usize>>,
    popularity: Zipf,
    pods: Zipf,
}

pub const STREAMS: usize = 400;
const NODES: u64 = 12;

const SERVICES: [(&str, &str, Family); 40] = [
    ("storefront", "shop", Family::Web),
    ("checkout", "shop", Family::Java),
    ("catalog", "shop", Family::Go),
    ("basket", "shop", Family::Node),
    ("edge-gateway", "edge", Family::Web),
    ("payments", "billing", Family::Java),
    ("identity", "accounts", Family::Go),
    ("search-api", "shop", Family::Java),
    ("inventory", "shop", Family::Go),
    ("recommender", "ml", Family::Python),
    ("orders-db", "data", Family::Database),
    ("session-cache", "data", Family::Cache),
    ("notifier", "messaging", Family::Node),
    ("mail-sender", "messaging", Family::Python),
    ("event-relay", "messaging", Family::Queue),
    ("pricing", "shop", Family::Java),
    ("shipping", "logistics", Family::Go),
    ("warehouse", "logistics", Family::Java),
    ("route-planner", "logistics", Family::Python),
    ("tax-engine", "billing", Family::Java),
    ("invoices", "billing", Family::Python),
    ("ledger", "billing", Family::Java),
    ("ledger-db", "data", Family::Database),
    ("profiles", "accounts", Family::Node),
    ("consent", "accounts", Family::Go),
    ("media-resizer", "content", Family::Go),
    ("cms", "content", Family::Node),
    ("asset-store", "content", Family::Web),
    ("feature-flags", "platform", Family::Go),
    ("rate-limiter", "edge", Family::Go),
    ("job-runner", "platform", Family::Batch),
    ("rollout-operator", "platform", Family::Controller),
    ("node-keeper", "platform", Family::Controller),
    ("cert-rotator", "platform", Family::Controller),
    ("stream-joiner", "data", Family::Queue),
    ("warehouse-etl", "data", Family::Batch),
    ("fraud-scorer", "ml", Family::Python),
    ("feature-store", "ml", Family::Go),
    ("hot-cache", "data", Family::Cache),
    ("report-builder", "analytics", Family::Batch),
];

impl World {
    pub fn new(rng: &mut Rng) -> Self {
        let services: Vec<Service> = SERVICES
            .iter()
            .map(|&(name, namespace, family)| Service {
                name,
                namespace,
                family,
                vocabulary: Vocabulary::new(rng, name),
            })
            .collect();
        let streams = streams(&services, rng);
        let mut ordinary = vec![Vec::new(); services.len()];
        for (at, stream) in streams.iter().enumerate().filter(|(_, stream)| !stream.stderr) {
            ordinary[stream.service].push(at);
        }
        World { services, streams, ordinary, popularity: Zipf::new(SERVICES.len(), 0.85), pods: Zipf::new(64, 0.3) }
    }

    /// A stream for an ordinary line: popular services more often, and their first pods a little more.
    pub fn draw(&self, rng: &mut Rng) -> usize {
        let streams = &self.ordinary[self.popularity.draw(rng)];
        streams[self.pods.draw(rng) % streams.len()]
    }

    /// Where the same pod writes what goes to standard error; the stream itself when it has no such stream.
    pub fn stderr_of(&self, stream: usize) -> usize {
        match self.streams.get(stream + 1) {
            Some(next) if next.stderr && next.pod == self.streams[stream].pod => stream + 1,
            _ => stream,
        }
    }

    pub fn labels(&self, stream: usize) -> Vec<(&'static str, String)> {
        let it = &self.streams[stream];
        let service = &self.services[it.service];
        vec![
            ("app", service.name.to_owned()),
            ("container", it.container.clone()),
            ("namespace", service.namespace.to_owned()),
            ("node", it.node.clone()),
            ("pod", it.pod.clone()),
            ("stream", if it.stderr { "stderr" } else { "stdout" }.to_owned()),
        ]
    }
}

/// Pods are dealt round until exactly [`STREAMS`] streams exist; popular services come first and so get the odd ones.
fn streams(services: &[Service], rng: &mut Rng) -> Vec<Stream> {
    let mut per_service: Vec<Vec<Stream>> = vec![Vec::new(); services.len()];
    let mut total = 0;
    while total < STREAMS {
        for (at, service) in services.iter().enumerate() {
            let pod = pod_name(service, rng);
            let node = format!("node-{:02}", rng.below(NODES));
            let new = pod_streams(at, service, pod, node);
            let room = (STREAMS - total).min(new.len());
            per_service[at].extend(new.into_iter().take(room));
            total += room;
        }
    }
    per_service.into_iter().flatten().collect()
}

fn pod_streams(at: usize, service: &Service, pod: String, node: String) -> Vec<Stream> {
    let stream = |container: &str, stderr| Stream {
        service: at,
        pod: pod.clone(),
        container: container.to_owned(),
        stderr,
        node: node.clone(),
    };
    match service.family {
        Family::Java | Family::Node => vec![stream(service.name, false), stream(service.name, true)],
        Family::Go if at.is_multiple_of(2) => vec![stream(service.name, false), stream("sidecar", false)],
        _ => vec![stream(service.name, false)],
    }
}

/// As a cluster names the pods of a deployment, or of a stateful set.
fn pod_name(service: &Service, rng: &mut Rng) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut tail = |n: usize| -> String { (0..n).map(|_| char::from(rng.pick(LETTERS))).collect() };
    format!("{}-{}-{}", service.name, tail(9), tail(5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_exactly_400_streams_with_distinct_labels() {
        let world = World::new(&mut Rng::new(1));
        let labels: BTreeSet<_> = (0..world.streams.len()).map(|at| world.labels(at)).collect();
        assert_eq!(labels.len(), STREAMS);
        assert!(world.ordinary.iter().all(|streams| !streams.is_empty()));
    }

    #[test]
    fn standard_error_belongs_to_the_same_pod() {
        let world = World::new(&mut Rng::new(1));
        for at in 0..world.streams.len() {
            assert_eq!(world.streams[world.stderr_of(at)].pod, world.streams[at].pod);
        }
    }
}
