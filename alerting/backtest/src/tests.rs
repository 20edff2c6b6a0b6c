use crate::{
    Deliver, Episode, History, HistoryError, Notification, Replaces, ReplayError, Report, Sent, Span, chart, replay,
};
use gantry_alerting::{RuleFile, Templates};
use gantry_model::LabelSet;
use gantry_promql::memory::{Memory, values};
use gantry_promql::{Overlay, Params, Select, Series, Steps, Value, evaluate, selections};
use gantry_query_lang::promql::series::parse_series;
use gantry_query_lang::promql::{Options, parse};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const MINUTE: i64 = 60_000;

/// Series in memory, one value a minute.
#[derive(Default)]
struct Stored {
    memory: Memory,
    /// How many instants were asked for in each question.
    asked: Vec<usize>,
    /// Questions that are answered.
    most: Option<usize>,
    /// Instants of a question that is not too large.
    largest: Option<usize>,
}

impl Stored {
    fn new(series: &[&str]) -> Self {
        let mut memory = Memory::default();
        for text in series {
            let (labels, items) = parse_series(text).unwrap();
            for (at, value) in values(&items).unwrap().into_iter().enumerate() {
                memory.push(&labels, at as i64 * MINUTE, value).unwrap();
            }
        }
        Stored { memory, ..Default::default() }
    }
}

impl History for Stored {
    fn range(
        &mut self,
        expr: &str,
        steps: Steps,
        written: &Arc<Memory>,
        replaces: &Replaces,
    ) -> Result<Vec<Series>, HistoryError> {
        if self.most.is_some_and(|most| self.asked.len() >= most) {
            return Err(HistoryError::Fatal("the server stops".into()));
        }
        self.asked.push(steps.count());
        if self.largest.is_some_and(|largest| steps.count() > largest) {
            return Err(HistoryError::Rule("too many samples".into()));
        }
        let source = Overlay { below: &self.memory, above: written, replaced: &**replaces };
        let parsed = parse(expr, Options::default()).unwrap();
        let answer = evaluate(&parsed, expr, params(steps), &source, &AtomicBool::new(false));
        match answer.map_err(|error| HistoryError::Rule(error.to_string()))?.value {
            Value::Vector(series) => Ok(series),
            Value::Scalar(values) => {
                let cells = values.into_iter().map(gantry_promql::Cell::Float).collect();
                Ok(vec![Series { labels: LabelSet::default(), cells }])
            }
            other => Err(HistoryError::Rule(format!("{other:?}"))),
        }
    }

    fn reads(&self, expr: &str, steps: Steps) -> Result<Vec<Select>, String> {
        let parsed = parse(expr, Options::default()).map_err(|error| error.to_string())?;
        selections(&parsed, &params(steps)).map_err(|error| error.to_string())
    }
}

fn params(steps: Steps) -> Params {
    Params { steps, instant: false, lookback: 300_000, subquery_step: MINUTE, max_samples: 1 << 30, threads: 1 }
}

/// Everybody is told at once, and never of an end.
struct AtOnce;

impl Deliver for AtOnce {
    fn deliver(&mut self, episodes: &[Episode], _: i64) -> Sent {
        let tell = |one: &Episode| Notification {
            at_ms: one.fired_ms,
            receiver: "all".into(),
            integration: "webhook".into(),
            group: one.labels.clone(),
            firing: 1,
            resolved: 0,
        };
        Sent { notifications: episodes.iter().map(tell).collect(), remarks: Vec::new() }
    }
}

fn span(minutes: i64) -> Span {
    Span { start_ms: 0, end_ms: minutes * MINUTE, step_ms: None, interval_ms: MINUTE }
}

fn run(rules: &str, minutes: i64, stored: &mut Stored) -> Result<Report, ReplayError> {
    let file = RuleFile::parse(rules).unwrap();
    assert_eq!(file.problems(Options::default()), []);
    replay(&file, span(minutes), stored, &Templates::default(), &mut AtOnce)
}

/// Labels without names, and the minutes of the beginning, of firing and of the end of all alerts.
fn courses(report: &Report) -> Vec<(String, i64, i64, Option<i64>)> {
    let course = |one: &Episode| {
        let labels: Vec<&str> = one.labels.iter().map(|(_, value)| value).collect();
        (labels.join(" "), one.active_ms / MINUTE, one.fired_ms / MINUTE, one.resolved_ms.map(|at| at / MINUTE))
    };
    report.episodes.iter().map(course).collect()
}

#[test]
fn alerts_fire_and_end_as_they_would_have() {
    let mut stored = Stored::new(&["up{job=\"a\"} 1x4 0x9 1x5", "up{job=\"b\"} 1x2 0 1x10 0x4 1 0x9"]);
    let rules = "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 2m, annotations: {text: '{{ $labels.job }} at {{ $value }}'}}]}]";
    let report = run(rules, 25, &mut stored).unwrap();
    assert_eq!(
        courses(&report),
        [
            ("Down a".to_owned(), 5, 7, Some(15)),
            ("Down b".to_owned(), 15, 17, Some(20)),
            ("Down b".to_owned(), 21, 23, None),
        ]
    );
    assert_eq!(report.episodes[0].annotations["text"], "a at 0");
    let rule = &report.rules[0];
    assert_eq!(
        (rule.evaluations, rule.fired, rule.firing_ms, rule.longest_ms),
        (26, 3, (8 + 3 + 2) * MINUTE, 8 * MINUTE)
    );
    assert_eq!((rule.missed, rule.longest_missed_ms), (1, MINUTE), "b was down for a moment");
    assert_eq!(stored.asked, [26], "one question for all instants");
}

