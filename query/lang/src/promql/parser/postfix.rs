//! What follows an expression and changes where or when it looks: ranges, subqueries, `offset`, `@`, `anchored`,
//! `smoothed`. They bind more strongly than any operator.

use super::*;

const RANGE_START: (&str, &str) = ("subquery or range selector", "number, duration, step(), or range()");
const RANGE_END: (&str, &str) = ("subquery or range", "\":\" or \"]\"");
const STEP_START: (&str, &str) = ("subquery selector", "number, duration, step(), range(), or \"]\"");
const STEP_END: (&str, &str) = ("subquery selector", "\"]\"");
const OFFSET: (&str, &str) = ("offset", "number, duration, step(), or range()");

impl Parser<'_> {
    pub(super) fn postfix(&mut self, mut node: Node) -> Parsed<Node> {
        loop {
            match self.peek()?.kind {
                Kind::LeftBracket => node = self.range(node)?,
                Kind::At => self.at(&mut node.expr)?,
                Kind::Keyword(Keyword::Offset) => self.offset(&mut node.expr)?,
                Kind::Keyword(Keyword::Anchored) => self.extension(&mut node.expr, Extension::Anchored)?,
                Kind::Keyword(Keyword::Smoothed) => self.extension(&mut node.expr, Extension::Smoothed)?,
                _ => return Ok(node),
            }
        }
    }

    fn range(&mut self, node: Node) -> Parsed<Node> {
        let open = self.next()?;
        let range = self.positive_duration(RANGE_START)?;
        if self.accept(Kind::Colon)?.is_some() {
            return self.subquery(node, range);
        }
        let close = self.expect(Kind::RightBracket, RANGE_END.0, RANGE_END.1)?;
        let wrong = match &node.expr {
            Expr::Vector(vector) if vector.offset.is_some() => "no offset modifiers allowed before range",
            Expr::Vector(vector) if vector.at.is_some() => "no @ modifiers allowed before range",
            Expr::Vector(_) => "",
            _ => "ranges only allowed for vector selectors",
        };
        let span = node.expr.span().to(close.span);
        match node.expr {
            Expr::Vector(vector) if wrong.is_empty() => {
                self.above(Expr::Matrix(MatrixSelector { vector, range, span }), [])
            }
            _ => Err(self.error(open.span.to(close.span), wrong)),
        }
    }

    /// The colon has been read.
    fn subquery(&mut self, node: Node, range: Duration) -> Parsed<Node> {
        let mut step = None;
        let mut close = self.accept(Kind::RightBracket)?;
        if close.is_none() {
            step = Some(self.positive_duration(STEP_START)?);
            close = Some(self.expect(Kind::RightBracket, STEP_END.0, STEP_END.1)?);
        }
        let span = close.map_or(node.expr.span(), |close| node.expr.span().to(close.span));
        let expr = Subquery { expr: Box::new(node.expr), range, step, at: None, offset: None, span };
        self.above(Expr::Subquery(expr), [node.height])
    }

    fn offset(&mut self, expr: &mut Expr) -> Parsed<()> {
        self.next()?;
        let offset = self.offset_duration(OFFSET)?;
        let end = self.last_end;
        let what =
            "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery";
        let Some(place) = modified(expr) else { return Err(self.error(expr.span(), what)) };
        if place.offset.is_some() {
            return Err(self.error(expr.span(), "offset may not be set multiple times"));
        }
        *place.offset = (offset != Duration::Nanos(0)).then_some(offset);
        place.span.end = end;
        Ok(())
    }

    fn at(&mut self, expr: &mut Expr) -> Parsed<()> {
        self.next()?;
        let at = self.instant(expr)?;
        let end = self.last_end;
        let what = "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery";
        let Some(place) = modified(expr) else { return Err(self.error(expr.span(), what)) };
        if place.at.is_some() {
            return Err(self.error(expr.span(), "@ <timestamp> may not be set multiple times"));
        }
        *place.at = Some(at);
        place.span.end = end;
        Ok(())
    }

    fn instant(&mut self, expr: &Expr) -> Parsed<At> {
        const CONTEXT: (&str, &str) = ("@", "timestamp");
        let at = match self.peek()?.kind {
            Kind::Keyword(Keyword::Start) => At::Start,
            Kind::Keyword(Keyword::End) => At::End,
            _ => {
                let seconds = self.signed_number(CONTEXT.0, CONTEXT.1)?.value;
                if !seconds.is_finite() || seconds.abs() >= i64::MAX as f64 {
                    let shown = crate::gotext::fixed_float(seconds, 6);
                    return Err(self.error(expr.span(), format!("timestamp out of bounds for @ modifier: {shown}")));
                }
                return Ok(At::Timestamp((seconds * 1000.0).round() as i64));
            }
        };
        self.next()?;
        self.expect(Kind::LeftParen, CONTEXT.0, CONTEXT.1)?;
        self.expect(Kind::RightParen, CONTEXT.0, CONTEXT.1)?;
        Ok(at)
    }

    fn extension(&mut self, expr: &mut Expr, extension: Extension) -> Parsed<()> {
        self.next()?;
        let word = extension.as_str();
        if !self.options.extended_range_selectors {
            return Err(self.error(expr.span(), format!("{word} modifier is experimental and not enabled")));
        }
        let span = expr.span();
        let vector = match expr {
            Expr::Vector(vector) => vector,
            Expr::Matrix(matrix) => &mut matrix.vector,
            Expr::Subquery(_) => {
                return Err(self.error(span, format!("{word} modifier is not supported for subqueries")));
            }
            _ => return Err(self.error(span, format!("{word} modifier not implemented"))),
        };
        if vector.extension.is_some_and(|other| other != extension) {
            return Err(self.error(span, "anchored and smoothed modifiers cannot be used together"));
        }
        vector.extension = Some(extension);
        Ok(())
    }
}

/// What `offset` and `@` change.
#[derive(Debug)]
struct Modified<'e> {
    at: &'e mut Option<At>,
    offset: &'e mut Option<Duration>,
    span: &'e mut Span,
}

fn modified(expr: &mut Expr) -> Option<Modified<'_>> {
    match expr {
        Expr::Vector(e) => Some(Modified { at: &mut e.at, offset: &mut e.offset, span: &mut e.span }),
        Expr::Matrix(e) => Some(Modified { at: &mut e.vector.at, offset: &mut e.vector.offset, span: &mut e.span }),
        Expr::Subquery(e) => Some(Modified { at: &mut e.at, offset: &mut e.offset, span: &mut e.span }),
        _ => None,
    }
}
