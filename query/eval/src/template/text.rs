//! Functions on text. Positions and lengths of `trunc` and `substr` are bytes, as in Go; a character cut in two shows
//! as replacement characters.

use super::functions::Function;
use crate::value::{compile_regex, parse_bytes, parse_duration};
use gantry_template::{
    Args, MAX_OUTPUT, TemplateError, Value, bytes_of, fail, print, title, upper, url_query, url_unescape,
};
use regex::{NoExpand, Regex};

pub(super) fn call(function: Function, values: Vec<Value>) -> Result<Value, TemplateError> {
    use Function::*;
    let arity = match function {
        UrlQuery => (0, usize::MAX),
        Lower | Upper | Title | TrimSpace | B64Enc | B64Dec | Bytes | Duration | UrlDecode => (1, 1),
        Replace | RegexReplaceAll | RegexReplaceAllLiteral | Substr => (3, 3),
        ReplaceN => (4, 4),
        _ => (2, 2),
    };
    let args = Args::new(values, arity.0, arity.1)?;
    match function {
        UrlQuery => Ok(Value::Text(url_query(&print(args.values())))),
        Contains => Ok(Value::Bool(args.text(1)?.contains(args.text(0)?))),
        HasPrefix => Ok(Value::Bool(args.text(1)?.starts_with(args.text(0)?))),
        HasSuffix => Ok(Value::Bool(args.text(1)?.ends_with(args.text(0)?))),
        Count => Ok(Value::Int(regex(args.text(0)?)?.find_iter(args.text(1)?).count() as i64)),
        Bytes => Ok(Value::Float(parse_bytes(args.text(0)?).map_err(|e| TemplateError(e.0))? as f64)),
        Duration => Ok(Value::Float(parse_duration(args.text(0)?).map_err(|e| TemplateError(e.0))? as f64 / 1e9)),
        Trunc | Substr | Indent | Nindent | Repeat | AlignLeft | AlignRight => sized(function, &args).map(Value::Text),
        RegexReplaceAll => {
            Ok(Value::Text(regex(args.text(0)?)?.replace_all(args.text(1)?, args.text(2)?).into_owned()))
        }
        RegexReplaceAllLiteral => {
            let replaced = regex(args.text(0)?)?.replace_all(args.text(1)?, NoExpand(args.text(2)?)).into_owned();
            Ok(Value::Text(replaced))
        }
        _ => plain(function, &args).map(Value::Text),
    }
}

fn plain(function: Function, args: &Args) -> Result<String, TemplateError> {
    use Function::*;
    let a = args.text(0)?;
    let b = || args.text(1);
    Ok(match function {
        Lower => a.to_lowercase(),
        Upper => upper(a),
        Title => title(a),
        TrimSpace => a.trim().into(),
        TrimAll => b()?.trim_matches(|c| a.contains(c)).into(),
        TrimPrefix => b()?.strip_prefix(a).unwrap_or(b()?).into(),
        TrimSuffix => b()?.strip_suffix(a).unwrap_or(b()?).into(),
        TrimPrefixOf => a.strip_prefix(b()?).unwrap_or(a).into(),
        TrimSuffixOf => a.strip_suffix(b()?).unwrap_or(a).into(),
        Trim | TrimLeft | TrimRight => {
            let set = b()?;
            let in_set = |c: char| set.contains(c);
            let left = if function == TrimRight { a } else { a.trim_start_matches(in_set) };
            if function == TrimLeft { left.into() } else { left.trim_end_matches(in_set).into() }
        }
        Replace => args.text(2)?.replace(a, b()?),
        ReplaceN => match args.int(3)? {
            n if n < 0 => a.replace(b()?, args.text(2)?),
            n => a.replacen(b()?, args.text(2)?, n as usize),
        },
        B64Enc => base64_encode(a.as_bytes()),
        B64Dec => base64_decode(a),
        _ => url_unescape(a)?,
    })
}

/// Functions whose result may be much longer than what they were given.
fn sized(function: Function, args: &Args) -> Result<String, TemplateError> {
    use Function::*;
    let n = args.count(0)?;
    let text = args.text(args.len() - 1)?;
    let width = text.chars().count() as i64;
    Ok(match function {
        Trunc if n < 0 && text.len() as i64 + n > 0 => bytes_of(text, (text.len() as i64 + n) as usize, text.len()),
        Trunc if n >= 0 && text.len() as i64 > n => bytes_of(text, 0, n as usize),
        Trunc => text.into(),
        Substr => substr(n, args.int(1)?, text)?,
        Indent | Nindent => {
            let pad = " ".repeat(usize::try_from(n).map_err(|_| TemplateError("negative repeat count".into()))?);
            let lines = text.matches('\n').count() + 1;
            if pad.len().saturating_mul(lines) > MAX_OUTPUT {
                return fail("the result is too long");
            }
            let start = if function == Nindent { "\n" } else { "" };
            format!("{start}{pad}{}", text.replace('\n', &format!("\n{pad}")))
        }
        Repeat => match usize::try_from(n) {
            Ok(times) if times.saturating_mul(text.len()) <= MAX_OUTPUT => text.repeat(times),
            Ok(_) => return fail("the result is too long"),
            Err(_) => return fail("strings: negative Repeat count"),
        },
        _ if n < 0 || n == width => text.into(),
        _ if n > width => {
            let pad = " ".repeat((n - width) as usize);
            if function == AlignLeft { format!("{text}{pad}") } else { format!("{pad}{text}") }
        }
        AlignLeft => text.chars().take(n as usize).collect(),
        _ => text.chars().skip((width - n) as usize).collect(),
    })
}

fn substr(start: i64, end: i64, text: &str) -> Result<String, TemplateError> {
    let length = text.len() as i64;
    let (from, to) = match () {
        () if start < 0 => (0, end),
        () if end < 0 || end > length => (start, length),
        () => (start, end),
    };
    if from < 0 || to < from || to > length {
        return fail("slice bounds out of range");
    }
    Ok(bytes_of(text, from as usize, to as usize))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = BASE64[(word >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// The decoded text, or the words of the error: a template goes on after it.
fn base64_decode(text: &str) -> String {
    let error = |at: usize| format!("illegal base64 data at input byte {at}");
    let bytes: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let padding = bytes.iter().rev().take_while(|b| **b == b'=').count();
    let data = &bytes[..bytes.len() - padding];
    let (mut out, mut word, mut bits) = (Vec::with_capacity(data.len()), 0u32, 0);
    for (at, byte) in data.iter().enumerate() {
        let Some(digit) = BASE64.iter().position(|b| b == byte) else { return error(at) };
        word = word << 6 | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
        }
    }
    if data.len() % 4 == 1 || padding > 0 && !bytes.len().is_multiple_of(4) {
        return error(bytes.len());
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn regex(pattern: &str) -> Result<Regex, TemplateError> {
    compile_regex(pattern).map_err(|e| TemplateError(e.0))
}
