//! Groups of one or two rules, evaluated every minute over answers that are written down.

use super::{AlertState, ForState, Group, Outcome, RuleError};
use crate::rules::RuleFile;
use crate::seam::{Evaluate, Expand, Point, Sample, Subject, Value};
use gantry_model::LabelSet;
use gantry_model::metric::is_stale;
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;

/// Answers each query as told, and remembers what was asked and written.
#[derive(Default)]
struct Script {
    answers: BTreeMap<String, Result<Vec<Sample>, String>>,
    asked: Vec<(String, i64)>,
    written: Vec<Point>,
    full: bool,
}

impl Evaluate for Script {
    fn instant(&mut self, expr: &str, at_ms: i64) -> Result<Vec<Sample>, String> {
        self.asked.push((expr.into(), at_ms));
        self.answers.get(expr).cloned().unwrap_or_else(|| Ok(Vec::new()))
    }

    fn append(&mut self, points: Vec<Point>) -> Result<(), String> {
        if self.full {
            return Err("the disk is full".into());
        }
        self.written.extend(points);
        Ok(())
    }
}

impl Script {
    fn answer(&mut self, expr: &str, series: &[(&str, f64)]) {
        let samples = series.iter().map(|(labels, value)| Sample { labels: set(labels), value: Value::Number(*value) });
        self.answers.insert(expr.into(), Ok(samples.collect()));
    }

    /// What was written since this was last called: `name{...} value`, `stale` for an end.
    fn taken(&mut self) -> Vec<String> {
        let shown = |point: Point| match point.value {
            Value::Number(value) if is_stale(value) => format!("{} stale", text(&point.labels)),
            Value::Number(value) => format!("{} {value}", text(&point.labels)),
            Value::Histogram(_) => format!("{} histogram", text(&point.labels)),
        };
        let mut shown: Vec<String> = std::mem::take(&mut self.written).into_iter().map(shown).collect();
        shown.sort();
        shown
    }
}

/// `LABELS` becomes the labels, `VALUE` the value; `BROKEN` is a broken template.
struct Words;

impl Expand for Words {
    fn expand(&self, text: &str, subject: &Subject<'_>, _: &mut dyn Evaluate) -> Result<String, String> {
        if text == "BROKEN" {
            return Err("it is broken".into());
        }
        let labels = self::text(subject.labels);
        Ok(text.replace("LABELS", &labels).replace("VALUE", &subject.value.to_string()))
    }
}

/// `a=b c=d` as labels.
fn set(text: &str) -> LabelSet {
    LabelSet::from_pairs(text.split_whitespace().map(|pair| pair.split_once('=').unwrap()))
}

fn text(labels: &LabelSet) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn group(yaml: &str) -> Group {
    let file = RuleFile::parse(&format!("groups: [{yaml}]")).unwrap();
    assert_eq!(file.problems(gantry_query_lang::promql::Options::default()), []);
    Group::new(&file.groups[0], 0)
}

fn down(more: &str) -> Group {
    group(&format!("{{name: g, rules: [{{alert: Down, expr: up == 0{more}}}]}}"))
}

/// The state of the only alert at each minute in which the query has a result (`x`) or none (`.`).
fn course(group: &mut Group, minutes: &str) -> String {
    let mut script = Script::default();
    let mut states = String::new();
    for (minute, seen) in minutes.chars().enumerate() {
        script.answer("up == 0", if seen == 'x' { &[("__name__=up job=a", 0.0)] } else { &[] });
        let outcomes = group.evaluate(minute as i64 * MINUTE, &mut script, &Words);
        assert!(outcomes[0].result.is_ok(), "{outcomes:?}");
        states.push(group.alerts().next().map_or('-', |alert| match alert.state {
            AlertState::Inactive => 'r',
            AlertState::Pending => 'p',
            AlertState::Firing => 'F',
        }));
    }
    states
}

fn ok(outcomes: &[Outcome]) -> Vec<usize> {
    outcomes.iter().map(|outcome| *outcome.result.as_ref().unwrap()).collect()
}

#[test]
fn an_alert_is_pending_then_fires_then_is_resolved_and_forgotten_after_a_quarter_of_an_hour() {
    let cases = [
        ("without for it fires at once", "", ".xx..", "-FFrr"),
        ("for two minutes", ", for: 2m", "xxxx.", "ppFFr"),
        ("a gap while pending starts again", ", for: 2m", "xx.xxx", "pp-ppF"),
        ("it can come back", ", for: 1m", "xx.xx", "pFrpF"),
        ("it fires on", ", keep_firing_for: 2m", "x.....", "FFFrrr"),
        ("a result in between renews that", ", keep_firing_for: 2m", "x..x..", "FFFFFF"),
        ("only what fires fires on", ", for: 2m, keep_firing_for: 5m", "xx.", "pp-"),
        ("15 minutes after its end it is forgotten", "", "x.................", "Frrrrrrrrrrrrrrrr-"),
    ];
    for (name, more, minutes, states) in cases {
        assert_eq!(course(&mut down(more), minutes), states, "{name}");
    }
}

