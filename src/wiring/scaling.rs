//! Policies of scaling: the scaler, with the query engine to ask and the doors of lines and metrics to write to.

use super::globs;
use super::rules::told;
use crate::config::Config;
use crate::supervisor::{Kind, Supervisor};
use anyhow::bail;
use async_trait::async_trait;
use gantry_ingest::{MetricIncoming, MetricIngest};
use gantry_meta::MetaStore;
use gantry_model::metric::MetricBatch;
use gantry_model::{Clock, LabelSet, LogBatch, TenantId};
use gantry_platform_model::Query;
use gantry_query::{InstantSample, InstantValue, QueryEngine, QueryError};
use gantry_scaler::{Measured, Record, Scaler, Signals, Span};
use prometheus::Registry;
use std::sync::Arc;

/// How the door counts what the scaler writes.
const SOURCE: &str = "scaler";

/// What the scaler is built of.
pub struct ScalerParts<'a> {
    pub supervisor: &'a Supervisor,
    pub config: &'a Config,
    pub query: Arc<QueryEngine>,
    pub samples: Arc<MetricIngest>,
    pub meta: Arc<dyn MetaStore>,
    pub clock: Arc<dyn Clock>,
    pub registry: &'a Registry,
}

/// Starts to run policies.
///
/// # Errors
/// Files of policies that cannot be taken.
pub async fn start(parts: ScalerParts<'_>) -> anyhow::Result<Arc<Scaler>> {
    let ScalerParts { supervisor, config, query, samples, meta, clock, registry } = parts;
    globs::look("scale.files", &config.scale.files)?;
    let (signals, record) = (Arc::new(Stored(query)), Arc::new(Doors(samples)));
    let scaler = Scaler::new(config.scale.clone(), signals, record, meta, clock, registry)?;
    let checked = scaler.clone();
    let invalid = tokio::task::spawn_blocking(move || checked.check_files()).await?;
    if !invalid.is_empty() {
        let files: Vec<String> = invalid.iter().map(ToString::to_string).collect();
        bail!("policies of scaling cannot be taken:\n  {}", files.join("\n  "));
    }
    let (running, stop) = (scaler.clone(), supervisor.stopping(Kind::Source));
    supervisor.spawn(Kind::Source, "scaling", async move {
        running.run(stop).await;
        Ok(())
    });
    Ok(scaler)
}

/// Reads signals from what is stored.
#[derive(Debug)]
struct Stored(Arc<QueryEngine>);

fn series(samples: Vec<InstantSample>) -> Result<Vec<(LabelSet, f64)>, String> {
    let number = |sample: InstantSample| match sample.value {
        InstantValue::Number(value) => Ok((sample.labels, value)),
        InstantValue::Histogram(_) => {
            Err("the answer is a histogram: take a quantile, a sum or a count of it".to_owned())
        }
    };
    samples.into_iter().map(number).collect()
}

#[async_trait]
impl Signals for Stored {
    fn check(&self, query: &Query) -> Result<(), String> {
        let checked = match query {
            Query::Promql(text) => self.0.check_promql(text),
            Query::Logql(text) => self.0.check_logql_metric(text),
            // The tables that a statement names are those of its tenant.
            Query::Sql(text) if text.trim().is_empty() => Err(QueryError::invalid("the statement is empty")),
            Query::Sql(_) => Ok(()),
        };
        checked.map_err(told)
    }

    async fn read(&self, tenant: &TenantId, query: &Query, at_ms: i64) -> Result<Measured, String> {
        let engine = &self.0;
        match query {
            Query::Promql(text) => {
                let (answer, age) =
                    tokio::join!(engine.promql_instant(tenant, text, at_ms), engine.promql_age(tenant, text, at_ms));
                let age = age.map_err(told)?.unwrap_or(0);
                Ok(Measured { series: series(answer.map_err(told)?)?, at_ms: at_ms - age })
            }
            // That no line came is a fact, too: the window of the query says how long it counts.
            Query::Logql(text) => {
                let answer = engine.logql_instant(tenant, text, at_ms).await.map_err(told)?;
                Ok(Measured { series: series(answer)?, at_ms })
            }
            Query::Sql(text) => {
                let rows = engine.sql_numbers(tenant, text).await.map_err(told)?;
                let at_ms = rows.iter().filter_map(|row| row.at_ms).max().unwrap_or(at_ms);
                Ok(Measured { series: rows.into_iter().map(|row| (row.labels, row.value)).collect(), at_ms })
            }
        }
    }

    async fn read_span(&self, tenant: &TenantId, query: &Query, span: Span) -> Result<Vec<Option<f64>>, String> {
        let steps = (span.start_ms, span.end_ms, span.step_ms);
        let sums = match query {
            Query::Promql(text) => self.0.promql_sums(tenant, text, steps).await,
            Query::Logql(text) => self.0.logql_sums(tenant, text, steps).await,
            Query::Sql(text) => self.0.sql_sums(tenant, text, steps).await,
        };
        sums.map_err(told)
    }
}

/// Writes decisions as everybody else writes.
#[derive(Debug)]
struct Doors(Arc<MetricIngest>);

#[async_trait]
impl Record for Doors {
    async fn record(&self, tenant: &TenantId, samples: MetricBatch, lines: LogBatch) -> Result<(), String> {
        let incoming = MetricIncoming { batch: samples, ..MetricIncoming::default() };
        let (samples, lines) =
            tokio::join!(self.0.submit(tenant, SOURCE, incoming), self.0.ingest().submit(tenant, SOURCE, lines));
        let samples = samples.map_err(|error| error.to_string())?;
        let lines = lines.map_err(|error| error.to_string())?;
        if !samples.refused.is_empty() {
            return Err(samples.summary());
        }
        if lines.refused.is_empty() { Ok(()) } else { Err("the line was refused".to_owned()) }
    }
}
