//! Rules: the ruler, with the query engine to ask and the store to write to.

use super::globs;
use crate::config::Config;
use crate::supervisor::{Kind, Supervisor};
use anyhow::anyhow;
use async_trait::async_trait;
use gantry_alerting::{Evaluate, Expand, ForState, Point, Sample, Templates, Value};
use gantry_meta::MetaStore;
use gantry_model::metric::MetricBatch;
use gantry_model::{Clock, LabelSet, MatchOp, Matcher, Selector, TenantId};
use gantry_query::{InstantSample, InstantValue, QueryEngine, QueryError};
use gantry_ruler::{Engines, GroupId, Language, Notify, Ruler, Told};
use gantry_store_api::{AppendMetrics, MillisRange};
use prometheus::Registry;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What rules ask and write to.
#[derive(Clone)]
pub struct RuleData {
    pub query: Arc<QueryEngine>,
    pub append: Arc<dyn AppendMetrics>,
    /// Where people reach this server, without a slash at its end.
    pub url: String,
    pub templates: Templates,
}

impl RuleData {
    /// `url`: where people reach this server.
    pub fn new(query: Arc<QueryEngine>, append: Arc<dyn AppendMetrics>, config: &Config, url: String) -> Self {
        let templates = Templates::new(config.rules.external_labels.clone(), url.clone());
        RuleData { query, append, url, templates }
    }
}

/// What the ruler is built of, beside data.
pub struct RulerParts<'a> {
    pub supervisor: &'a Supervisor,
    pub config: &'a Config,
    pub meta: Arc<dyn MetaStore>,
    pub clock: Arc<dyn Clock>,
    pub registry: &'a Registry,
}

/// Starts to evaluate rules.
pub async fn start(parts: RulerParts<'_>, data: RuleData, notify: Arc<dyn Notify>) -> anyhow::Result<Arc<Ruler>> {
    let RulerParts { supervisor, config, meta, clock, registry } = parts;
    let (options, registry) = (config.rules.clone(), registry.clone());
    globs::look("rules.files", &options.files)?;
    globs::look("rules.log_files", &options.log_files)?;
    let engines = Arc::new(TenantData { data, runtime: Handle::current() });
    let made =
        tokio::task::spawn_blocking(move || Ruler::new(options, engines, notify, meta, clock, &registry)).await?;
    let ruler = Arc::new(made.map_err(|invalid| {
        let files: Vec<String> = invalid.iter().map(ToString::to_string).collect();
        anyhow!("rules cannot be taken:\n  {}", files.join("\n  "))
    })?);
    let stop = supervisor.stopping(Kind::Source);
    let running = ruler.clone();
    supervisor.spawn(Kind::Source, "rules", async move {
        running.run(stop).await;
        Ok(())
    });
    Ok(ruler)
}

/// Tells everyone who is to be told of alerts.
#[derive(Clone, Default)]
pub struct Everyone(pub Vec<Arc<dyn Notify>>);

#[async_trait]
impl Notify for Everyone {
    async fn notify(&self, group: &GroupId, alerts: Vec<Told>) {
        for one in &self.0 {
            one.notify(group, alerts.clone()).await;
        }
    }

    async fn settle(&self, group: &GroupId, known: &BTreeSet<LabelSet>) -> bool {
        let mut all = true;
        for one in &self.0 {
            all &= one.settle(group, known).await;
        }
        all
    }
}

struct TenantData {
    data: RuleData,
    runtime: Handle,
}

/// As one tenant sees it.
struct OfTenant {
    data: RuleData,
    runtime: Handle,
    tenant: TenantId,
    language: Language,
}

impl Engines for TenantData {
    fn check(&self, language: Language, expr: &str) -> Result<(), String> {
        let checked = match language {
            Language::Promql => self.data.query.check_promql(expr),
            Language::Logql => self.data.query.check_logql_metric(expr),
        };
        checked.map_err(|error| error.to_string())
    }

    fn evaluate(&self, tenant: &TenantId, language: Language) -> Box<dyn Evaluate + Send> {
        Box::new(OfTenant { data: self.data.clone(), runtime: self.runtime.clone(), tenant: tenant.clone(), language })
    }

    fn expand(&self, _: &TenantId, _: Language) -> Box<dyn Expand + Send> {
        Box::new(self.data.templates.clone())
    }

    fn link(&self, language: Language, expr: &str) -> String {
        let query = form_urlencoded::byte_serialize(expr.as_bytes()).collect::<String>();
        match language {
            Language::Promql => format!("{}/graph?g0.expr={query}&g0.tab=1", self.data.url),
            Language::Logql => format!("{}/loki/api/v1/query?query={query}", self.data.url),
        }
    }

    fn for_states(&self, tenant: &TenantId, since_ms: i64, now_ms: i64) -> Result<Vec<(LabelSet, ForState)>, String> {
        let name = Matcher::new("__name__", MatchOp::Eq, "ALERTS_FOR_STATE").map_err(|error| error.to_string())?;
        let range = MillisRange { first: since_ms, last: now_ms };
        let newest = self.data.query.newest_samples(tenant, vec![Selector(vec![name])], range, true);
        let found = self.runtime.block_on(newest).map_err(told)?;
        // Seconds since 1970.
        Ok(found
            .into_iter()
            .map(|one| (one.labels, ForState { at_ms: one.at_ms, active_ms: (one.value * 1000.0) as i64 }))
            .collect())
    }
}

impl Evaluate for OfTenant {
    fn instant(&mut self, expr: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        let query = &self.data.query;
        let found = match self.language {
            Language::Promql => self.runtime.block_on(query.promql_instant(&self.tenant, expr, at_ms)),
            Language::Logql => self.runtime.block_on(query.logql_instant(&self.tenant, expr, at_ms)),
        };
        Ok(found.map_err(told)?.into_iter().map(sample).collect())
    }

    fn append(&mut self, points: Vec<Point>) -> Result<(), String> {
        let commit = self.runtime.block_on(self.data.append.append_metrics(&self.tenant, batch(points)?));
        let commit = commit.map_err(|error| {
            // The cause is the operator's: it may name files.
            tracing::error!(%error, tenant = %self.tenant, "what rules yield could not be stored");
            "the store failed, see the server's log".to_owned()
        })?;
        commit.first_rejection.map_or(Ok(()), Err)
    }
}

/// What a client may read: causes inside the server are in its log.
pub(crate) fn told(error: QueryError) -> String {
    match error {
        QueryError::Store(_) | QueryError::Internal(_) => {
            tracing::error!(%error, "the query of a rule failed");
            "the server could not answer, see its log".to_owned()
        }
        other => other.to_string(),
    }
}

fn sample(sample: InstantSample) -> Sample {
    let value = match sample.value {
        InstantValue::Number(value) => Value::Number(value),
        InstantValue::Histogram(histogram) => Value::Histogram(Box::new((*histogram).clone())),
    };
    Sample { labels: sample.labels, value }
}

fn batch(points: Vec<Point>) -> Result<MetricBatch, String> {
    let mut builder = MetricBatch::builder();
    for point in points {
        builder.series(point.labels.iter()).map_err(|error| error.to_string())?;
        match point.value {
            Value::Number(value) => builder.sample(point.at_ms, value),
            Value::Histogram(histogram) => builder.histogram(point.at_ms, *histogram),
        };
    }
    Ok(builder.finish())
}
