//! Times of the week, month and year (Alertmanager's `time_interval`), in a zone. Ranges of minutes exclude their end, others
//! include it.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;
use gantry_model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::RangeInclusive;

/// Times in which all fields agree that have any ranges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeInterval {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TimeRange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Named<0>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days_of_month: Vec<Days>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<Named<1>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub years: Vec<Years>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "zone", serialize_with = "zone_name")]
    pub location: Option<Tz>,
}

/// From a minute of the day up to another, which it excludes; `24:00` is the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "GivenRange")]
pub struct TimeRange {
    #[serde(rename = "start_time", serialize_with = "clock")]
    pub from: u32,
    #[serde(rename = "end_time", serialize_with = "clock")]
    pub to: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRange {
    #[serde(deserialize_with = "minute")]
    start_time: u32,
    #[serde(deserialize_with = "minute")]
    end_time: u32,
}

impl TryFrom<GivenRange> for TimeRange {
    type Error = InvalidInterval;

    fn try_from(given: GivenRange) -> Result<Self, InvalidInterval> {
        let (from, to) = (given.start_time, given.end_time);
        if from >= to {
            return Err(InvalidInterval("start_time must be before end_time; a night is two ranges".to_owned()));
        }
        Ok(TimeRange { from, to })
    }
}

/// Weekdays (`Named<0>`, Sunday is 0) or months (`Named<1>`, January is 1), as `monday:friday` or `3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<const KIND: u8>(RangeInclusive<i32>);

/// Days of a month; -1 is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days(RangeInclusive<i32>);

/// Years.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Years(RangeInclusive<i32>);

/// What is no range, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInterval(pub String);

const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

fn range(text: &str, one: impl Fn(&str) -> Option<i32>) -> Result<RangeInclusive<i32>, InvalidInterval> {
    let (from, to) = text.split_once(':').unwrap_or((text, text));
    let read = |part: &str| {
        let part = part.trim().to_lowercase();
        one(&part).ok_or_else(|| InvalidInterval(format!("{part:?} is not valid in the range {text:?}")))
    };
    Ok(read(from)?..=read(to)?)
}

fn in_order(range: RangeInclusive<i32>, text: &str) -> Result<RangeInclusive<i32>, InvalidInterval> {
    if range.is_empty() { Err(InvalidInterval(format!("the start of {text:?} is after its end"))) } else { Ok(range) }
}

impl<const KIND: u8> Named<KIND> {
    fn parse(text: &str) -> Result<Self, InvalidInterval> {
        let number = |names: &[&str], first: i32, part: &str| {
            let named = names.iter().position(|name| *name == part).map(|at| at as i32 + first);
            let last = names.len() as i32 + first - 1;
            named.or_else(|| part.parse().ok().filter(|n| (first..=last).contains(n) && first > 0))
        };
        let one = |part: &str| if KIND == 0 { number(&WEEKDAYS, 0, part) } else { number(&MONTHS, 1, part) };
        in_order(range(text, one)?, text).map(Named)
    }
}

impl Days {
    fn parse(text: &str) -> Result<Self, InvalidInterval> {
        let days = range(text, |part| part.parse().ok().filter(|day: &i32| *day != 0 && (-31..=31).contains(day)))?;
        let (from, to) = (*days.start(), *days.end());
        if from < 0 && to > 0 {
            return Err(InvalidInterval(format!("the end of {text:?} must be negative when its start is")));
        }
        if from > 0 && to < 0 { Ok(Days(days)) } else { in_order(days, text).map(Days) }
    }

    fn contains(&self, day: i32, last: i32) -> bool {
        let real = |given: i32| if given < 0 { last + given + 1 } else { given };
        // Days that a month does not have are cut off.
        let (from, to) = (real(*self.0.start()).max(1), real(*self.0.end()).min(last));
        real(*self.0.start()) <= last && (from..=to).contains(&day)
    }
}

impl Years {
    fn parse(text: &str) -> Result<Self, InvalidInterval> {
        in_order(range(text, |part| part.parse().ok())?, text).map(Years)
    }
}

macro_rules! as_text {
    ($($of:ty),+) => {$(
        impl<'de> Deserialize<'de> for $of {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let given = TextOrNumber::deserialize(from)?;
                Self::parse(&given.text()).map_err(serde::de::Error::custom)
            }
        }
        impl Serialize for $of {
            fn serialize<S: Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
                into.serialize_str(&self.written())
            }
        }
    )+};
}

as_text!(Named<0>, Named<1>, Days, Years);

impl<const KIND: u8> Named<KIND> {
    fn written(&self) -> String {
        let name = |at: i32| if KIND == 0 { WEEKDAYS[at as usize] } else { MONTHS[at as usize - 1] };
        format!("{}:{}", name(*self.0.start()), name(*self.0.end()))
    }
}

impl Days {
    fn written(&self) -> String {
        format!("{}:{}", self.0.start(), self.0.end())
    }
}

impl Years {
    fn written(&self) -> String {
        format!("{}:{}", self.0.start(), self.0.end())
    }
}

/// YAML has numbers where there are no quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(i64),
}

impl TextOrNumber {
    fn text(self) -> String {
        match self {
            TextOrNumber::Text(text) => text,
            TextOrNumber::Number(number) => number.to_string(),
        }
    }
}

