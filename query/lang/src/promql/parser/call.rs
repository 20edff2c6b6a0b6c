//! Calls, aggregations and the labels by which they group.

use super::*;
use crate::gotext::quote;
use crate::promql::Function;

impl Parser<'_> {
    /// The name has been read.
    pub(super) fn call(&mut self, name: Token) -> Parsed<Node> {
        let (args, close) = self.arguments()?;
        let quoted = quote(self.text(name));
        let Some(function) = Function::find(self.text(name)) else {
            return Err(self.error(name.span, format!("unknown function with name {quoted}")));
        };
        if function.signature().is_experimental && !self.options.experimental_functions {
            return Err(self.error(name.span, format!("function {quoted} is not enabled")));
        }
        let (args, heights) = unzip(args);
        let call = Call { function, args, span: name.span.to(close.span) };
        self.above(Expr::Call(call), heights)
    }

    fn arguments(&mut self) -> Parsed<(Vec<Node>, Token)> {
        let open = self.peek()?;
        if open.kind != Kind::LeftParen {
            return Err(self.misplaced(open));
        }
        self.next()?;
        let mut args = Vec::new();
        if let Some(close) = self.accept(Kind::RightParen)? {
            return Ok((args, close));
        }
        loop {
            args.push(self.operation(0)?);
            let Some(comma) = self.accept(Kind::Comma)? else { break };
            if !self.peek()?.kind.begins_expression() {
                return Err(self.error(comma.span, "trailing commas not allowed in function call args"));
            }
        }
        let close = self.closing_paren()?;
        Ok((args, close))
    }

    /// The operator has been read; `by`, `without` or a parenthesis follows.
    pub(super) fn aggregation(&mut self, name: Token, op: AggregateOp) -> Parsed<Node> {
        self.aggregations += 1;
        let mut grouping = self.grouping()?;
        let (args, close) = self.arguments()?;
        self.aggregations -= 1;
        let mut span = name.span.to(close.span);
        if grouping.is_none() {
            grouping = self.grouping()?;
            span.end = grouping.as_ref().map_or(span.end, |grouping| grouping.end);
        }
        let Grouping { labels, without, .. } = grouping.unwrap_or_default();
        self.check_arguments(op, args.len(), span)?;
        let (mut args, heights) = unzip(args);
        let Some(expr) = args.pop().map(Box::new) else { return Err(self.misplaced(close)) };
        let param = args.pop().map(Box::new);
        self.above(Expr::Aggregate(AggregateExpr { op, expr, param, grouping: labels, without, span }), heights)
    }

    fn check_arguments(&self, op: AggregateOp, given: usize, span: Span) -> Parsed<()> {
        if given == 0 {
            return Err(self.error(span, "no arguments for aggregate expression provided"));
        }
        if op.is_experimental() && !self.options.experimental_functions {
            let feature = "--enable-feature=promql-experimental-functions";
            let message = format!("{}() is experimental and must be enabled with {feature}", op.as_str());
            return Err(self.error(span, message));
        }
        let wanted = 1 + usize::from(op.param().is_some());
        if given == wanted {
            return Ok(());
        }
        let what = "wrong number of arguments for aggregate expression provided";
        Err(self.error(span, format!("{what}, expected {wanted}, got {given}")))
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = match self.peek()?.kind {
            Kind::Keyword(Keyword::By) => false,
            Kind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.next()?;
        let labels = self.grouping_labels()?;
        Ok(Some(Grouping { labels, without, end: self.last_end }))
    }

    /// `(a, b, "c.d")`; a comma at the end is allowed.
    pub(super) fn grouping_labels(&mut self) -> Parsed<Vec<String>> {
        const CONTEXT: &str = "grouping opts";
        self.expect(Kind::LeftParen, CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        while self.accept(Kind::RightParen)?.is_none() {
            labels.push(self.grouping_label(CONTEXT)?);
            if self.accept(Kind::Comma)?.is_none() {
                self.expect(Kind::RightParen, CONTEXT, "\",\" or \")\"")?;
                break;
            }
        }
        Ok(labels)
    }

    fn grouping_label(&mut self, context: &str) -> Parsed<String> {
        let token = self.peek()?;
        let label = match token.kind {
            Kind::String => unquote(self.text(token)),
            kind if kind.can_name_label() => self.text(token).to_owned(),
            _ => return Err(self.unexpected(token, context, "label")),
        };
        if label.is_empty() {
            return Err(self.error(token.span, "invalid label name for grouping: \"\""));
        }
        self.next()?;
        Ok(label)
    }
}

/// `by (..)` or `without (..)`.
#[derive(Debug, Default)]
struct Grouping {
    labels: Vec<String>,
    without: bool,
    /// The byte behind it.
    end: u32,
}

fn unzip(nodes: Vec<Node>) -> (Vec<Expr>, Vec<u32>) {
    nodes.into_iter().map(|node| (node.expr, node.height)).unzip()
}