#[test]
fn an_alert_writes_two_series_which_end_when_its_state_does() {
    let mut group = down(", for: 1m, labels: {severity: page}");
    let mut script = Script::default();
    script.answer("up == 0", &[("__name__=up job=a", 0.0)]);
    let (alerts, for_state) = ("__name__=ALERTS alertname=Down", "__name__=ALERTS_FOR_STATE alertname=Down");
    let (rest, all) = ("job=a severity=page", format!("{for_state} job=a severity=page"));

    assert_eq!(ok(&group.evaluate(90_000, &mut script, &Words)), [2]);
    assert_eq!(script.taken(), [format!("{alerts} alertstate=pending {rest} 1"), format!("{all} 90")]);
    group.evaluate(150_000, &mut script, &Words);
    assert_eq!(
        script.taken(),
        [
            format!("{alerts} alertstate=firing {rest} 1"),
            format!("{alerts} alertstate=pending {rest} stale"),
            format!("{all} 90")
        ]
    );
    script.answer("up == 0", &[]);
    group.evaluate(210_000, &mut script, &Words);
    assert_eq!(script.taken(), [format!("{alerts} alertstate=firing {rest} stale"), format!("{all} stale")]);
    group.evaluate(270_000, &mut script, &Words);
    assert_eq!(script.taken(), [""; 0], "an end is written once");
}

#[test]
fn labels_and_annotations_are_templates_over_the_sample() {
    let mut group = down(", labels: {of: 'VALUE', job: ''}, annotations: {text: 'LABELS is VALUE', bad: BROKEN}");
    let mut script = Script::default();
    script.answer("up == 0", &[("__name__=up job=a zone=b", 0.5)]);
    group.evaluate(0, &mut script, &Words);
    let alert = group.alerts().next().unwrap();
    assert_eq!(text(&alert.labels), "alertname=Down of=0.5 zone=b", "an empty label takes one away");
    assert_eq!(alert.annotations["text"], "__name__=up job=a zone=b is 0.5");
    assert_eq!(alert.annotations["bad"], "<error expanding template: it is broken>");
    script.answer("up == 0", &[("__name__=up job=a zone=b", 0.5), ("__name__=up job=c zone=b", 0.5)]);
    let outcomes = group.evaluate(MINUTE, &mut script, &Words);
    assert_eq!(outcomes[0].result, Err(RuleError::SameLabels("alert")));
    assert_eq!(group.alerts().count(), 1, "alerts stay as they were");
}

#[test]
fn a_recording_rule_renames_and_its_series_end() {
    let mut group = group(
        "{name: g, labels: {team: x, tier: 1}, rules: [{record: sum, expr: up, labels: {tier: 2, gone: ''}},
          {record: twice, expr: sum * 2}]}",
    );
    let mut script = Script::default();
    script.answer("up", &[("__name__=up gone=1 job=a", 3.0), ("__name__=up gone=1 job=b", 4.0)]);
    assert_eq!(ok(&group.evaluate(0, &mut script, &Words)), [2, 0]);
    assert_eq!(
        script.taken(),
        ["__name__=sum job=a team=x tier=2 3", "__name__=sum job=b team=x tier=2 4"],
        "labels of a rule replace those of its group"
    );
    script.answer("up", &[("__name__=up gone=1 job=b", 5.0)]);
    group.evaluate(MINUTE, &mut script, &Words);
    assert_eq!(script.taken(), ["__name__=sum job=a team=x tier=2 stale", "__name__=sum job=b team=x tier=2 5"]);
    script.answer("up", &[("job=b gone=1", 5.0), ("job=b gone=2", 5.0)]);
    assert_eq!(group.evaluate(0, &mut script, &Words)[0].result, Err(RuleError::SameLabels("rule")));
}

