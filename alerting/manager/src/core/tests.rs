use super::*;
use crate::alert::PostedAlert;
use crate::data::Data;
use crate::silence::{MatcherJson, NewSilence};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

const CONFIG: &str = r#"
route:
  receiver: all
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
  - {receiver: pager, matchers: [severity=page], group_by: [...], continue: true}
  - {receiver: quiet, matchers: ['severity=~"page|info"'], mute_time_intervals: [first minutes]}
inhibit_rules: [{source_matchers: [severity=page], target_matchers: [severity=warn], equal: [job]}]
time_intervals: [{name: first minutes, time_intervals: [{times: [{start_time: '00:00', end_time: '00:02'}]}]}]
receivers:
- {name: all, webhook_configs: [{url: 'http://a/'}, {url: 'http://b/', send_resolved: false}]}
- {name: pager, webhook_configs: [{url: 'http://p/'}]}
- {name: quiet, webhook_configs: [{url: 'http://q/'}]}
"#;

/// A core with a clock that goes from one instant to the next.
struct World(Core);

impl World {
    fn new() -> Self {
        World(Core::new(&Config::parse(CONFIG).unwrap()))
    }

    /// Reports an alert that ends at `ends`, if that is said.
    fn put(&mut self, now: i64, labels: &[(&str, &str)], starts: i64, ends: Option<i64>) {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let posted =
            PostedAlert { labels, starts_at: Some(at(starts)), ends_at: ends.map(at), ..PostedAlert::default() };
        self.0.put(posted.taken(at(now), 300 * SECOND).unwrap(), at(now));
    }

    /// What is sent at an instant, all well: receiver, integration, and status and labels of alerts.
    fn sent(&mut self, now: i64) -> Vec<String> {
        let due = self.0.due(at(now));
        for one in &due {
            self.0.done(one, true, at(now)).unwrap();
        }
        due.iter().map(shown).collect()
    }
}

impl World {
    /// Those that have alerts: the others are only noted.
    fn heard(&mut self, now: i64) -> Vec<String> {
        self.sent(now).into_iter().filter(|one| !one.ends_with(": ")).collect()
    }
}

fn shown(one: &Notification) -> String {
    let data = Data::of(one, "http://here");
    let alerts: Vec<String> = data.alerts.iter().map(|a| format!("{} {}", a.status, a.labels["alertname"])).collect();
    format!("{} {} {}: {}", one.receiver, one.integration, data.status, alerts.join(", "))
}

#[test]
fn a_group_waits_goes_on_repeats_and_ends() {
    let mut world = World::new();
    let (a, b) = ([("alertname", "A"), ("job", "x")], [("alertname", "A"), ("job", "y")]);
    world.put(0, &a, 0, Some(100_000));
    assert_eq!(world.0.next_due(), Some(at(30)));
    assert_eq!(world.sent(29), [""; 0]);
    assert_eq!(world.sent(30), ["all webhook[0] firing: firing A", "all webhook[1] firing: firing A"]);
    world.put(40, &b, 40, Some(100_000));
    assert_eq!(world.sent(329), [""; 0], "what is new waits for the interval");
    assert_eq!(world.sent(330).len(), 2);
    assert_eq!(world.sent(630), [""; 0], "nothing new");
    world.put(700, &b, 40, Some(700));
    assert_eq!(world.sent(930), ["all webhook[0] firing: firing A, resolved A"], "the other does not hear of the end");
    let after = 930 + 4 * 3600;
    for now in (1230..after).step_by(300) {
        // The other was told last at 330.
        let wanted = if now > 330 + 4 * 3600 && now <= 630 + 4 * 3600 {
            vec!["all webhook[1] firing: firing A"]
        } else {
            vec![]
        };
        assert_eq!(world.sent(now), wanted, "at {now}");
    }
    assert_eq!(world.sent(after), [""; 0], "not before more than the interval has passed");
    assert_eq!(world.sent(after + 300), ["all webhook[0] firing: firing A"]);
    world.put(after + 400, &a, 0, Some(after + 400));
    let last = world.sent(after + 600);
    assert_eq!(last[0], "all webhook[0] resolved: resolved A");
    assert!(last[1].ends_with("resolved: "), "nobody hears of it, the log does: {last:?}");
    assert_eq!(world.0.next_due(), None);
}

