//! The lines around a line, in the order in which its stream has them: by time, and those of one instant as they were
//! written.

use crate::answer::{Labels, LogEntry};
use crate::logql::{Cost, LogPlan, Runner, check_limit};
use crate::{QueryEngine, QueryError};
use gantry_model::{LabelSet, MatchOp, Matcher, Selector, TenantId, TimeRange, Timestamp};
use gantry_query_lang::ast::LogExpr;
use std::collections::BTreeSet;

/// A line, and how many of its neighbours are wanted.
#[derive(Clone, Debug)]
pub struct ContextQuery {
    /// Which lines are neighbours.
    pub lines: Neighbours,
    pub at: Timestamp,
    /// The text of the line, which tells it from others of the same instant; without it the first of them is meant.
    pub text: Option<String>,
    pub before: usize,
    pub after: usize,
}

/// Which lines a line has for neighbours.
#[derive(Clone, Debug)]
pub enum Neighbours {
    /// Those of its stream. Labels that are not the stream's, such as structured metadata, may be among these.
    Stream(LabelSet),
    /// Those that a log query leaves, as it leaves them.
    Query(LogExpr),
}

/// A line as its query leaves it, with all labels.
pub type ContextLine = (Labels, LogEntry);

/// Oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    pub before: Vec<ContextLine>,
    /// `None` when there is no such line.
    pub line: Option<ContextLine>,
    pub after: Vec<ContextLine>,
    /// Parts of the store that could not be read.
    pub warnings: Vec<String>,
}

/// What one call works on.
struct Search<'a> {
    engine: &'a QueryEngine,
    tenant: &'a TenantId,
    plan: LogPlan,
    cost: Cost,
}

impl QueryEngine {
    /// Finds a line and its neighbours, as far away as a query may reach.
    pub async fn context(&self, tenant: &TenantId, query: ContextQuery) -> Result<Context, QueryError> {
        check_limit(query.before.max(query.after), self.options.max_lines)?;
        let reach = self.options.max_range.as_nanos() as i64;
        let around = TimeRange::new(query.at.saturating_sub(reach), query.at.saturating_add(reach));
        let expr = match query.lines {
            Neighbours::Query(expr) => expr,
            Neighbours::Stream(labels) => match self.stream_of(tenant, around, &labels).await? {
                Some(selector) => LogExpr { selector, stages: Vec::new() },
                None => return Ok(Context::default()),
            },
        };
        self.guarded("context", tenant, async {
            let search = Search { engine: self, tenant, plan: LogPlan::new(&expr), cost: Cost::default() };
            let mut context = Context::default();
            let mut same = search.at(query.at).await?;
            let number = same.iter().position(|(_, entry)| query.text.as_ref().is_none_or(|text| entry.line == *text));
            if let Some(number) = number {
                context.after = same.split_off(number + 1);
                context.line = same.pop();
                context.before = same;
            } else {
                context.after = same;
            }
            let missing = query.before.saturating_sub(context.before.len());
            let mut before = search.newest(TimeRange::new(around.start, query.at), missing).await?;
            before.append(&mut context.before);
            context.before = before.split_off(before.len().saturating_sub(query.before));
            context.after.truncate(query.after);
            let missing = query.after - context.after.len();
            let later = TimeRange::new(query.at.saturating_add(1), around.end);
            context.after.extend(search.lines(later, missing, false).await?);
            context.warnings = search.cost.warnings();
            Ok(context)
        })
        .await
    }

    /// A selector for the one stream whose labels are all among `labels`; of several, the one with the most labels.
    async fn stream_of(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        labels: &LabelSet,
    ) -> Result<Option<Selector>, QueryError> {
        let streams = self.streams(tenant, range, &Selector::all()).await?;
        let own = |stream: &&LabelSet| stream.iter().all(|(name, value)| labels.get(name) == Some(value));
        let Some(stream) = streams.iter().map(|s| &s.labels).filter(own).max_by_key(|s| s.iter().count()) else {
            return Ok(None);
        };
        let names: BTreeSet<&str> = streams.iter().flat_map(|s| s.labels.iter().map(|(name, _)| name)).collect();
        let matcher = |name: &str| Matcher::new(name, MatchOp::Eq, stream.get(name).unwrap_or(""));
        let matchers = names.into_iter().map(matcher).collect::<Result<_, _>>();
        Ok(Some(Selector(matchers.map_err(|error| QueryError::Internal(error.to_string()))?)))
    }
}

impl Search<'_> {
    /// All lines of one instant.
    async fn at(&self, at: Timestamp) -> Result<Vec<ContextLine>, QueryError> {
        let most = self.engine.options.max_lines;
        let lines = self.lines(TimeRange::new(at, at.saturating_add(1)), most, false).await?;
        if lines.len() == most {
            let text = format!("more than {most} lines have the timestamp {}; narrow the query", at.nanos());
            return Err(QueryError::Budget(text));
        }
        Ok(lines)
    }

    /// The newest lines of a range. Of those at the far end, which share an instant with lines that are not wanted, the
    /// ones that were written last.
    async fn newest(&self, range: TimeRange, limit: usize) -> Result<Vec<ContextLine>, QueryError> {
        let mut lines = self.lines(range, limit, true).await?;
        let Some(oldest) = lines.first().map(|(_, entry)| entry.timestamp).filter(|_| lines.len() == limit) else {
            return Ok(lines);
        };
        lines.retain(|(_, entry)| entry.timestamp > oldest);
        let mut all = self.at(oldest).await?;
        let mut wanted = all.split_off(all.len().saturating_sub(limit - lines.len()));
        wanted.append(&mut lines);
        Ok(wanted)
    }

    /// Oldest first, those of one instant as they were written.
    async fn lines(&self, range: TimeRange, limit: usize, newest: bool) -> Result<Vec<ContextLine>, QueryError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let plan = self.engine.lines_plan(self.tenant, &self.plan, range, limit, newest).await?;
        let rows = self.engine.raw_rows(&plan, &self.cost).await?;
        let mut runner = Runner::for_lines(&self.plan, rows.streams.clone(), self.engine.clock.now())?;
        let mut lines = Vec::new();
        rows.each(|row| lines.extend(runner.line(&row, false)));
        lines.sort_by_key(|(_, entry)| entry.timestamp);
        Ok(lines)
    }
}