#[test]
fn a_rule_that_fails_ends_nothing_and_stops_no_other() {
    let mut group = group("{name: g, rules: [{record: a, expr: x}, {record: b, expr: y}]}");
    let mut script = Script::default();
    script.answer("x", &[("job=a", 1.0)]);
    script.answer("y", &[("job=a", 1.0)]);
    group.evaluate(0, &mut script, &Words);
    script.taken();
    script.answers.insert("x".into(), Err("the query timed out".into()));
    let outcomes = group.evaluate(MINUTE, &mut script, &Words);
    assert_eq!(
        (outcomes[0].rule.as_str(), &outcomes[0].result),
        ("a", &Err(RuleError::Query("the query timed out".into())))
    );
    assert_eq!(script.taken(), ["__name__=b job=a 1"]);
    script.full = true;
    script.answer("x", &[]);
    let outcomes = group.evaluate(2 * MINUTE, &mut script, &Words);
    assert!(matches!(&outcomes[0].result, Err(RuleError::Append(why)) if why == "the disk is full"), "{outcomes:?}");
    script.full = false;
    group.evaluate(3 * MINUTE, &mut script, &Words);
    assert_eq!(
        script.taken(),
        ["__name__=a job=a stale", "__name__=b job=a 1"],
        "an end that was not stored is repeated"
    );
}

#[test]
fn more_than_the_limit_is_an_error_and_takes_alerts_away() {
    let mut group = group("{name: g, limit: 1, rules: [{record: a, expr: x}, {alert: A, expr: x}]}");
    let mut script = Script::default();
    script.answer("x", &[("job=a", 1.0)]);
    assert_eq!(ok(&group.evaluate(0, &mut script, &Words)), [1, 2]);
    script.answer("x", &[("job=a", 1.0), ("job=b", 1.0)]);
    let outcomes = group.evaluate(MINUTE, &mut script, &Words);
    let shown: Vec<String> = outcomes.iter().map(|o| o.result.clone().unwrap_err().to_string()).collect();
    assert_eq!(shown, ["exceeded limit of 1 with 2 series", "exceeded limit of 1 with 2 alerts"]);
    assert_eq!(group.alerts().count(), 0);
}

#[test]
fn an_offset_moves_queries_and_points_but_not_alerts() {
    let mut group = group("{name: g, query_offset: 30s, rules: [{alert: A, expr: x}]}");
    let mut script = Script::default();
    script.answer("x", &[("job=a", 1.0)]);
    group.evaluate(MINUTE, &mut script, &Words);
    assert_eq!(script.asked, [("x".to_owned(), 30_000)]);
    assert!(script.written.iter().all(|point| point.at_ms == 30_000), "{:?}", script.written);
    assert_eq!(group.alerts().next().unwrap().active_ms, MINUTE);
}

#[test]
fn the_time_that_an_alert_was_pending_survives_a_restart() {
    let now = 1_000 * MINUTE;
    // Minutes ago: when it was last written, since when it was active then; since when it is active now.
    let cases = [
        ("it fired before", 5, 50, 50),
        ("far from firing: the outage does not count", 5, 12, 7),
        ("near to firing: it fires after the grace", 5, 33, 20),
        ("exactly at the end of its time", 5, 35, 35),
    ];
    for (name, at, active, wanted) in cases {
        let mut group = down(", for: 30m").awaiting_restore();
        let mut script = Script::default();
        script.answer("up == 0", &[("__name__=up job=a", 0.0)]);
        group.evaluate(now, &mut script, &Words);
        assert_eq!(script.taken(), [""; 0], "{name}: nothing hides what is to be restored");
        let before = ForState { at_ms: now - at * MINUTE, active_ms: now - active * MINUTE };
        group.restore(now, 10 * MINUTE, |labels| {
            assert_eq!(text(labels), "__name__=ALERTS_FOR_STATE alertname=Down job=a");
            Some(before)
        });
        assert_eq!(group.alerts().next().unwrap().active_ms, now - wanted * MINUTE, "{name}");
        group.evaluate(now + MINUTE, &mut script, &Words);
        assert_eq!(script.taken().len(), 2, "{name}");
    }
}

#[test]
fn what_was_not_written_or_is_short_starts_anew() {
    for (more, found) in [(", for: 30m", None), (", for: 5m", Some(ForState { at_ms: 0, active_ms: 0 }))] {
        let mut group = down(more).awaiting_restore();
        let mut script = Script::default();
        script.answer("up == 0", &[("__name__=up job=a", 0.0)]);
        group.evaluate(100 * MINUTE, &mut script, &Words);
        group.restore(100 * MINUTE, 10 * MINUTE, |_| found);
        assert_eq!(group.alerts().next().unwrap().active_ms, 100 * MINUTE, "{more}");
    }
}

