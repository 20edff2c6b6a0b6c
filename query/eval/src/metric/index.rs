//! Which series a sample belongs to.

use crate::pipeline::{NameId, QuickMap, Row, Work};
use crate::{EvalError, Labels};
use gantry_query_lang::ast::Grouping;

/// Which labels tell the series of a range aggregation apart.
#[derive(Clone, Debug)]
pub(crate) enum KeyPlan {
    /// None at all.
    Nothing,
    /// These, in order of name.
    Only(Vec<(NameId, Box<str>)>),
    /// All but these.
    Without(Vec<Box<str>>),
}

impl KeyPlan {
    pub fn new(grouping: Option<&Grouping>, unwrap: Option<&str>, intern: &mut dyn FnMut(&str) -> NameId) -> KeyPlan {
        match grouping {
            Some(g) if !g.without && g.labels.is_empty() => KeyPlan::Nothing,
            Some(g) if !g.without => {
                let mut labels: Vec<&String> = g.labels.iter().collect();
                labels.sort();
                labels.dedup();
                KeyPlan::Only(labels.into_iter().map(|name| (intern(name), name.as_str().into())).collect())
            }
            other => {
                let named = other.iter().flat_map(|g| &g.labels).map(String::as_str);
                KeyPlan::Without(named.chain(unwrap).map(Into::into).collect())
            }
        }
    }

    /// The labels of the series that the line belongs to.
    fn labels(&self, work: Work<'_>) -> Labels {
        let row = Row::new(work);
        if row.error().is_some() {
            return row.labels(|_| true);
        }
        let mut pairs = Vec::new();
        row.each_label(|name, value, _| {
            let keep = match self {
                KeyPlan::Nothing => false,
                KeyPlan::Only(names) => names.iter().any(|(_, n)| **n == *name),
                KeyPlan::Without(names) => !names.iter().any(|n| **n == *name),
            };
            if keep {
                pairs.push((name.into(), value.into()));
            }
        });
        Labels::new(pairs)
    }
}

/// Numbers for label sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeriesIndex {
    by_key: QuickMap<Box<[u8]>, u32>,
    pub labels: Vec<Labels>,
    key: Vec<u8>,
    last: Option<(Vec<u8>, u32)>,
}

const END: u8 = 0xff;
const ABSENT: u8 = 0xfe;

fn too_many(limit: usize) -> EvalError {
    EvalError::Evaluation(format!(
        "maximum number of series ({limit}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
    ))
}

impl SeriesIndex {
    /// The number of the series of a line; a new one when it is the first line of its series.
    pub fn of(&mut self, plan: &KeyPlan, work: Work<'_>, limit: usize) -> Result<usize, EvalError> {
        self.key.clear();
        match plan {
            KeyPlan::Nothing if !work.failed() => {}
            KeyPlan::Only(names) if !work.failed() => {
                for (name, _) in names {
                    match work.get(*name) {
                        Some((value, _)) => self.key.extend_from_slice(value.as_bytes()),
                        None => self.key.push(ABSENT),
                    }
                    self.key.push(END);
                }
            }
            _ => {
                let mut pairs: Vec<(NameId, &str)> = Vec::with_capacity(16);
                work.each(|name, value| pairs.push((name, value)));
                pairs.sort_unstable();
                for (name, value) in pairs {
                    let name = &*work.scratch.names.get(name).text;
                    if matches!(plan, KeyPlan::Without(out) if out.iter().any(|n| **n == *name)) {
                        continue;
                    }
                    for part in [name, value] {
                        self.key.extend_from_slice(part.as_bytes());
                        self.key.push(END);
                    }
                }
                if work.failed() {
                    self.key.push(ABSENT);
                }
            }
        }
        if let Some((key, id)) = &self.last
            && *key == self.key
        {
            return Ok(*id as usize);
        }
        let id = match self.by_key.get(self.key.as_slice()) {
            Some(id) => *id,
            None => self.insert(plan.labels(work), limit)?,
        };
        self.last = Some((self.key.clone(), id));
        Ok(id as usize)
    }

    fn insert(&mut self, labels: Labels, limit: usize) -> Result<u32, EvalError> {
        if self.labels.len() >= limit {
            return Err(too_many(limit));
        }
        let id = self.labels.len() as u32;
        self.by_key.insert(self.key.as_slice().into(), id);
        self.labels.push(labels);
        Ok(id)
    }

    /// For each series of `other`, its number here.
    pub fn adopt(&mut self, other: &SeriesIndex, limit: usize) -> Result<Vec<usize>, EvalError> {
        let mut by_labels: std::collections::HashMap<Labels, u32> = self.labels.iter().cloned().zip(0u32..).collect();
        let mut numbers = vec![0; other.labels.len()];
        for (key, theirs) in &other.by_key {
            let labels = &other.labels[*theirs as usize];
            let known = self.by_key.get(key).or_else(|| by_labels.get(labels)).copied();
            let ours = match known {
                Some(ours) => ours,
                None if self.labels.len() >= limit => return Err(too_many(limit)),
                None => {
                    let ours = self.labels.len() as u32;
                    self.labels.push(labels.clone());
                    by_labels.insert(labels.clone(), ours);
                    ours
                }
            };
            self.by_key.entry(key.clone()).or_insert(ours);
            numbers[*theirs as usize] = ours as usize;
        }
        Ok(numbers)
    }
}
