//! PromQL beside a real Prometheus: the same samples by remote write to both, random queries to both, the same answers.
//!
//! `GANTRY_SEED` chooses series and queries (without it they are always the same), `GANTRY_PROMQL_QUERIES` how many are
//! asked. What Prometheus 2 is known to answer differently is generated around: `query/promql/tests/random/queries.rs`
//! lists it. Start with [`answers`] for what counts as the same.

mod answers;
#[path = "../../../query/promql/tests/random/mod.rs"]
mod random;
mod write;

use crate::harness::{Launch, Loki, Prometheus, free_port};
use answers::{Outcome, differ};
use random::{Chance, Queries};

const QUERIES: usize = 400;
/// Differences that are shown before the test fails.
const SHOWN: usize = 25;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// A query with its time.
struct Question {
    query: String,
    times: (i64, i64, i64),
}

impl Question {
    async fn ask(&self, server: &Loki, query: &str) -> Outcome {
        let (start, end, step) = self.times;
        let [start_text, end_text, step] = [start, end, step].map(|number| number.to_string());
        let instant = [("query", query), ("time", &start_text)];
        let range = [("query", query), ("start", &start_text), ("end", &end_text), ("step", &step)];
        let (path, form) =
            if start == end { ("/api/v1/query", &instant[..]) } else { ("/api/v1/query_range", &range[..]) };
        let answer = server.post_request(path).form(form).send().await.unwrap();
        Outcome::read(&answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_are_answered_as_prometheus_answers_them() {
    let (seed, many) = (setting("GANTRY_SEED", 1), setting("GANTRY_PROMQL_QUERIES", QUERIES));
    println!("GANTRY_SEED={seed} GANTRY_PROMQL_QUERIES={many}");
    let mut chance = Chance::new(seed as u64);
    let series = random::world(&mut chance);
    let launch = Launch::new().set("query.promql_experimental", true);
    let prometheus = Prometheus::start(&launch.scratch().join("prometheus"), free_port()).await;
    let server = launch.start().await;
    for body in write::requests(&series) {
        write::send(&server.loki, &body).await;
        write::send(&prometheus.api, &body).await;
    }
    let (mut same, mut errors, mut empty, mut differences) = (0, 0, 0, Vec::new());
    for _ in 0..many {
        let mut queries = Queries::new(&mut chance);
        let (query, (start, end, step)) = (queries.query(), queries.times());
        let end = if chance.one_in(2) { start } else { end };
        let question = Question { query, times: (start, end, step) };
        let renamed = question.query.replace("double_exponential_smoothing", "holt_winters");
        let (ours, theirs) =
            tokio::join!(question.ask(&server.loki, &question.query), question.ask(&prometheus.api, &renamed));
        errors += usize::from(matches!(theirs, Outcome::Failed { .. }));
        empty += usize::from(theirs.is_empty());
        match differ(&question.query, &ours, &theirs) {
            None => same += 1,
            Some(how) => differences.push(format!("{}\n    at {:?}: {how}", question.query, question.times)),
        }
    }
    println!("{many} queries, {same} same; of these failed {errors}, empty {empty}");
    assert!(errors + empty < many / 2, "most queries have an answer");
    let shown = differences.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "seed {seed}: {} of {many} queries differ:\n{shown}", differences.len());
    server.stop().await;
}