#[test]
fn what_a_rule_records_is_seen_by_later_ones_and_not_what_was_recorded_then() {
    let mut stored = Stored::new(&[
        "x 1 2 3 4 5",
        "ALERTS{alertname=\"Many\",alertstate=\"firing\",old=\"1\"} 1x10",
        "double 100x10",
        "double{old=\"1\"} 100x10",
    ]);
    let rules = "groups: [{name: a, rules: [{record: double, expr: x * 2}]}, {name: b, rules: [{alert: Big, expr: double > 7}]}]";
    let report = run(rules, 6, &mut stored).unwrap();
    assert_eq!(courses(&report), [("Big".to_owned(), 3, 3, None)]);
    assert_eq!(report.remarks, [""; 0]);
    let of_alerts = "groups: [{name: a, rules: [{alert: Many, expr: x > 2, for: 1m}, {alert: Fires, expr: 'ALERTS{alertstate=\"firing\"}'}]}]";
    let report = run(of_alerts, 4, &mut stored).unwrap();
    assert_eq!(
        courses(&report),
        [("Fires firing".to_owned(), 3, 3, None), ("Many".to_owned(), 2, 3, None)],
        "and not those that were stored"
    );
}

#[test]
fn rules_that_read_what_they_wrote_before_are_replayed_instant_by_instant() {
    let mut stored = Stored::new(&["x 1x9"]);
    let rules = "groups: [{name: g, rules: [{record: total, expr: 'x + (total offset 1m or x * 0)'}, {alert: Enough, expr: total >= 5}]}]";
    let report = run(rules, 9, &mut stored).unwrap();
    assert_eq!(courses(&report), [("Enough".to_owned(), 4, 4, None)]);
    assert_eq!(
        report.remarks,
        ["a rule reads what it or a later rule wrote before: rules were replayed instant by instant"]
    );
    assert!(stored.asked.iter().all(|steps| *steps == 1));
}

#[test]
fn a_query_that_fails_at_some_instants_fails_at_those_alone() {
    let mut stored = Stored::new(&["a 1x20", "b{n=\"1\"} 1x20", "b{n=\"2\"} _x10 1 1 stale"]);
    let rules = "groups: [{name: g, rules: [{alert: A, expr: a + on() b > 0}]}]";
    let report = run(rules, 20, &mut stored).unwrap();
    let failures = &report.rules[0].failures;
    let (at_ms, why) = failures.first.as_ref().unwrap();
    assert_eq!((failures.count, *at_ms), (2, 10 * MINUTE));
    assert!(why.starts_with("found duplicate series for the match group"), "{why}");
    assert_eq!(courses(&report), [("A".to_owned(), 0, 0, None)], "alerts of a rule that fails stay");
}

#[test]
fn questions_that_are_too_large_are_made_smaller_and_stay_so() {
    let mut stored = Stored { largest: Some(20), ..Stored::new(&["x 0x4000 1x100"]) };
    let rules = "groups: [{name: g, rules: [{alert: A, expr: x > 0}]}]";
    let report = run(rules, 4200, &mut stored).unwrap();
    assert_eq!(courses(&report), [("A".to_owned(), 4001, 4001, Some(4106))]);
    assert_eq!(report.rules[0].failures.count, 0);
    let too_large = stored.asked.iter().filter(|steps| **steps > 20).count();
    assert_eq!((too_large, stored.asked.iter().skip(300).max()), (127, Some(&16)), "found out once");
}

#[test]
fn intervals_are_those_of_groups_unless_a_step_is_given() {
    let rules = "groups: [{name: a, interval: 5m, rules: [{record: r, expr: x}]}, {name: b, rules: [{record: s, expr: r}, {record: t, expr: vector(1)}]}]";
    let mut stored = Stored::new(&["x 1x60"]);
    let report = run(rules, 60, &mut stored).unwrap();
    let evaluations: Vec<u64> = report.rules.iter().map(|rule| rule.evaluations).collect();
    assert_eq!(evaluations, [13, 61, 61]);
    let file = RuleFile::parse(rules).unwrap();
    let often = Span { step_ms: Some(15_000), start_ms: 1, ..span(60) };
    let report = replay(&file, often, &mut stored, &Templates::default(), &mut AtOnce).unwrap();
    assert_eq!(
        report.rules.iter().map(|rule| (rule.evaluations, rule.interval_ms)).collect::<Vec<_>>(),
        [(240, 15_000); 3]
    );
}