fn minute<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let text = String::deserialize(from)?;
    let parsed = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2).and_then(|(hours, minutes)| {
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
    });
    parsed.ok_or_else(|| {
        serde::de::Error::custom(format!("couldn't parse timestamp {text}, invalid format; it is HH:MM"))
    })
}

fn clock<S: Serializer>(minute: &u32, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(&format!("{:02}:{:02}", minute / 60, minute % 60))
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Tz>, D::Error> {
    let Some(name) = Option::<String>::deserialize(from)? else { return Ok(None) };
    if name == "Local" {
        return Ok(Some(Tz::UTC));
    }
    name.parse().map(Some).map_err(|_| serde::de::Error::custom(format!("unknown time zone {name}")))
}

fn zone_name<S: Serializer>(zone: &Option<Tz>, into: S) -> Result<S::Ok, S::Error> {
    into.serialize_str(zone.map_or("UTC", |zone| zone.name()))
}

impl TimeInterval {
    /// Whether the instant lies within. Without a location it is looked at in UTC.
    pub fn contains(&self, at: Timestamp) -> bool {
        let at: DateTime<Utc> = DateTime::from_timestamp_nanos(at.nanos());
        let at = at.with_timezone(&self.location.unwrap_or(Tz::UTC));
        let (minute, weekday) = (at.hour() * 60 + at.minute(), at.weekday().num_days_from_sunday() as i32);
        let (day, last) = (at.day() as i32, i32::from(at.num_days_in_month()));
        (self.times.is_empty() || self.times.iter().any(|time| (time.from..time.to).contains(&minute)))
            && (self.days_of_month.is_empty() || self.days_of_month.iter().any(|days| days.contains(day, last)))
            && (self.months.is_empty() || self.months.iter().any(|months| months.0.contains(&(at.month() as i32))))
            && (self.weekdays.is_empty() || self.weekdays.iter().any(|days| days.0.contains(&weekday)))
            && (self.years.is_empty() || self.years.iter().any(|years| years.0.contains(&at.year())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TimeInterval, String> {
        let read: TimeInterval = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        for range in &read.times {
            assert!(range.from <= 1440 && range.to <= 1440);
        }
        Ok(read)
    }

    fn contains(text: &str, at: &str) -> bool {
        parse(text).unwrap().contains(crate::when::read(at).unwrap().unwrap())
    }

    #[test]
    fn instants_lie_within_or_not() {
        let cases = [
            ("{}", "2020-07-10T10:30:00Z", true),
            (
                "{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday']}",
                "2020-07-10T16:59:59Z",
                true,
            ),
            (
                "{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday']}",
                "2020-07-10T17:00:00Z",
                false,
            ),
            (
                "{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['Monday:friday']}",
                "2020-07-11T10:00:00Z",
                false,
            ),
            ("{times: [{start_time: '00:00', end_time: '24:00'}]}", "2020-07-11T23:59:59Z", true),
            ("{days_of_month: ['-3:-1']}", "2021-02-26T00:00:00Z", true),
            ("{days_of_month: ['-3:-1']}", "2021-02-25T00:00:00Z", false),
            ("{days_of_month: ['25:-1']}", "2020-02-29T00:00:00Z", true),
            ("{days_of_month: ['30:31']}", "2021-02-28T00:00:00Z", false),
            ("{months: ['january:3', december]}", "2021-12-25T00:00:00Z", true),
            ("{months: [4]}", "2021-03-31T23:59:59Z", false),
            ("{years: ['2020:2022']}", "2023-01-01T00:00:00Z", false),
            ("{years: [2023]}", "2023-01-01T00:00:00Z", true),
            (
                "{times: [{start_time: '09:00', end_time: '10:00'}], location: Europe/Berlin}",
                "2021-07-01T07:30:00Z",
                true,
            ),
            (
                "{times: [{start_time: '09:00', end_time: '10:00'}], location: Europe/Berlin}",
                "2021-01-01T07:30:00Z",
                false,
            ),
        ];
        for (text, at, wanted) in cases {
            assert_eq!(contains(text, at), wanted, "{text} {at}");
        }
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for text in [
            "{times: [{start_time: '9:00', end_time: '17:00'}]}",
            "{times: [{start_time: '09:00', end_time: '24:01'}]}",
            "{times: [{start_time: '22:00', end_time: '06:00'}]}",
            "{times: [{start_time: '10:00', end_time: '10:00'}]}",
            "{times: [{start_time: '10:00'}]}",
            "{times: [{start_time: '10:00', end_time: '11:00', zone: UTC}]}",
            "{weekdays: ['friday:monday']}",
            "{weekdays: [someday]}",
            "{days_of_month: ['0']}",
            "{days_of_month: ['-5:5']}",
            "{days_of_month: ['32']}",
            "{months: ['13']}",
            "{years: ['2022:2020']}",
            "{location: Nowhere}",
            "{hours: []}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let text = "{times: [{start_time: '09:00', end_time: '17:05'}], weekdays: ['monday:friday'], days_of_month: ['-3:-1'], months: [may], years: ['2020'], location: Asia/Tokyo}";
        let read = parse(text).unwrap();
        assert_eq!(parse(&serde_yaml_ng::to_string(&read).unwrap()).unwrap(), read);
    }
}
