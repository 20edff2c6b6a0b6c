//! Tokens to tree: recursive descent, with binding strengths for operators.
//!
//! Types are not looked at here (see `check`). Depth is bounded, of the recursion and of the tree. Start with
//! [`Parser::expression`].

mod binary;
mod call;
mod duration;
mod postfix;
mod selector;

use super::ast::*;
use super::lex::{Lexer, parse_number, unquote, unquote_bytes};
use super::token::{Keyword, Kind, Token};
use super::{MAX_DEPTH, Options, ParseError};
use crate::gotext::lossy;

#[derive(Debug)]
pub struct Parser<'q> {
    query: &'q str,
    lexer: Lexer<'q>,
    options: Options,
    peeked: Option<Token>,
    /// The byte behind the token that was taken last.
    last_end: u32,
    /// Calls of [`Parser::operation`] that are under way.
    depth: u32,
    /// Aggregations whose arguments are being read.
    aggregations: u32,
    /// Nodes of the duration that is being read.
    duration_nodes: u32,
}

/// A piece of the tree, and how high it is.
#[derive(Debug)]
struct Node {
    expr: Expr,
    height: u32,
}

type Parsed<T> = Result<T, ParseError>;

impl<'q> Parser<'q> {
    pub fn new(query: &'q str, options: Options) -> Self {
        let lexer = Lexer::new(query);
        Parser { query, lexer, options, peeked: None, last_end: 0, depth: 0, aggregations: 0, duration_nodes: 0 }
    }

    /// The whole query as an expression.
    pub fn whole_expression(mut self) -> Parsed<Expr> {
        if self.peek()?.kind == Kind::End {
            return Err(ParseError::new(self.query, Span::default(), "no expression found in input"));
        }
        let node = self.operation(0)?;
        self.finish()?;
        Ok(node.expr)
    }

    fn finish(&mut self) -> Parsed<()> {
        let token = self.next()?;
        if token.kind == Kind::End { Ok(()) } else { Err(self.unexpected(token, "", "")) }
    }

    fn peek(&mut self) -> Parsed<Token> {
        match self.peeked {
            Some(token) => Ok(token),
            None => {
                let token = self.lexer.next()?;
                self.peeked = Some(token);
                Ok(token)
            }
        }
    }

    fn next(&mut self) -> Parsed<Token> {
        let token = self.peek()?;
        self.peeked = None;
        self.last_end = token.span.end;
        Ok(token)
    }

    fn next_is(&mut self, kind: Kind) -> Parsed<bool> {
        Ok(self.peek()?.kind == kind)
    }

    fn next_is_keyword(&mut self, keyword: Keyword) -> Parsed<bool> {
        self.next_is(Kind::Keyword(keyword))
    }

    /// Takes the next token if it is of this kind.
    fn accept(&mut self, kind: Kind) -> Parsed<Option<Token>> {
        if self.next_is(kind)? { self.next().map(Some) } else { Ok(None) }
    }

    /// Takes the next token, which must be of this kind.
    fn expect(&mut self, kind: Kind, context: &str, expected: &str) -> Parsed<Token> {
        let token = self.peek()?;
        if token.kind == kind { self.next() } else { Err(self.unexpected(token, context, expected)) }
    }

