//! The functions by name, and the general ones among them.

use super::exec::{MAX_OUTPUT, fail};
use super::value::Value;
use super::{TemplateError, math, printf, text, time};
use std::cmp::Ordering;

macro_rules! functions {
    ($($variant:ident $($name:literal)+;)+) => {
        /// A function of templates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Function { $($variant),+ }

        impl Function {
            pub fn named(name: &str) -> Option<Function> {
                match name {
                    $($($name)|+ => Some(Function::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

functions! {
    Line "__line__"; Timestamp "__timestamp__"; Now "now";
    And "and"; Or "or"; Not "not"; Len "len"; Index "index"; Slice "slice"; Call "call";
    Eq "eq"; Ne "ne"; Lt "lt"; Le "le"; Gt "gt"; Ge "ge";
    Print "print"; Println "println"; Printf "printf"; Html "html"; Js "js"; UrlQuery "urlquery" "urlencode";
    UrlDecode "urldecode"; Default "default"; FromJson "fromJson";
    Lower "lower" "ToLower"; Upper "upper" "ToUpper"; Title "title"; Trunc "trunc"; Substr "substr";
    Contains "contains"; HasPrefix "hasPrefix"; HasSuffix "hasSuffix"; Indent "indent"; Nindent "nindent";
    Replace "replace"; ReplaceN "Replace"; Repeat "repeat"; TrimSpace "trim" "TrimSpace"; TrimAll "trimAll";
    TrimPrefix "trimPrefix"; TrimSuffix "trimSuffix"; Trim "Trim"; TrimLeft "TrimLeft"; TrimRight "TrimRight";
    TrimPrefixOf "TrimPrefix"; TrimSuffixOf "TrimSuffix"; AlignLeft "alignLeft"; AlignRight "alignRight";
    RegexReplaceAll "regexReplaceAll"; RegexReplaceAllLiteral "regexReplaceAllLiteral"; Count "count";
    B64Enc "b64enc"; B64Dec "b64dec"; Bytes "bytes"; Duration "duration" "duration_seconds";
    Int "int"; Float64 "float64"; Add "add"; Sub "sub"; Mul "mul"; Div "div"; Mod "mod";
    Addf "addf"; Subf "subf"; Mulf "mulf"; Divf "divf"; Max "max"; Min "min"; Maxf "maxf"; Minf "minf";
    Ceil "ceil"; Floor "floor"; Round "round";
    Date "date"; ToDate "toDate"; ToDateInZone "toDateInZone"; UnixToTime "unixToTime";
    UnixEpoch "unixEpoch"; UnixEpochMillis "unixEpochMillis"; UnixEpochNanos "unixEpochNanos";
}

/// Arguments of a call, taken by position and type.
#[derive(Debug)]
pub(super) struct Args {
    values: Vec<Value>,
}

impl Args {
    /// Between `min` and `max` arguments.
    pub fn new(values: Vec<Value>, min: usize, max: usize) -> Result<Args, TemplateError> {
        if values.len() < min || values.len() > max {
            return fail(format!("wrong number of args: want {min} got {}", values.len()));
        }
        Ok(Args { values })
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn value(&self, at: usize) -> &Value {
        self.values.get(at).unwrap_or(&Value::Nil)
    }

    pub fn text(&self, at: usize) -> Result<&str, TemplateError> {
        match self.value(at) {
            Value::Text(text) => Ok(text),
            other => fail(format!("wrong type for value; expected string; got {}", other.type_name())),
        }
    }

    pub fn int(&self, at: usize) -> Result<i64, TemplateError> {
        match self.value(at) {
            Value::Int(n) | Value::Named(n, _) => Ok(*n),
            Value::Float(f) if f.fract() == 0.0 => Ok(*f as i64),
            other => fail(format!("wrong type for value; expected int; got {}", other.type_name())),
        }
    }

    /// A count of characters or repetitions: large ones are refused.
    pub fn count(&self, at: usize) -> Result<i64, TemplateError> {
        match self.int(at)? {
            n if n > MAX_OUTPUT as i64 => fail("the number is too large"),
            n => Ok(n),
        }
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

impl Function {
    pub fn call(self, values: Vec<Value>, now: i64) -> Result<Value, TemplateError> {
        use Function::*;
        match self {
            Int | Float64 | Add | Sub | Mul | Div | Mod | Addf | Subf | Mulf | Divf | Max | Min | Maxf | Minf
            | Ceil | Floor | Round => math::call(self, values),
            Date | ToDate | ToDateInZone | UnixToTime | UnixEpoch | UnixEpochMillis | UnixEpochNanos => {
                time::call(self, values, now)
            }
            Not | Len | Index | Slice | Call | Eq | Ne | Lt | Le | Gt | Ge | Default | FromJson => {
                general(self, values)
            }
            Print => Ok(Value::Text(printf::print(&values))),
            Println => Ok(Value::Text(printf::println(&values))),
            Printf => {
                let args = Args::new(values, 1, usize::MAX)?;
                printf::printf(args.text(0)?, &args.values()[1..]).map(Value::Text)
            }
            _ => text::call(self, values),
        }
    }
}

fn general(function: Function, values: Vec<Value>) -> Result<Value, TemplateError> {
    use Function::*;
    match function {
        Not => Ok(Value::Bool(!Args::new(values, 1, 1)?.value(0).truthy())),
        Len => match Args::new(values, 1, 1)?.value(0) {
            Value::Text(text) => Ok(Value::Int(text.len() as i64)),
            Value::List(items) => Ok(Value::Int(items.len() as i64)),
            Value::Map(map) => Ok(Value::Int(map.len() as i64)),
            other => fail(format!("len of type {}", other.type_name())),
        },
        Index => index(&Args::new(values, 1, usize::MAX)?),
        Slice => slice(&Args::new(values, 1, 4)?),
        Call => fail("non-function of type called"),
        Default => match &values[..] {
            [default] => Ok(default.clone()),
            [default, given, ..] => Ok(if given.truthy() { given.clone() } else { default.clone() }),
            [] => fail("wrong number of args for default: want at least 1 got 0"),
        },
        FromJson => {
            let args = Args::new(values, 1, 1)?;
            Ok(serde_json::from_str(args.text(0)?).map_or(Value::Nil, Value::from_json))
        }
        _ => compare(function, &Args::new(values, 2, usize::MAX)?),
    }
}

fn compare(function: Function, args: &Args) -> Result<Value, TemplateError> {
    use Function::*;
    let (a, b) = (args.value(0), args.value(1));
    let result = match function {
        Eq => {
            let mut any = false;
            for other in &args.values()[1..] {
                any |= equal(a, other)?;
            }
            any
        }
        Ne => !equal(a, b)?,
        Lt => order(a, b)? == Some(Ordering::Less),
        Le => matches!(order(a, b)?, Some(Ordering::Less | Ordering::Equal)),
        Gt => order(a, b)? == Some(Ordering::Greater),
        _ => matches!(order(a, b)?, Some(Ordering::Greater | Ordering::Equal)),
    };
    Ok(Value::Bool(result))
}

fn equal(a: &Value, b: &Value) -> Result<bool, TemplateError> {
    match (a, b) {
        (Value::Nil, other) | (other, Value::Nil) => Ok(*other == Value::Nil),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        _ => Ok(order(a, b)? == Some(Ordering::Equal)),
    }
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, TemplateError> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Int(a) | Value::Named(a, _), Value::Int(b) | Value::Named(b, _)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        _ => fail("incompatible types for comparison"),
    }
}

fn index(args: &Args) -> Result<Value, TemplateError> {
    let mut value = args.value(0).clone();
    for at in 1..args.len() {
        value = match value {
            Value::Map(map) => map.get(args.text(at)?).cloned().unwrap_or(Value::Nil),
            Value::List(items) => position(args, at)
                .and_then(|n| items.get(n).cloned())
                .map_or_else(|| fail(format!("index out of range: {}", args.value(at).print())), Ok)?,
            Value::Text(text) => position(args, at)
                .and_then(|n| text.as_bytes().get(n).copied())
                .map_or_else(|| fail("index out of range"), |b| Ok(Value::Int(i64::from(b))))?,
            other => return fail(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

fn position(args: &Args, at: usize) -> Option<usize> {
    usize::try_from(args.int(at).ok()?).ok()
}

fn slice(args: &Args) -> Result<Value, TemplateError> {
    let length = match args.value(0) {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        other => return fail(format!("can't slice item of type {}", other.type_name())),
    };
    let from = if args.len() > 1 { position(args, 1) } else { Some(0) };
    let to = if args.len() > 2 { position(args, 2) } else { Some(length) };
    match (from, to, args.value(0)) {
        (Some(from), Some(to), Value::Text(text)) if from <= to && to <= length => {
            Ok(Value::Text(text::bytes_of(text, from, to)))
        }
        (Some(from), Some(to), Value::List(items)) if from <= to && to <= length => {
            Ok(Value::List(items[from..to].to_vec()))
        }
        _ => fail("index out of range"),
    }
}
