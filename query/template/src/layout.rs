//! Go's date layouts: how the reference time `Mon Jan 2 15:04:05 MST 2006` would be written.

use crate::time::{DAYS, MONTHS, Time};
use chrono::{Datelike, FixedOffset, NaiveDate, TimeZone, Timelike};
use chrono_tz::Tz;

/// Pieces of the reference time; of two that begin alike the longer one comes first.
const PIECES: [&str; 35] = [
    "January",
    "Jan",
    "Monday",
    "Mon",
    "MST",
    "2006",
    "-07:00:00",
    "-070000",
    "-07:00",
    "-0700",
    "-07",
    "Z07:00:00",
    "Z070000",
    "Z07:00",
    "Z0700",
    "Z07",
    "002",
    "01",
    "02",
    "03",
    "04",
    "05",
    "06",
    "15",
    "__2",
    "_2",
    "1",
    "2",
    "3",
    "4",
    "5",
    "PM",
    "pm",
    ".0",
    ".9",
];

/// The first piece in `layout`: text before it, the piece, text after it. Fractions come with all their digits.
fn split(layout: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in layout.char_indices() {
        let rest = &layout[at..];
        if rest.starts_with("_2006") {
            continue;
        }
        if rest.starts_with(['.', ',']) {
            let digit = rest.as_bytes().get(1).copied().filter(|b| matches!(b, b'0' | b'9'));
            let digits = rest.bytes().skip(1).take_while(|b| Some(*b) == digit).count();
            let ends = !rest[1 + digits..].starts_with(|c: char| c.is_ascii_digit());
            if digits > 0 && ends {
                return Some((&layout[..at], &rest[..1 + digits], &rest[1 + digits..]));
            }
            continue;
        }
        let piece = PIECES.iter().find(|piece| rest.starts_with(**piece));
        let Some(piece) = piece else { continue };
        let word_goes_on = *piece == "Jan" || *piece == "Mon";
        if word_goes_on && rest[3..].starts_with(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        return Some((&layout[..at], piece, &rest[piece.len()..]));
    }
    None
}

/// A time as the layout says.
pub fn format(time: &Time, layout: &str) -> String {
    let (mut out, mut rest) = (String::new(), layout);
    while let Some((before, piece, after)) = split(rest) {
        out.push_str(before);
        write_piece(time, piece, &mut out);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn write_piece(time: &Time, piece: &str, out: &mut String) {
    let at = &time.at;
    let half = (at.hour() + 11) % 12 + 1;
    let text = match piece {
        "2006" => format!("{:04}", at.year()),
        "06" => format!("{:02}", at.year().rem_euclid(100)),
        "January" => MONTHS[at.month0() as usize].into(),
        "Jan" => MONTHS[at.month0() as usize][..3].into(),
        "01" => format!("{:02}", at.month()),
        "1" => at.month().to_string(),
        "Monday" => DAYS[at.weekday().num_days_from_sunday() as usize].into(),
        "Mon" => DAYS[at.weekday().num_days_from_sunday() as usize][..3].into(),
        "02" => format!("{:02}", at.day()),
        "_2" => format!("{:2}", at.day()),
        "2" => at.day().to_string(),
        "002" => format!("{:03}", at.ordinal()),
        "__2" => format!("{:3}", at.ordinal()),
        "15" => format!("{:02}", at.hour()),
        "03" => format!("{half:02}"),
        "3" => half.to_string(),
        "04" => format!("{:02}", at.minute()),
        "4" => at.minute().to_string(),
        "05" => format!("{:02}", at.second()),
        "5" => at.second().to_string(),
        "PM" => (if at.hour() >= 12 { "PM" } else { "AM" }).into(),
        "pm" => (if at.hour() >= 12 { "pm" } else { "am" }).into(),
        "MST" if time.zone.is_empty() => offset(time.offset(), "-0700"),
        "MST" => time.zone.clone(),
        _ if piece.starts_with(['.', ',']) => fraction(at.nanosecond(), piece),
        _ if piece.starts_with('Z') && time.offset() == 0 => "Z".into(),
        _ => offset(time.offset(), piece),
    };
    out.push_str(&text);
}

fn fraction(nanos: u32, piece: &str) -> String {
    let digits = format!("{nanos:09}");
    let cut = &digits[..(piece.len() - 1).min(9)];
    let cut = if piece.ends_with('9') { cut.trim_end_matches('0') } else { cut };
    if cut.is_empty() { String::new() } else { format!("{}{cut}", &piece[..1]) }
}

fn offset(seconds: i32, piece: &str) -> String {
    let (sign, s) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs());
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    match &piece[1..] {
        "07" => format!("{sign}{h:02}"),
        "0700" => format!("{sign}{h:02}{m:02}"),
        "07:00" => format!("{sign}{h:02}:{m:02}"),
        "070000" => format!("{sign}{h:02}{m:02}{s:02}"),
        _ => format!("{sign}{h:02}:{m:02}:{s:02}"),
    }
}

#[derive(Debug)]
struct Parts {
    year: i32,
    month: u32,
    day: u32,
    ordinal: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    pm: Option<bool>,
    offset: Option<i32>,
    zone: String,
}

/// Reads a date; `zone` is where a date without a zone of its own belongs.
pub fn parse(layout: &str, text: &str, zone: Tz) -> Option<Time> {
    let mut parts = Parts {
        year: 0,
        month: 1,
        day: 1,
        ordinal: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        pm: None,
        offset: None,
        zone: String::new(),
    };
    let (mut layout, mut text) = (layout, text);
    while let Some((before, piece, after)) = split(layout) {
        text = skip(text, before)?;
        text = read_piece(piece, text, &mut parts)?;
        if matches!(piece, "05" | "5") && !after.starts_with(['.', ',']) && text.starts_with(['.', ',']) {
            text = read_fraction(text, &mut parts)?;
        }
        layout = after;
    }
    skip(text, layout)?.is_empty().then_some(())?;
    assemble(parts, zone)
}

fn assemble(parts: Parts, zone: Tz) -> Option<Time> {
    let hour = match parts.pm {
        Some(true) if parts.hour < 12 => parts.hour + 12,
        Some(false) if parts.hour == 12 => 0,
        _ => parts.hour,
    };
    let date = match parts.ordinal {
        Some(ordinal) => NaiveDate::from_yo_opt(parts.year, ordinal)?,
        None => NaiveDate::from_ymd_opt(parts.year, parts.month, parts.day)?,
    };
    let wall = date.and_hms_nano_opt(hour, parts.minute, parts.second, parts.nanos)?;
    match parts.offset {
        Some(0) => Time::local(wall, Tz::UTC),
        Some(seconds) => {
            let at = FixedOffset::east_opt(seconds)?.from_local_datetime(&wall).single()?;
            Some(Time { at, zone: parts.zone })
        }
        None if parts.zone == "UTC" => Time::local(wall, Tz::UTC),
        None if parts.zone.is_empty() => Time::local(wall, zone),
        // A name that the zone does not use then stands for no known offset.
        None => Time::local(wall, zone).filter(|time| time.zone == parts.zone).or_else(|| {
            let at = FixedOffset::east_opt(0)?.from_local_datetime(&wall).single()?;
            Some(Time { at, zone: parts.zone })
        }),
    }
}

/// Literal text of the layout; blanks of the layout match any number of blanks.
fn skip<'a>(mut text: &'a str, literal: &str) -> Option<&'a str> {
    for c in literal.chars() {
        text = if c == ' ' { text.trim_start_matches(' ') } else { text.strip_prefix(c)? };
    }
    Some(text)
}