    fn text(&self, token: Token) -> &'q str {
        &self.query[token.span.start as usize..token.span.end as usize]
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.query, span, message)
    }

    /// `context` and `expected` may be empty.
    fn unexpected(&self, token: Token, context: &str, expected: &str) -> ParseError {
        let mut message = format!("unexpected {}", token.describe(self.query));
        if !context.is_empty() {
            message += &format!(" in {context}");
        }
        if !expected.is_empty() {
            message += &format!(", expected {expected}");
        }
        self.error(token.span, message)
    }

    /// A token that fits nowhere, in an expression.
    fn misplaced(&self, token: Token) -> ParseError {
        self.unexpected(token, if self.aggregations > 0 { "aggregation" } else { "" }, "")
    }

    fn too_deep(&self, span: Span) -> ParseError {
        self.error(span, format!("expression is nested too deeply (at most {MAX_DEPTH} levels)"))
    }

    /// Puts an expression on top of others.
    fn above(&self, expr: Expr, heights: impl IntoIterator<Item = u32>) -> Parsed<Node> {
        let height = heights.into_iter().max().unwrap_or(0) + 1;
        if height > MAX_DEPTH {
            return Err(self.too_deep(expr.span()));
        }
        Ok(Node { expr, height })
    }

    /// An expression of operators that bind at least as strongly as `weakest`.
    fn operation(&mut self, weakest: u8) -> Parsed<Node> {
        let token = self.peek()?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep(token.span));
        }
        let mut node = self.operand()?;
        while let Kind::Op(op) = self.peek()?.kind {
            if op.strength() < weakest {
                break;
            }
            node = self.binary(node, op)?;
        }
        self.depth -= 1;
        Ok(node)
    }

    fn operand(&mut self) -> Parsed<Node> {
        match self.peek()?.kind {
            Kind::Op(BinaryOp::Add) => self.signed(false),
            Kind::Op(BinaryOp::Sub) => self.signed(true),
            _ => {
                let node = self.primary()?;
                self.postfix(node)
            }
        }
    }

    /// A sign binds as `*` does: `-a^b` is `-(a^b)`.
    fn signed(&mut self, negative: bool) -> Parsed<Node> {
        let sign = self.next()?;
        let mut node = self.operation(BinaryOp::Pow.strength())?;
        if let Expr::Number(number) = &mut node.expr {
            number.value = if negative { -number.value } else { number.value };
            number.span.start = sign.span.start;
            return Ok(node);
        }
        let span = sign.span.to(node.expr.span());
        let expr = Expr::Unary(UnaryExpr { negative, expr: Box::new(node.expr), span });
        self.above(expr, [node.height])
    }

    fn primary(&mut self) -> Parsed<Node> {
        let token = self.peek()?;
        let expr = match token.kind {
            Kind::Number | Kind::Duration => Expr::Number(self.number()?),
            Kind::String => {
                self.next()?;
                let bytes = unquote_bytes(self.text(token));
                let invalid = std::str::from_utf8(&bytes).is_err().then(|| bytes.clone());
                Expr::String(StringLiteral { value: lossy(bytes), invalid, span: token.span })
            }
            Kind::LeftParen => return self.parenthesised(),
            Kind::LeftBrace => Expr::Vector(self.vector_selector(None)?),
            kind if kind.can_name_metric() => return self.named(),
            _ => return Err(self.misplaced(token)),
        };
        self.above(expr, [])
    }

    /// What begins with a word: an aggregation, a call or a selector.
    fn named(&mut self) -> Parsed<Node> {
        let word = self.next()?;
        let follows = self.peek()?.kind;
        let groups = matches!(follows, Kind::Keyword(Keyword::By | Keyword::Without));
        match word.kind {
            Kind::Aggregate(op) if groups || follows == Kind::LeftParen => self.aggregation(word, op),
            Kind::Identifier if follows == Kind::LeftParen => self.call(word),
            Kind::Keyword(keyword) if keyword.is_function() && follows == Kind::LeftParen => self.call(word),
            _ => {
                let vector = self.vector_selector(Some(word))?;
                self.above(Expr::Vector(vector), [])
            }
        }
    }

    fn parenthesised(&mut self) -> Parsed<Node> {
        let open = self.next()?;
        let inner = self.operation(0)?;
        let close = self.closing_paren()?;
        let span = open.span.to(close.span);
        self.above(Expr::Paren(ParenExpr { expr: Box::new(inner.expr), span }), [inner.height])
    }

    fn closing_paren(&mut self) -> Parsed<Token> {
        let token = self.peek()?;
        if token.kind == Kind::RightParen { self.next() } else { Err(self.misplaced(token)) }
    }

    /// A number or a duration, whose value is one of seconds.
    fn number(&mut self) -> Parsed<NumberLiteral> {
        let token = self.next()?;
        let text = self.text(token);
        let is_duration = token.kind == Kind::Duration;
        let value = if is_duration {
            crate::duration::parse_prometheus_duration(text).map(|nanos| nanos as f64 / 1e9)
        } else {
            parse_number(text)
        };
        let value = value.map_err(|message| self.error(token.span, message))?;
        Ok(NumberLiteral { value, is_duration, span: token.span })
    }

    /// `5`, `-5`, `+5m`.
    fn signed_number(&mut self, context: &str, expected: &str) -> Parsed<NumberLiteral> {
        let sign = match self.peek()?.kind {
            Kind::Op(BinaryOp::Add | BinaryOp::Sub) => Some(self.next()?),
            _ => None,
        };
        let token = self.peek()?;
        if !matches!(token.kind, Kind::Number | Kind::Duration) {
            return Err(self.unexpected(token, context, expected));
        }
        let mut number = self.number()?;
        if let Some(sign) = sign {
            number.span.start = sign.span.start;
            if sign.kind == Kind::Op(BinaryOp::Sub) {
                number.value = -number.value;
            }
        }
        Ok(number)
    }
}