#[test]
fn what_could_not_be_sent_is_made_again() {
    let mut world = World::new();
    world.put(0, &[("alertname", "A"), ("severity", "page")], 0, Some(100));
    let due = world.0.due(at(30));
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].deadline, at(330));
    assert!(world.0.due(at(329)).is_empty(), "it is under way");
    world.0.done(&due[0], false, at(329));
    assert_eq!(world.sent(330), [""; 0], "it is over, and nobody heard of it");
    assert_eq!(world.0.next_due(), None);
}

#[test]
fn alerts_go_where_routes_lead_and_not_while_these_are_muted() {
    let mut world = World::new();
    world.put(0, &[("alertname", "A"), ("severity", "page")], 0, Some(10_000));
    assert_eq!(world.sent(30), ["pager webhook[0] firing: firing A"]);
    let groups = world.0.groups(&Filter::default(), at(31));
    assert_eq!(groups.iter().map(|group| group.receiver.as_str()).collect::<Vec<_>>(), ["quiet", "pager"]);
    assert_eq!(groups[0].alerts[0].muted_by, ["first minutes"]);
    assert_eq!(world.sent(330), ["quiet webhook[0] firing: firing A"]);
    let shown = world.0.alerts(&Filter::default(), at(331));
    assert_eq!(shown[0].receivers, ["pager", "quiet"]);
}

#[test]
fn inhibited_and_silenced_alerts_are_not_told_and_are_when_that_is_over() {
    let mut world = World::new();
    world.put(0, &[("alertname", "W"), ("severity", "warn"), ("job", "x")], 0, Some(10_000));
    world.put(0, &[("alertname", "P"), ("severity", "page"), ("job", "x")], 0, Some(300));
    assert_eq!(world.sent(30), ["pager webhook[0] firing: firing P"]);
    let only = |active, inhibited| Filter { active, inhibited, ..Filter::default() };
    assert_eq!(world.0.alerts(&only(false, true), at(31))[0].inhibited_by.len(), 1);
    assert_eq!(world.0.alerts(&only(true, false), at(31)).len(), 1);
    let matcher = MatcherJson { name: "job".into(), value: "x".into(), is_regex: false, is_equal: true };
    let new = |ends| NewSilence {
        matchers: vec![matcher.clone()],
        starts_at: Some(at(0)),
        ends_at: Some(at(ends)),
        ..NewSilence::default()
    };
    let silence = new(400).taken(at(31)).unwrap();
    world.0.silence(silence, "one".into(), at(31)).unwrap();
    assert_eq!(world.sent(330), [""; 0], "the page is over, but all are silenced");
    let sent = world.sent(630);
    assert_eq!(sent, ["all webhook[0] firing: firing W", "all webhook[1] firing: firing W"]);
}

#[test]
fn silences_are_replaced_expired_and_forgotten() {
    let mut world = World::new();
    let matcher = |value: &str| MatcherJson { name: "a".into(), value: value.into(), is_regex: true, is_equal: true };
    let new = |id: &str, value: &str, starts, ends, now| {
        NewSilence {
            id: id.into(),
            matchers: vec![matcher(value)],
            starts_at: Some(at(starts)),
            ends_at: Some(at(ends)),
            ..NewSilence::default()
        }
        .taken(at(now))
    };
    assert!(
        new("", "b", 10, 10, 0).is_err()
            && new("", "b", 1, 9, 10).is_err()
            && new("", ".*", 0, 10, 0).is_err()
            && new("", "(", 0, 9, 0).is_err()
    );
    let one = new("", "b", 10, 100, 5).unwrap();
    assert_eq!(world.0.silence(one.clone(), "one".into(), at(5)).unwrap()[0].starts, at(10));
    let longer = new("one", "b", 10, 200, 20).unwrap();
    assert_eq!(world.0.silence(longer, "unused".into(), at(20)).unwrap()[0].id, "one", "it lasts longer");
    let mut rounded = new("one", "b", 10, 300, 20).unwrap();
    rounded.starts = rounded.starts.saturating_add(400_000_000);
    let kept = world.0.silence(rounded, "unused".into(), at(20)).unwrap().remove(0);
    assert_eq!((kept.id.as_str(), kept.starts), ("one", at(10)), "a start within the same second is the same");
    let other = new("one", "c", 10, 200, 30).unwrap();
    let changed = world.0.silence(other, "two".into(), at(30)).unwrap();
    assert_eq!(
        (changed[0].id.as_str(), changed[1].id.as_str(), changed[1].ends),
        ("two", "one", at(30)),
        "another stands in"
    );
    assert_eq!(
        world.0.silence(Silence { id: "nosuch".into(), ..one }, "x".into(), at(30)),
        Err(SilenceError::NotFound("nosuch".into()))
    );
    world.0.expire("two", at(40)).unwrap();
    assert_eq!(world.0.expire("two", at(41)).unwrap().ends, at(40), "what is over stays over");
    assert!(world.0.expire("nosuch", at(41)).is_err());
    assert_eq!(world.0.maintain(at(41)), Forgotten::default());
    assert_eq!(world.0.maintain(at(41 + 120 * 3600)).silences.len(), 2);
}

