//! `topk` and `bottomk`: at each step the series of a group with the largest or smallest values, labels kept.

use super::aggregate::group_labels;
use super::table::{Series, Table};
use crate::Labels;
use gantry_query_lang::ast::Grouping;
use std::cmp::Ordering;
use std::collections::BTreeMap;

pub(super) fn select(input: Table, grouping: Option<&Grouping>, k: Option<u64>, largest: bool, steps: usize) -> Table {
    let k = usize::try_from(k.unwrap_or(1)).unwrap_or(usize::MAX);
    let mut groups: BTreeMap<Labels, Vec<usize>> = BTreeMap::new();
    for (at, series) in input.series.iter().enumerate() {
        groups.entry(group_labels(&series.labels, grouping)).or_default().push(at);
    }
    let mut output: Vec<Series> =
        input.series.iter().map(|s| Series { labels: s.labels.clone(), points: vec![None; steps] }).collect();
    let mut best: Vec<(f64, usize)> = Vec::new();
    for step in 0..steps {
        for members in groups.values() {
            best.clear();
            best.extend(members.iter().filter_map(|&at| Some((input.series[at].points.get(step).copied()??, at))));
            best.sort_by(|a, b| by_value(a.0, b.0, largest));
            for (value, at) in best.iter().take(k) {
                output[*at].points[step] = Some(*value);
            }
        }
    }
    Table::new(output).compact()
}

/// Best first; what is no number comes last.
fn by_value(a: f64, b: f64, largest: bool) -> Ordering {
    match a.partial_cmp(&b) {
        Some(order) if largest => order.reverse(),
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}