#[test]
fn rules_that_are_read_again_go_on_and_those_that_are_gone_end() {
    let mut old =
        group("{name: g, rules: [{alert: A, expr: x, for: 5m}, {record: r, expr: x}, {record: gone, expr: x}]}");
    let mut script = Script::default();
    script.answer("x", &[("job=a", 1.0)]);
    script.answer("y", &[("job=b", 2.0)]);
    old.evaluate(0, &mut script, &Words);
    script.taken();
    let mut new =
        group("{name: g, rules: [{record: r, expr: y}, {alert: A, expr: x, for: 9m}, {alert: gone, expr: z}]}");
    new.adopt(old);
    new.evaluate(MINUTE, &mut script, &Words);
    assert_eq!(new.alerts().next().unwrap().active_ms, 0, "the alert is active since before");
    let (gone, series) = script.taken().into_iter().partition::<Vec<_>, _>(|point| point.ends_with("stale"));
    assert_eq!(gone, ["__name__=gone job=a stale", "__name__=r job=a stale"]);
    assert_eq!(series.len(), 3);
    new.evaluate(2 * MINUTE, &mut script, &Words);
    assert!(script.taken().iter().all(|point| !point.ends_with("stale")), "an end is written once");
    assert_eq!(new.end(3 * MINUTE, &mut script), Ok(3));
    assert_eq!(script.taken().iter().filter(|point| point.ends_with("stale")).count(), 3);
}

#[test]
fn series_that_change_their_rule_do_not_end() {
    let mut old = group("{name: g, rules: [{record: r, expr: x, labels: {a: b}}]}");
    let mut script = Script::default();
    script.answer("x", &[("job=a", 1.0)]);
    script.answer("y", &[("job=a a=b", 1.0)]);
    old.evaluate(0, &mut script, &Words);
    let mut new = group("{name: g, rules: [{record: r, expr: y}]}");
    new.adopt(old);
    script.taken();
    new.evaluate(MINUTE, &mut script, &Words);
    assert_eq!(script.taken(), ["__name__=r a=b job=a 1"]);
}

#[test]
fn an_end_that_could_not_be_stored_is_tried_again() {
    let mut old = group("{name: g, rules: [{record: r, expr: x}]}");
    let mut script = Script::default();
    script.answer("x", &[("job=a", 1.0)]);
    old.evaluate(0, &mut script, &Words);
    script.taken();
    let mut new = group("{name: g}");
    new.adopt(old);
    script.full = true;
    new.evaluate(MINUTE, &mut script, &Words);
    script.full = false;
    new.evaluate(2 * MINUTE, &mut script, &Words);
    assert_eq!(script.taken(), ["__name__=r job=a stale"]);
}

/// Notices after each minute in which the query has a result (`x`) or none: `F` firing, `r` resolved, `-` none.
fn told(group: &mut Group, minutes: &str, repeat_ms: i64) -> String {
    let mut script = Script::default();
    let mut told = String::new();
    for (minute, seen) in minutes.chars().enumerate() {
        let now = minute as i64 * MINUTE;
        script.answer("up == 0", if seen == 'x' { &[("job=a", 0.0)] } else { &[] });
        group.evaluate(now, &mut script, &Words);
        let notices = group.notices(now, repeat_ms, MINUTE);
        assert_eq!(group.notices(now, repeat_ms, MINUTE), [], "a notice is given once");
        told.push(notices.first().map_or('-', |notice| if notice.resolved { 'r' } else { 'F' }));
    }
    told
}

#[test]
fn notices_are_given_at_once_and_repeated() {
    let cases = [
        ("pending is not told", ", for: 2m", "xx..", 90_000, "----"),
        ("every evaluation", "", "xxxx", 30_000, "FFFF"),
        ("every second one", "", "xxxxx", 90_000, "F-F-F"),
        ("the end is told at once", "", "xx...", 300_000, "F-r--"),
        ("the end is repeated until it is forgotten", "", "x....................", 290_000, "Fr----r----r----r----"),
        ("what comes back is told at once", "", "x.x.x", 300_000, "FrFrF"),
    ];
    for (name, more, minutes, repeat_ms, wanted) in cases {
        assert_eq!(told(&mut down(more), minutes, repeat_ms), wanted, "{name}");
    }
}

#[test]
fn a_notice_says_since_when_and_until_when_it_holds() {
    let mut group = down(", for: 1m, annotations: {text: VALUE}");
    let mut script = Script::default();
    script.answer("up == 0", &[("job=a", 0.5)]);
    group.evaluate(0, &mut script, &Words);
    group.evaluate(MINUTE, &mut script, &Words);
    let firing = group.notices(MINUTE, 30_000, 2 * MINUTE).remove(0);
    assert_eq!((firing.starts_ms, firing.ends_ms, firing.resolved), (MINUTE, 9 * MINUTE, false));
    assert_eq!((text(&firing.labels).as_str(), firing.annotations["text"].as_str()), ("alertname=Down job=a", "0.5"));
    script.answer("up == 0", &[]);
    group.evaluate(2 * MINUTE, &mut script, &Words);
    let over = group.notices(2 * MINUTE, 30_000, 2 * MINUTE).remove(0);
    assert_eq!((over.starts_ms, over.ends_ms, over.resolved), (MINUTE, 2 * MINUTE, true));
}
