//! Selectors and label sets.

use super::*;
use gantry_model::metric::METRIC_NAME;
use gantry_model::{LabelSet, MatchOp, Matcher, Selector};

const MATCHING: &str = "label matching";
const SET: &str = "label set";

impl Parser<'_> {
    /// The whole query as a selector.
    pub fn whole_selector(mut self) -> Parsed<VectorSelector> {
        let token = self.peek()?;
        let name = if token.kind.can_name_metric() { Some(self.next()?) } else { None };
        if name.is_none() && token.kind != Kind::LeftBrace {
            return Err(self.unexpected(token, "", ""));
        }
        let vector = self.vector_selector(name)?;
        self.finish()?;
        Ok(vector)
    }

    /// The name has been read; without one, a brace follows.
    pub(super) fn vector_selector(&mut self, name: Option<Token>) -> Parsed<VectorSelector> {
        let mut span = name.map_or(self.peek()?.span, |name| name.span);
        let mut matchers = Vec::new();
        if self.next_is(Kind::LeftBrace)? {
            span.end = self.matchers(&mut matchers)?.span.end;
        }
        let name = name.map(|name| self.text(name).to_owned());
        if let Some(name) = &name {
            matchers.push(self.matcher(METRIC_NAME, MatchOp::Eq, name, span)?);
        }
        Ok(VectorSelector { name, selector: Selector(matchers), at: None, offset: None, extension: None, span })
    }

    /// Answers the closing brace.
    fn matchers(&mut self, into: &mut Vec<Matcher>) -> Parsed<Token> {
        self.next()?;
        loop {
            if let Some(close) = self.accept(Kind::RightBrace)? {
                return Ok(close);
            }
            into.push(self.one_matcher()?);
            if self.accept(Kind::Comma)?.is_none() {
                return self.expect(Kind::RightBrace, MATCHING, "\",\" or \"}\"");
            }
        }
    }

    /// `a="b"`, `"a.b"="c"`, or `"name"` alone, which is that of the metric.
    fn one_matcher(&mut self) -> Parsed<Matcher> {
        let (label, is_quoted) = self.label_name(MATCHING)?;
        let name = self.label_text(label);
        let op = match self.peek()?.kind {
            Kind::Equals => MatchOp::Eq,
            Kind::Op(BinaryOp::NotEq) => MatchOp::NotEq,
            Kind::EqualsRegex => MatchOp::Regex,
            Kind::NotEqualsRegex => MatchOp::NotRegex,
            _ if is_quoted => return self.matcher(METRIC_NAME, MatchOp::Eq, &name, label.span),
            _ => {
                let token = self.peek()?;
                return Err(self.unexpected(token, MATCHING, "label matching operator"));
            }
        };
        self.next()?;
        let value = self.expect(Kind::String, MATCHING, "string")?;
        self.matcher(&name, op, &unquote(self.text(value)), label.span.to(value.span))
    }

    fn matcher(&self, name: &str, op: MatchOp, value: &str, span: Span) -> Parsed<Matcher> {
        let made = match op {
            MatchOp::Eq | MatchOp::NotEq => Matcher::new(name, op, value).map_err(|e| e.0),
            MatchOp::Regex | MatchOp::NotRegex => crate::rust_regex(value).and_then(|pattern| {
                let made = Matcher::with_pattern(name, op, value, &pattern);
                made.map_err(|e| format!("error parsing regexp: {}", e.0))
            }),
        };
        made.map_err(|message| self.error(span, message))
    }

    fn label_name(&mut self, context: &str) -> Parsed<(Token, bool)> {
        let token = self.peek()?;
        match token.kind {
            Kind::Identifier | Kind::String => self.next().map(|token| (token, token.kind == Kind::String)),
            _ => Err(self.unexpected(token, context, "identifier or \"}\"")),
        }
    }

    fn label_text(&self, token: Token) -> String {
        match token.kind {
            Kind::String => unquote(self.text(token)),
            _ => self.text(token).to_owned(),
        }
    }

    /// The whole text as the labels of a series.
    pub fn whole_metric(mut self) -> Parsed<LabelSet> {
        let (labels, _) = self.label_set()?;
        self.finish()?;
        Ok(labels)
    }

    /// `name{a="b", "c.d"="e"}`, with the byte behind it. What follows is not looked at.
    pub fn label_set(&mut self) -> Parsed<(LabelSet, usize)> {
        let mut pairs = Vec::new();
        let first = self.peek()?;
        let mut end = first.span.start;
        let has_name = first.kind.can_name_metric();
        if has_name {
            self.next()?;
            end = first.span.end;
        }
        if self.query[end as usize..].starts_with('{') && self.next_is(Kind::LeftBrace)? {
            end = self.label_pairs(&mut pairs)?.span.end;
        }
        if has_name {
            pairs.retain(|(name, _)| name != METRIC_NAME);
            pairs.push((METRIC_NAME.into(), self.text(first).to_owned()));
        }
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| (n.as_str(), v.as_str()));
        Ok((LabelSet::from_pairs(pairs), end as usize))
    }

    fn label_pairs(&mut self, into: &mut Vec<(String, String)>) -> Parsed<Token> {
        self.next()?;
        loop {
            if let Some(close) = self.accept(Kind::RightBrace)? {
                return Ok(close);
            }
            into.push(self.one_label()?);
            if self.accept(Kind::Comma)?.is_none() {
                return self.expect(Kind::RightBrace, SET, "\",\" or \"}\"");
            }
        }
    }

    fn one_label(&mut self) -> Parsed<(String, String)> {
        let (label, is_quoted) = self.label_name(SET)?;
        let name = self.label_text(label);
        if is_quoted && !self.next_is(Kind::Equals)? {
            return Ok((METRIC_NAME.into(), name));
        }
        self.expect(Kind::Equals, SET, "\"=\"")?;
        let value = self.expect(Kind::String, SET, "string")?;
        Ok((name, unquote(self.text(value))))
    }
}
