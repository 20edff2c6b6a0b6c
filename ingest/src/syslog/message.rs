//! [`parse`]: one syslog message, whichever of the two RFCs it follows.

use super::options::SyslogField;
use super::{rfc3164, rfc5424};
use gantry_model::Timestamp;
use std::borrow::Cow;

/// The parts of a message. What it does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// 0 to 23 (RFC 5424, section 6.2.1).
    pub facility: u8,
    /// 0 (emergency) to 7 (debug).
    pub severity: u8,
    pub timestamp: Option<Timestamp>,
    pub host: Option<&'a str>,
    pub app: Option<&'a str>,
    pub process: Option<&'a str>,
    pub message_id: Option<&'a str>,
    /// Structured data as `id_name` and value.
    pub structured: Vec<(String, Cow<'a, str>)>,
    pub text: &'a str,
}

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

const SEVERITIES: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// The priority of a message without one: user.notice (RFC 3164, section 4.3.3).
const DEFAULT_PRIORITY: u8 = 13;

/// Reads a message without its frame. Never fails: what follows neither RFC is the text of a message that says nothing
/// else. `now` completes RFC 3164 timestamps, which have no year; `utc_offset_minutes` their missing zone.
pub fn parse(raw: &str, now: Timestamp, utc_offset_minutes: i32) -> Message<'_> {
    let raw = raw.trim_end_matches(['\n', '\r', '\0']);
    let (priority, rest) = priority(raw).unwrap_or((DEFAULT_PRIORITY, raw));
    let message = Message { facility: priority / 8, severity: priority % 8, ..Message::default() };
    rfc5424::parse(rest, &message).unwrap_or_else(|| rfc3164::parse(rest, message, now, utc_offset_minutes))
}

/// `<0>` to `<191>`, and what follows.
fn priority(raw: &str) -> Option<(u8, &str)> {
    let (digits, rest) = raw.strip_prefix('<')?.split_once('>')?;
    let plain = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    let priority: u8 = digits.parse().ok()?;
    (plain && priority <= 191).then_some((priority, rest))
}

impl<'a> Message<'a> {
    pub fn facility_name(&self) -> &'static str {
        FACILITIES[usize::from(self.facility) % FACILITIES.len()]
    }

    pub fn severity_name(&self) -> &'static str {
        SEVERITIES[usize::from(self.severity) % SEVERITIES.len()]
    }

    pub(super) fn field(&self, field: SyslogField) -> Option<&'a str> {
        match field {
            SyslogField::Host => self.host,
            SyslogField::App => self.app,
            SyslogField::Level => Some(self.severity_name()),
            SyslogField::Facility => Some(self.facility_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2024-05-14T10:00:00Z
    const NOW: Timestamp = Timestamp::from_secs(1_715_680_800);

    fn read(raw: &str) -> Message<'_> {
        parse(raw, NOW, 0)
    }

    #[test]
    fn rfc_5424_messages_are_read_with_their_structured_data() {
        let message = read(concat!(
            r#"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 77 ID47 "#,
            r#"[exampleSDID@32473 iut="3" text="a \"b\" \] \\ c"][other x="1"] "#,
            "\u{feff}An application event\n"
        ));
        assert_eq!((message.facility_name(), message.severity_name()), ("local4", "notice"));
        assert_eq!(message.timestamp, Some(Timestamp(1_065_910_455_003_000_000)));
        assert_eq!((message.host, message.app), (Some("mymachine.example.com"), Some("evntslog")));
        assert_eq!((message.process, message.message_id), (Some("77"), Some("ID47")));
        let structured: Vec<_> = message.structured.iter().map(|(n, v)| (n.as_str(), &**v)).collect();
        let expected = [("exampleSDID_32473_iut", "3"), ("exampleSDID_32473_text", r#"a "b" ] \ c"#), ("other_x", "1")];
        assert_eq!(structured, expected);
        assert_eq!(message.text, "An application event");
    }

    #[test]
    fn nil_values_are_none_and_the_text_may_be_missing() {
        let message = read("<34>1 - - - - - -");
        let expected = Message { facility: 4, severity: 2, ..Message::default() };
        assert_eq!(message, expected);
    }

    #[test]
    fn rfc_3164_messages_get_the_year_that_is_nearest() {
        let message = read("<34>May 14 09:59:58 gw-1 sshd[42]: Accepted");
        assert_eq!(message.timestamp, Some(NOW.saturating_sub(2_000_000_000)));
        assert_eq!((message.host, message.app, message.process), (Some("gw-1"), Some("sshd"), Some("42")));
        assert_eq!(message.text, "Accepted");
        let new_year = Timestamp::from_secs(1_704_067_201);
        let message = parse("<34>Dec 31 23:59:59 h a: x", new_year, 0);
        assert_eq!(message.timestamp, Some(Timestamp::from_secs(1_704_067_199)));
        let east = parse("<34>May 14 11:30:00 h a: x", NOW, 90);
        assert_eq!(east.timestamp, Some(NOW));
    }

    #[test]
    fn the_usual_deviations_are_understood() {
        let no_host = read("<13>May  4 10:00:00 cron[1]: job");
        assert_eq!((no_host.host, no_host.app, no_host.text), (None, Some("cron"), "job"));
        let rfc_time = read("<13>2024-05-14T10:00:00+02:00 host app: text");
        assert_eq!((rfc_time.host, rfc_time.app, rfc_time.text), (Some("host"), Some("app"), "text"));
        assert_eq!(rfc_time.timestamp, Some(Timestamp::from_secs(1_715_673_600)));
        let no_tag = read("<13>May 14 10:00:00 host just words");
        assert_eq!((no_tag.host, no_tag.app, no_tag.text), (Some("host"), None, "just words"));
    }

    #[test]
    fn anything_else_is_the_text_of_a_notice() {
        for raw in ["plain", "<>x", "<999>x", "", "<1", "Feb 30 10:00:00 h a: x"] {
            let message = read(raw);
            assert_eq!((message.facility_name(), message.severity_name(), message.text), ("user", "notice", raw));
            assert_eq!(message.timestamp, None);
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(raw in ".*", near in r#"<\d{1,3}>1? ?[-A-Z0-9a-z:. ]{0,30}\[[a-z@"=\\\] ]{0,20}.{0,9}"#) {
            let _ = read(&raw);
            let _ = read(&near);
        }
    }
}