#[test]
fn long_times_are_asked_for_in_windows_and_nothing_is_lost_between_them() {
    let mut stored = Stored::new(&["x 0x4095 1x10 0x4000"]);
    let rules = "groups: [{name: g, rules: [{record: seen, expr: x}, {alert: A, expr: 'max_over_time(seen[2h]) > 0', for: 10m}]}]";
    let report = run(rules, 8000, &mut stored).unwrap();
    assert_eq!(courses(&report), [("A".to_owned(), 4096, 4106, Some(4106 + 120))]);
    assert_eq!(stored.asked.len(), 8, "two rules in four windows");
    assert_eq!(report.rules[0].evaluations, 8001);
}

#[test]
fn what_would_have_been_sent_is_asked_of_who_knows() {
    let mut stored = Stored::new(&["x{n=\"1\"} 0x4 1x9 0x60", "x{n=\"2\"} 0x5 1x99"]);
    let report = run("groups: [{name: g, rules: [{alert: A, expr: x > 0}]}]", 60, &mut stored).unwrap();
    assert_eq!(report.notifications.iter().map(|one| one.at_ms / MINUTE).collect::<Vec<_>>(), [5, 6]);
    assert_eq!((report.fired, report.notified, report.remarks.len()), (2, 2, 0));
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let mut stored = Stored::new(&["x 1x10"]);
    let rules = "groups: [{name: g, rules: [{alert: A, expr: x}]}]";
    assert_eq!(run(rules, -1, &mut stored), Err(ReplayError::Invalid("the end is before the start".into())));
    let file = RuleFile::parse(rules).unwrap();
    let none = Span { step_ms: Some(0), ..span(1) };
    let refused = replay(&file, none, &mut stored, &Templates::default(), &mut AtOnce);
    assert_eq!(refused, Err(ReplayError::Invalid("the step is at least a millisecond".into())));
    stored.most = Some(0);
    assert_eq!(run(rules, 5, &mut stored), Err(ReplayError::History("the server stops".into())));
}

#[test]
fn templates_may_ask_queries() {
    let mut stored = Stored::new(&["x 5x10", "y 7x10"]);
    let rules = "groups: [{name: g, rules: [{record: r, expr: y}, {alert: A, expr: x, annotations: {t: '{{ range query \"r\" }}{{ .Value }}{{ end }}'}}]}]";
    let report = run(rules, 3, &mut stored).unwrap();
    assert_eq!(report.episodes[0].annotations["t"], "7");
}

#[test]
fn windows_and_single_instants_give_the_same_report() {
    // Pseudo-random numbers of a linear congruence (Numerical Recipes), with gaps.
    let mut state = 7u32;
    let mut series = |name: &str, n: u32| {
        let mut values = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 28 == 0 { "_".to_owned() } else { (state >> 27).to_string() }
        };
        format!("{name}{{n=\"{n}\"}} {}", (0..1200).map(|_| values()).collect::<Vec<_>>().join(" "))
    };
    let texts: Vec<String> = (0..4).flat_map(|n| [series("x", n), series("y", n)]).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let rules = "groups:
- name: g
  rules:
  - {record: 'sum', expr: 'sum by (n) (x)', labels: {of: x}}
  - {record: mean, expr: 'avg_over_time(sum[5m])'}
  - {alert: High, expr: 'mean > 17', for: 2m, keep_firing_for: 1m, labels: {level: '{{ if gt $value 20.0 }}a{{ else }}b{{ end }}'}, annotations: {v: '{{ $value }}'}}
  - {alert: Both, expr: 'sum > 25 and on (n) y > 25'}
  - {alert: Rest, expr: 'absent(sum{n=\"3\"}) or count(ALERTS{alertstate=\"firing\"}) > 2', for: 1m}
";
    let windows = run(rules, 1200, &mut Stored::new(&texts)).unwrap();
    let single = format!("{rules}- {{name: last, rules: [{{record: own, expr: own offset 1m}}]}}\n");
    let mut stored = Stored::new(&texts);
    let single = run(&single, 1200, &mut stored).unwrap();
    assert!(stored.asked.iter().all(|steps| *steps == 1) && windows.fired > 50, "{}", windows.fired);
    assert_eq!(windows.episodes, single.episodes);
    assert_eq!(windows.rules[..], single.rules[..5]);
}

#[test]
fn a_chart_has_axes_a_legend_and_a_row_for_each_alert() {
    let mut stored = Stored::new(&["x{a=\"<1>\"} 0x9 1x50 0x60", "x{a=\"2\"} 1x99"]);
    let report = run("groups: [{name: g, rules: [{alert: A, expr: x > 0, for: 5m}]}]", 120, &mut stored).unwrap();
    let svg = chart(&report);
    for part in [
        "<svg ",
        "time (UTC)",
        ">pending<",
        ">firing<",
        "01-01 01:00",
        "alerts that fired: 2",
        "A a=&lt;1&gt;",
        "A a=2",
        "</svg>",
    ] {
        assert!(svg.contains(part), "{part} in {svg}");
    }
    assert_eq!(svg.matches("fill=\"#d55e00\"").count(), 1 + 2, "legend and bars");
    let nothing = chart(&run("groups: []", 120, &mut stored).unwrap());
    assert!(nothing.contains("no alert fired") && nothing.ends_with("</svg>\n"));
}
