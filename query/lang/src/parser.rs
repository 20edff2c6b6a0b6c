//! The automaton at work: tokens in, a tree out.

use crate::ast::Expr;
use crate::grammar::Grammar;
use crate::lex::{Lexeme, Lexer, NAMES};
use crate::lr::Action;
use crate::value::{Deferred, Parts, Value};
use crate::{MAX_NESTING, ParseError};

/// A symbol that was recognised, and the state after it.
#[derive(Debug)]
struct Entry {
    state: usize,
    value: Value,
    /// Number of its first token.
    start: usize,
    /// How many expressions are nested in it.
    depth: usize,
}

#[derive(Debug)]
struct Parser<'a> {
    grammar: &'static Grammar,
    lexer: Lexer<'a>,
    stack: Vec<Entry>,
    tokens: usize,
    deferred: Deferred,
}

/// Parses a query that is not too long. What is wrong with it by form comes before what is wrong by meaning.
pub fn parse(input: &str) -> Result<Expr, ParseError> {
    let lexer = Lexer::new(input);
    let mut parser =
        Parser { grammar: Grammar::get(), lexer, stack: Vec::new(), tokens: 0, deferred: Deferred::default() };
    let expr = parser.run()?;
    match parser.lexer.error.or(parser.deferred.error) {
        Some(error) => Err(error),
        None => Ok(expr),
    }
}

impl Parser<'_> {
    fn run(&mut self) -> Result<Expr, ParseError> {
        let mut next = self.lexer.next_token();
        loop {
            match self.grammar.tables.action(self.state(), next.token as usize) {
                Action::Shift(state) => {
                    let after = self.lexer.next_token();
                    let value = Value::from(std::mem::replace(&mut next, after));
                    self.stack.push(Entry { state, value, start: self.tokens, depth: 0 });
                    self.tokens += 1;
                }
                Action::Reduce(production) => self.reduce(production, &next)?,
                Action::Accept => return Ok(self.accepted()),
                Action::Error => return Err(self.syntax_error(&next)),
            }
        }
    }

    fn state(&self) -> usize {
        self.stack.last().map_or(0, |entry| entry.state)
    }

    fn reduce(&mut self, production: usize, next: &Lexeme) -> Result<(), ParseError> {
        let at = self.stack.len() - self.grammar.len_of(production);
        let entries = self.stack.split_off(at);
        let start = entries.first().map_or(self.tokens, |entry| entry.start);
        let inner = entries.iter().map(|entry| entry.depth).max().unwrap_or(0);
        let depth = inner + usize::from(self.grammar.nests(production));
        if depth > MAX_NESTING {
            let message = format!("the query is nested more than {MAX_NESTING} levels deep; split it or simplify it");
            return Err(ParseError::at(next.line.max(1), next.column, message));
        }
        let values: Vec<Value> = entries.into_iter().map(|entry| entry.value).collect();
        let mut parts = Parts { values: values.into_iter(), start, deferred: &mut self.deferred };
        let value = self.grammar.make(production, &mut parts)?;
        let state = self.grammar.tables.goto(self.state(), self.grammar.lhs(production));
        self.stack.push(Entry { state, value, start, depth });
        Ok(())
    }

    fn accepted(&mut self) -> Expr {
        match self.stack.pop().map(|entry| entry.value) {
            Some(Value::Expr(expr)) => expr,
            other => unreachable!("only an expression is accepted, not {other:?}"),
        }
    }

    /// What stood there, and what could have. Trouble with the text itself is older and comes first.
    fn syntax_error(&mut self, next: &Lexeme) -> ParseError {
        if let Some(error) = self.lexer.error.take() {
            return error;
        }
        let mut message = format!("syntax error: unexpected {}", next.token.name());
        for (at, terminal) in self.grammar.tables.expected(self.state()).into_iter().enumerate() {
            message += if at == 0 { ", expecting " } else { " or " };
            message += NAMES[terminal];
        }
        ParseError::at(next.line, next.column, message)
    }
}