#[test]
fn after_a_restart_nothing_is_told_twice_and_ends_are_told() {
    let mut world = World::new();
    let labels = [("alertname", "A"), ("severity", "page")];
    world.put(0, &labels, 0, Some(10_000));
    let due = world.0.due(at(30));
    let (key, entry) = world.0.done(&due[0], true, at(30)).unwrap();
    let kept: Vec<Alert> = world.0.alerts.values().map(|alert| (**alert).clone()).collect();
    let mut world = World::new();
    world.0.restore_log(key, entry);
    kept.into_iter().for_each(|alert| world.0.restore_alert(alert));
    world.0.begin(300 * SECOND, at(50));
    assert_eq!(world.sent(51), [""; 0], "looked at once, because it has waited, and told before");
    world.put(60, &labels, 0, Some(60));
    assert_eq!(world.sent(351), ["pager webhook[0] resolved: resolved A"]);
}

#[test]
fn ten_thousand_alerts_at_once_are_one_notification_of_each_group() {
    let mut world = World::new();
    for n in 0..10_000 {
        world.put(0, &[("alertname", "A"), ("n", &n.to_string())], 0, Some(10_000));
    }
    let due = world.0.due(at(30));
    assert_eq!((due.len(), due[0].alerts.len()), (2, 10_000));
    assert_eq!(Data::of(&due[0], "").cut(10).truncated_alerts, 9990);
}