fn digits(text: &str, min: usize, max: usize) -> Option<(u32, &str)> {
    let count = text.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if count < min {
        return None;
    }
    Some((text[..count].parse().ok()?, &text[count..]))
}

fn name<'a>(text: &'a str, names: &[&str], length: Option<usize>) -> Option<(u32, &'a str)> {
    names.iter().enumerate().find_map(|(at, name)| {
        let name = &name[..length.unwrap_or(name.len())];
        let head = text.get(..name.len())?;
        head.eq_ignore_ascii_case(name).then(|| (at as u32, &text[name.len()..]))
    })
}

fn read_piece<'a>(piece: &str, text: &'a str, parts: &mut Parts) -> Option<&'a str> {
    let number = |target: &mut u32, text: &'a str, min: usize, max: usize| -> Option<&'a str> {
        let (value, rest) = digits(text, min, max)?;
        *target = value;
        Some(rest)
    };
    match piece {
        "2006" => {
            let (year, rest) = digits(text, 4, 4)?;
            parts.year = year as i32;
            Some(rest)
        }
        "06" => {
            let (year, rest) = digits(text, 2, 2)?;
            parts.year = year as i32 + if year >= 69 { 1900 } else { 2000 };
            Some(rest)
        }
        "January" | "Jan" => {
            let (month, rest) = name(text, &MONTHS, (piece == "Jan").then_some(3))?;
            parts.month = month + 1;
            Some(rest)
        }
        "Monday" | "Mon" => name(text, &DAYS, (piece == "Mon").then_some(3)).map(|(_, rest)| rest),
        "01" => number(&mut parts.month, text, 2, 2),
        "1" => number(&mut parts.month, text, 1, 2),
        "02" => number(&mut parts.day, text, 2, 2),
        "2" | "_2" => number(&mut parts.day, text.trim_start_matches(' '), 1, 2),
        "002" | "__2" => {
            let (ordinal, rest) = digits(text.trim_start_matches(' '), 1, 3)?;
            parts.ordinal = Some(ordinal);
            Some(rest)
        }
        "15" | "03" => number(&mut parts.hour, text, 2, 2),
        "3" => number(&mut parts.hour, text, 1, 2),
        "04" => number(&mut parts.minute, text, 2, 2),
        "4" => number(&mut parts.minute, text, 1, 2),
        "05" => number(&mut parts.second, text, 2, 2),
        "5" => number(&mut parts.second, text, 1, 2),
        "PM" | "pm" => {
            let (at, rest) = name(text, &["AM", "PM"], None)?;
            parts.pm = Some(at == 1);
            Some(rest)
        }
        "MST" => {
            let count = text.bytes().take(5).take_while(u8::is_ascii_uppercase).count();
            parts.zone = text.get(..count).filter(|z| z.len() >= 3)?.into();
            Some(&text[count..])
        }
        _ if piece.starts_with(['.', ',']) => read_fraction(text, parts).or(piece.ends_with('9').then_some(text)),
        _ => read_offset(piece, text, parts),
    }
}

fn read_fraction<'a>(text: &'a str, parts: &mut Parts) -> Option<&'a str> {
    let rest = text.strip_prefix(['.', ','])?;
    let count = rest.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 {
        return None;
    }
    parts.nanos = format!("{:0<9.9}", &rest[..count]).parse().ok()?;
    Some(&rest[count..])
}

fn read_offset<'a>(piece: &str, text: &'a str, parts: &mut Parts) -> Option<&'a str> {
    if let (true, Some(rest)) = (piece.starts_with('Z'), text.strip_prefix('Z')) {
        parts.offset = Some(0);
        return Some(rest);
    }
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['+', '-'])?;
    let (mut seconds, mut unit) = (0, 3600);
    for field in piece[1..].split(':').flat_map(|f| f.as_bytes().chunks(2)) {
        if unit < 3600 && piece.contains(':') {
            rest = rest.strip_prefix(':')?;
        }
        let (value, after) = digits(rest, field.len(), field.len())?;
        seconds += value as i32 * unit;
        (rest, unit) = (after, unit / 60);
    }
    parts.offset = Some(if negative { -seconds } else { seconds });
    Some(rest)
}
