//! `print`, `println` and `printf`.

use crate::TemplateError;
use crate::exec::{MAX_OUTPUT, fail};
use crate::value::Value;
use gantry_query_lang::duration::format_go_duration;
use gantry_query_lang::gotext::{exponent_float, general_float, quote, significant_float};

/// Values one after the other, with a blank between two of which neither is a text.
pub fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let text = |v: &Value| matches!(v, Value::Text(_));
    for (at, value) in values.iter().enumerate() {
        if at > 0 && !text(value) && !text(&values[at - 1]) {
            out.push(' ');
        }
        out.push_str(&shown(value));
    }
    out
}

pub(crate) fn println(values: &[Value]) -> String {
    values.iter().map(shown).collect::<Vec<_>>().join(" ") + "\n"
}

fn shown(value: &Value) -> String {
    if *value == Value::Nil { "<nil>".into() } else { value.print() }
}

#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

pub(crate) fn printf(format: &str, args: &[Value]) -> Result<String, TemplateError> {
    let (mut out, mut rest, mut used) = (String::new(), format, 0);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let flags = flags(&mut rest, args, &mut used);
        if flags.width.max(flags.precision.unwrap_or(0)) > MAX_OUTPUT || out.len() > MAX_OUTPUT {
            return fail("the result is too long");
        }
        let Some(verb) = rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
            continue;
        }
        match args.get(used) {
            Some(value) => out.push_str(&one(verb, value, flags)),
            None => out.push_str(&format!("%!{verb}(MISSING)")),
        }
        used += 1;
    }
    out.push_str(rest);
    if used < args.len() {
        let extra: Vec<String> = args[used..].iter().map(|v| format!("{}={}", v.type_name(), shown(v))).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(out)
}

fn flags(rest: &mut &str, args: &[Value], used: &mut usize) -> Flags {
    let mut flags = Flags::default();
    while let Some(c) = rest.chars().next() {
        match c {
            '-' => flags.minus = true,
            '+' => flags.plus = true,
            '#' => flags.sharp = true,
            ' ' => flags.space = true,
            '0' => flags.zero = true,
            _ => break,
        }
        *rest = &rest[1..];
    }
    flags.width = size(rest, args, used).unwrap_or(0);
    if let Some(after) = rest.strip_prefix('.') {
        *rest = after;
        flags.precision = Some(size(rest, args, used).unwrap_or(0));
    }
    flags
}

fn size(rest: &mut &str, args: &[Value], used: &mut usize) -> Option<usize> {
    if let Some(after) = rest.strip_prefix('*') {
        *rest = after;
        *used += 1;
        return match args.get(*used - 1) {
            Some(Value::Int(n)) => usize::try_from(*n).ok(),
            _ => None,
        };
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().ok();
    *rest = &rest[digits..];
    number
}

fn one(verb: char, value: &Value, flags: Flags) -> String {
    if !matches!(verb, 'v' | 'T') {
        match value {
            Value::List(items) => {
                return format!("[{}]", items.iter().map(|v| one(verb, v, flags)).collect::<Vec<_>>().join(" "));
            }
            Value::Map(map) => {
                let pairs = map
                    .iter()
                    .map(|(k, v)| format!("{}:{}", one(verb, &Value::Text(k.clone()), flags), one(verb, v, flags)));
                return format!("map[{}]", pairs.collect::<Vec<_>>().join(" "));
            }
            Value::Texts(map) => {
                let pairs =
                    map.iter().map(|(k, v)| [k, v].map(|text| one(verb, &Value::Text(text.clone()), flags)).join(":"));
                return format!("map[{}]", pairs.collect::<Vec<_>>().join(" "));
            }
            _ => {}
        }
    }
    let formatted = match (verb, value) {
        ('T', _) => Some(value.type_name().to_string()),
        ('v', Value::Int(_) | Value::Named(..)) => {
            integer('d', value, flags).filter(|_| matches!(value, Value::Int(_)))
        }
        ('v', Value::Float(_)) => float('g', value, flags),
        ('v', _) => None,
        (_, Value::Int(_) | Value::Named(..) | Value::Duration(_)) if verb != 's' && verb != 'v' => {
            integer(verb, value, flags)
        }
        (_, Value::Float(_)) => float(verb, value, flags),
        ('t', Value::Bool(b)) => Some(b.to_string()),
        ('s' | 'q' | 'x' | 'X', Value::Text(text)) => Some(text_verb(verb, text, flags)),
        ('s', Value::Named(_, name)) => Some((*name).to_string()),
        ('s', Value::Time(time)) => Some(time.to_string()),
        ('s', Value::Duration(nanos)) => Some(format_go_duration(*nanos)),
        _ => None,
    };
    match formatted {
        Some(text) => pad(text, flags, matches!(value, Value::Int(_) | Value::Float(_))),
        None if verb == 'v' => pad(shown(value), flags, false),
        None if *value == Value::Nil => format!("%!{verb}(<nil>)"),
        None => format!("%!{verb}({}={})", value.type_name(), shown(value)),
    }
}

fn text_verb(verb: char, text: &str, flags: Flags) -> String {
    let cut: String = match flags.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.into(),
    };
    match verb {
        'q' if flags.sharp && !cut.contains('`') => format!("`{cut}`"),
        'q' => quote(&cut),
        'x' => cut.bytes().map(|b| format!("{b:02x}")).collect(),
        'X' => cut.bytes().map(|b| format!("{b:02X}")).collect(),
        _ => cut,
    }
}