#[test]
fn group_keys_and_documents_are_alertmanagers() {
    let mut world = World::new();
    world.put(0, &[("alertname", "A"), ("severity", "page")], 0, Some(10_000));
    let due = world.0.due(at(30));
    assert_eq!(due[0].group_key, "{}/{severity=\"page\"}:{alertname=\"A\", severity=\"page\"}");
    let json = serde_json::to_value(Data::of(&due[0], "http://here")).unwrap();
    assert_eq!((json["version"].as_str(), json["truncatedAlerts"].as_u64()), (Some("4"), Some(0)));
    assert_eq!(json["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(json["alerts"][0]["startsAt"], "1970-01-01T00:00:00Z");
    assert_eq!(json["commonLabels"]["severity"], "page");
}

#[test]
fn what_would_be_sent_can_be_rehearsed() {
    let report = |labels: &[(&str, &str)], starts: i64, ends: i64, now: i64| {
        let labels = LabelSet::from_pairs(labels.iter().copied());
        let (annotations, generator_url) = Default::default();
        let (starts, ends, updated) = (at(starts), at(ends), at(now));
        (
            at(now),
            Alert { labels, annotations, starts, ends, updated, generator_url, source: String::new(), timeout: false },
        )
    };
    let (one, other, never) = (&[("alertname", "A")], &[("alertname", "A"), ("n", "2")], 1_000_000);
    let reports = [
        report(one, 1000, never, 1000),
        report(other, 1060, never, 1060),
        report(other, 1060, 1500, 1500),
        report(one, 1000, 40_000, 40_000),
        report(one, 50_000, never, 50_000),
        report(one, 50_000, 50_010, 50_010),
    ];
    let heard = |most: usize, until: i64| {
        let mut heard = Vec::new();
        let known = World::new().0.rehearse(reports.clone(), at(until), most, |one| {
            let over = one.alerts.iter().filter(|alert| alert.is_resolved(one.at)).count();
            heard.push((one.at.nanos() / SECOND, one.alerts.len() - over, over));
            true
        });
        // Both webhooks hear the same, but that one does not hear of ends.
        heard.dedup();
        (heard, known)
    };
    let (all, known) = heard(10_000, 100_000);
    assert_eq!(all.first(), Some(&(1030, 1, 0)), "after group_wait");
    assert_eq!(all.get(1), Some(&(1330, 2, 0)), "after group_interval");
    assert!(all.iter().any(|(_, firing, over)| (*firing, *over) == (1, 1)), "{all:?}");
    assert!(all.iter().all(|(at, ..)| *at < 50_000), "what was over before group_wait is not told: {all:?}");
    assert_eq!(known, at(100_000));
    assert!(heard(3, 100_000).1 < at(2000), "it stops after so many instants");
    assert_eq!(heard(10_000, 1100).0, [(1030, 1, 0)]);
    assert!(World::new().0.has_integrations() && !Core::new(&Config::without_receivers()).has_integrations());
}

/// The same with what is kept, after a restart.
fn restarted(world: World, now: i64) -> World {
    let mut again = World::new();
    again.0.log = world.0.log;
    world.0.alerts.into_values().for_each(|alert| again.0.restore_alert((*alert).clone()));
    again.0.begin(300 * SECOND, at(now));
    again
}

#[test]
fn a_restart_ends_no_alert_and_tells_no_end_again() {
    let (mut world, [one, two]) = (World::new(), ["A", "B"].map(|name| [("alertname", name)]));
    world.put(0, &one, 0, None);
    world.put(0, &two, 0, None);
    assert_eq!(world.sent(30).len(), 4);
    world.put(40, &two, 0, Some(40));
    world.put(320, &one, 0, None);
    assert_eq!(world.heard(330), ["all webhook[0] resolved: resolved B"]);
    // Longer than A can do without a report.
    let mut world = restarted(world, 1000);
    assert_eq!(world.sent(1001), [""; 0], "A fires still, and that B is over is known");
    assert_eq!(world.heard(1302), ["all webhook[0] resolved: resolved A"], "nobody reported it");
}

#[test]
fn an_end_that_was_reported_before_a_restart_is_told_after_it() {
    let mut world = World::new();
    world.put(0, &[("alertname", "A")], 0, None);
    world.sent(30);
    world.put(40, &[("alertname", "A")], 0, Some(40));
    assert_eq!(restarted(world, 1000).heard(1001), ["all webhook[0] resolved: resolved A"]);
}

#[test]
fn alerts_of_rules_that_ended_unseen_are_over_when_their_rules_do_not_know_them() {
    let mut world = World::new();
    for (name, source) in [("A", "rules"), ("B", "rules"), ("C", "other rules"), ("D", "")] {
        let labels = [("alertname", name)];
        world.put(0, &labels, 0, Some(10_000));
        let alert = &world.0.alerts[&Fingerprint::of(&LabelSet::from_pairs(labels))];
        let alert = Alert { source: source.to_owned(), ..(**alert).clone() };
        world.0.restore_alert(alert);
    }
    world.sent(30);
    let mut world = restarted(world, 60);
    let known = |labels: &LabelSet| labels.get("alertname") == Some("B");
    let (ended, all) = world.0.settle("rules", at(60), &known, at(61));
    assert_eq!(ended.iter().map(|alert| alert.labels.get("alertname")).collect::<Vec<_>>(), [Some("A")]);
    assert!(!all, "B is known and was not reported again");
    assert_eq!(world.heard(362), ["all webhook[0] resolved: resolved A"]);
    let put_again =
        Alert { updated: at(400), ..(**world.0.alerts.values().find(|one| known(&one.labels)).unwrap()).clone() };
    world.0.put(put_again, at(400));
    assert_eq!(world.0.settle("rules", at(60), &known, at(401)), (Vec::new(), true));
}

#[test]
fn a_clock_that_jumps_ends_no_alert_and_stops_no_group() {
    let mut world = World::new();
    world.put(0, &[("alertname", "A")], 0, None);
    world.sent(30);
    world.0.outlive(300 * SECOND, at(31), at(5000));
    assert_eq!(world.sent(5000), [""; 0]);
    world.put(5001, &[("alertname", "A"), ("b", "c")], 5001, None);
    world.0.wait_no_longer(at(100));
    assert!(world.0.next_due().unwrap() <= at(400), "it is looked at within its interval");
    assert_eq!(world.sent(400).len(), 2);
}
