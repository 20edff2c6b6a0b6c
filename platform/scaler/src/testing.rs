//! What stands behind the seams in tests.

use crate::seam::{Execute, Measured, Order, Record, Signals, Span};
use async_trait::async_trait;
use gantry_model::metric::MetricBatch;
use gantry_model::{LabelSet, LogBatch, TenantId};
use gantry_platform_model::Query;
use parking_lot::Mutex;
use std::collections::BTreeMap;

type Answer = Result<(f64, i64), String>;

/// Values by the text of their query, each with its age in milliseconds.
#[derive(Debug, Default)]
pub struct FakeSignals {
    values: Mutex<BTreeMap<String, Answer>>,
    spans: Mutex<BTreeMap<String, Vec<Option<f64>>>>,
    /// Series of a value each: how often it comes.
    pub copies: Mutex<BTreeMap<String, usize>>,
}

impl FakeSignals {
    pub fn set(&self, query: &str, value: f64) {
        self.values.lock().insert(query.to_owned(), Ok((value, 0)));
    }

    pub fn age(&self, query: &str, value: f64, age_ms: i64) {
        self.values.lock().insert(query.to_owned(), Ok((value, age_ms)));
    }

    pub fn fail(&self, query: &str, why: &str) {
        self.values.lock().insert(query.to_owned(), Err(why.to_owned()));
    }

    /// Values of each step of a range.
    pub fn span(&self, query: &str, values: Vec<Option<f64>>) {
        self.spans.lock().insert(query.to_owned(), values);
    }
}

#[async_trait]
impl Signals for FakeSignals {
    fn check(&self, query: &Query) -> Result<(), String> {
        if query.parts().1.contains("wrong") { Err("it is wrong".to_owned()) } else { Ok(()) }
    }

    async fn read(&self, _: &TenantId, query: &Query, at_ms: i64) -> Result<Measured, String> {
        match self.values.lock().get(query.parts().1) {
            None => Ok(Measured { series: Vec::new(), at_ms }),
            Some(Err(why)) => Err(why.clone()),
            Some(Ok((value, age_ms))) => {
                let copies = self.copies.lock().get(query.parts().1).copied().unwrap_or(1);
                Ok(Measured { series: vec![(LabelSet::default(), *value); copies], at_ms: at_ms - age_ms })
            }
        }
    }

    async fn read_span(&self, _: &TenantId, query: &Query, span: Span) -> Result<Vec<Option<f64>>, String> {
        let spans = self.spans.lock();
        let values = spans.get(query.parts().1).ok_or("no such query")?;
        Ok((0..span.count()).map(|step| values.get(step % values.len().max(1)).copied().flatten()).collect())
    }
}

/// Counts what is recorded.
#[derive(Debug, Default)]
pub struct FakeRecord {
    pub lines: Mutex<Vec<String>>,
    pub samples: Mutex<usize>,
}

#[async_trait]
impl Record for FakeRecord {
    async fn record(&self, _: &TenantId, samples: MetricBatch, lines: LogBatch) -> Result<(), String> {
        *self.samples.lock() += samples.sample_count();
        let text = |row: &gantry_model::LogRow| format!("{} {}", lines.body(row), lines.metadata(row));
        self.lines.lock().extend(lines.rows().iter().map(text));
        Ok(())
    }
}

/// Takes orders, or refuses them.
#[derive(Debug, Default)]
pub struct FakeExecutor {
    pub refuse: Mutex<Option<String>>,
    /// Keys and replicas.
    pub orders: Mutex<Vec<(String, u32)>>,
}

#[async_trait]
impl Execute for FakeExecutor {
    async fn apply(&self, order: Order<'_>) -> Result<(), String> {
        self.orders.lock().push((order.key.to_owned(), order.decision.desired));
        match &*self.refuse.lock() {
            None => Ok(()),
            Some(why) => Err(why.clone()),
        }
    }
}