fn integer(verb: char, value: &Value, flags: Flags) -> Option<String> {
    let (Value::Int(n) | Value::Named(n, _) | Value::Duration(n)) = value else { return None };
    let magnitude = n.unsigned_abs();
    let character = || u32::try_from(*n).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let digits = match verb {
        'd' => magnitude.to_string(),
        'b' => format!("{magnitude:b}"),
        'o' if flags.sharp => format!("0{magnitude:o}"),
        'o' => format!("{magnitude:o}"),
        'O' => format!("0o{magnitude:o}"),
        'x' if flags.sharp => format!("0x{magnitude:x}"),
        'x' => format!("{magnitude:x}"),
        'X' if flags.sharp => format!("0X{magnitude:X}"),
        'X' => format!("{magnitude:X}"),
        'c' => return Some(character().to_string()),
        'q' => return Some(format!("'{}'", character())),
        'U' => return Some(format!("U+{magnitude:04X}")),
        _ => return None,
    };
    let digits = match flags.precision {
        Some(precision) => format!("{digits:0>precision$}"),
        None => digits,
    };
    Some(format!("{}{digits}", sign(*n < 0, flags)))
}

fn sign(negative: bool, flags: Flags) -> &'static str {
    match (negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

fn float(verb: char, value: &Value, flags: Flags) -> Option<String> {
    let Value::Float(f) = value else { return None };
    if !f.is_finite() {
        let text = general_float(*f);
        return matches!(verb, 'e' | 'E' | 'f' | 'F' | 'g' | 'G').then(|| {
            let keep = flags.plus || !text.starts_with('+');
            if keep { text.clone() } else { text[1..].to_string() }
        });
    }
    let magnitude = f.abs();
    let digits = match verb {
        'f' | 'F' => format!("{magnitude:.*}", flags.precision.unwrap_or(6)),
        'e' | 'E' => exponent_float(magnitude, flags.precision.unwrap_or(6)),
        'g' | 'G' => match flags.precision {
            None => general_float(magnitude),
            Some(precision) => significant_float(magnitude, precision),
        },
        _ => return None,
    };
    let digits = if verb.is_ascii_uppercase() { digits.to_uppercase() } else { digits };
    Some(format!("{}{digits}", sign(f.is_sign_negative(), flags)))
}

fn pad(text: String, flags: Flags, number: bool) -> String {
    let missing = flags.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if flags.minus {
        return text + &" ".repeat(missing);
    }
    if flags.zero && (!number || flags.precision.is_none() || text.contains('.')) {
        let at = usize::from(number && text.starts_with(['+', '-', ' ']));
        return format!("{}{}{}", &text[..at], "0".repeat(missing), &text[at..]);
    }
    " ".repeat(missing) + &text
}
