//! What the lexer makes of texts.

use super::*;
use crate::promql::token::Keyword;

fn kinds(query: &str) -> Vec<Kind> {
    let mut lexer = Lexer::new(query);
    let mut kinds = Vec::new();
    loop {
        match lexer.next().unwrap().kind {
            Kind::End => return kinds,
            kind => kinds.push(kind),
        }
    }
}

fn error(query: &str) -> String {
    let mut lexer = Lexer::new(query);
    loop {
        match lexer.next() {
            Ok(token) => assert_ne!(token.kind, Kind::End, "{query} has no error"),
            Err(error) => return error.to_string(),
        }
    }
}

#[test]
fn words_are_keywords_in_any_case_and_names_elsewhere() {
    assert_eq!(kinds("BY"), [Kind::Keyword(Keyword::By)]);
    assert_eq!(kinds("byte a:b"), [Kind::Identifier, Kind::MetricIdentifier]);
    assert_eq!(kinds("{by}")[1], Kind::Identifier);
    assert_eq!(kinds("fill + fill (1)")[0], Kind::Identifier);
    assert_eq!(kinds("fill + fill (1)")[2], Kind::Keyword(Keyword::Fill));
    assert_eq!(kinds("NaN Inf"), [Kind::Number, Kind::Number]);
}

#[test]
fn numbers_and_durations_are_told_apart() {
    for number in ["1", ".5", "1.", "1e5", "1e-5", "0x1f", "1_000", "0x_1f"] {
        assert_eq!(kinds(number), [Kind::Number], "{number}");
    }
    for duration in ["5m", "1h30m", "5ms", "1y2w"] {
        assert_eq!(kinds(duration), [Kind::Duration], "{duration}");
    }
    assert_eq!(error("1..2"), "1:1: parse error: bad number or duration syntax: \"1..\"");
    assert_eq!(error("5mx"), "1:1: parse error: bad number or duration syntax: \"5mx\"");
    assert_eq!(error("1__0"), "1:1: parse error: bad number or duration syntax: \"1__\"");
}

#[test]
fn numbers_are_worth_what_go_says() {
    assert_eq!(parse_number("0x1F"), Ok(31.0));
    assert_eq!(parse_number("010"), Ok(8.0));
    assert_eq!(parse_number("08"), Ok(8.0));
    assert_eq!(parse_number("1_000.5"), Ok(1000.5));
    assert_eq!(parse_number("inf"), Ok(f64::INFINITY));
    assert_eq!(parse_number("99999999999999999999"), Ok(1e20));
    let message =
        |what: &str, text: &str| format!("error parsing number: strconv.ParseFloat: parsing \"{text}\": {what}");
    assert_eq!(parse_number("1e"), Err(message("invalid syntax", "1e")));
    assert_eq!(parse_number("1e999"), Err(message("value out of range", "1e999")));
}

#[test]
fn quotes_and_escapes() {
    assert_eq!(kinds(r#""a\"b" 'it\'s' `raw\`"#), [Kind::String; 3]);
    assert_eq!(unquote(r#""a\"\x41\u00e9\n""#), "a\"A\u{e9}\n");
    assert_eq!(unquote(r"'it\'s'"), "it's");
    assert_eq!(unquote(r"`\n`"), r"\n");
    assert_eq!(error("\"abc"), "1:1: parse error: unterminated quoted string");
    assert_eq!(error("`abc"), "1:1: parse error: unterminated raw string");
    assert_eq!(error(r#""\q""#), "1:1: parse error: unknown escape sequence U+0071 'q'");
    assert_eq!(error(r#""\xg0""#), "1:1: parse error: illegal character U+0067 'g' in escape sequence");
    assert_eq!(error(r#""\ud800""#), "1:1: parse error: escape sequence is an invalid Unicode code point");
}

#[test]
fn brackets_hold_durations_only() {
    assert_eq!(kinds("[5m:1m]").len(), 5);
    assert_eq!(kinds("[ step() : 5m ]").len(), 7);
    assert_eq!(error("[a]"), "1:2: parse error: unexpected character in duration expression: 'a'");
    assert_eq!(error("[5m a]"), "1:5: parse error: unexpected character: 'a', expected ':'");
    assert_eq!(error("[:5m]"), "1:3: parse error: unexpected colon before duration in duration expression");
    assert_eq!(error("[5m:1m:1m]"), "1:7: parse error: unexpected colon ':'");
    assert_eq!(error("[5m"), "1:4: parse error: unclosed left bracket");
}

#[test]
fn comments_end_with_the_line() {
    assert_eq!(kinds("a # \"b\n+ # c"), [Kind::Identifier, Kind::Op(BinaryOp::Add)]);
    assert_eq!(kinds("{ # a\n}"), [Kind::LeftBrace, Kind::RightBrace]);
}

#[test]
fn parentheses_are_balanced() {
    assert_eq!(error("(a"), "1:3: parse error: unclosed left parenthesis");
    assert_eq!(error("a)"), "1:3: parse error: unexpected right parenthesis ')'");
    assert_eq!(error("a]"), "1:2: parse error: unexpected right bracket ']'");
    assert_eq!(error("{a"), "1:3: parse error: unexpected end of input inside braces");
}
