//! Durations in brackets and behind `offset`. Arithmetic is experimental in Prometheus 3.
//!
//! Behind `offset`, an operator belongs to the duration only where the duration begins with a parenthesis or two signs:
//! `a offset 5m + 3` adds to `a`.

use super::*;

/// What is unexpected where, and what was expected.
type Context = (&'static str, &'static str);

/// Seconds that nanoseconds can hold.
const MOST_SECONDS: f64 = 9_223_372_036.854_776;
/// Signs bind as `*` does.
const SIGN: u8 = 4;

impl Parser<'_> {
    pub(super) fn positive_duration(&mut self, context: Context) -> Parsed<Duration> {
        self.duration_nodes = 0;
        let expr = self.duration_operation(0, context)?;
        if let DurationExpr::Number(number) = &expr
            && number.seconds <= 0.0
        {
            return Err(self.error(number.span, "duration must be greater than 0"));
        }
        Ok(known(expr))
    }

    pub(super) fn offset_duration(&mut self, context: Context) -> Parsed<Duration> {
        self.duration_nodes = 0;
        let first = self.peek()?.kind;
        let sign = matches!(first, Kind::Op(BinaryOp::Add | BinaryOp::Sub)).then(|| self.next()).transpose()?;
        let continues = match self.peek()?.kind {
            Kind::LeftParen => sign.is_none(),
            Kind::Op(BinaryOp::Add | BinaryOp::Sub) => true,
            _ => false,
        };
        let mut expr = match sign {
            Some(sign) => self.signed_duration(sign, context, !continues)?,
            None => self.duration_operand(context)?,
        };
        if continues {
            expr = self.duration_operators(expr, 0, context)?;
        }
        Ok(known(expr))
    }

    fn duration_operation(&mut self, weakest: u8, context: Context) -> Parsed<DurationExpr> {
        let expr = match self.peek()?.kind {
            Kind::Op(BinaryOp::Add | BinaryOp::Sub) => {
                let sign = self.next()?;
                self.signed_duration(sign, context, false)?
            }
            _ => self.duration_operand(context)?,
        };
        self.duration_operators(expr, weakest, context)
    }

    /// `only_operand`: operators that follow belong to something else.
    fn signed_duration(&mut self, sign: Token, context: Context, only_operand: bool) -> Parsed<DurationExpr> {
        let inner = match only_operand {
            true => self.duration_operand(context)?,
            false => self.duration_operation(SIGN + 1, context)?,
        };
        let negative = sign.kind == Kind::Op(BinaryOp::Sub);
        match inner {
            DurationExpr::Number(mut number) => {
                number.seconds = if negative { -number.seconds } else { number.seconds };
                number.span.start = sign.span.start;
                Ok(DurationExpr::Number(number))
            }
            inner => {
                let span = sign.span.to(inner.span());
                let make = if negative { DurationExpr::Negative } else { DurationExpr::Positive };
                Ok(make(Box::new(inner), span))
            }
        }
    }

    fn duration_operators(&mut self, lhs: DurationExpr, weakest: u8, context: Context) -> Parsed<DurationExpr> {
        let mut lhs = lhs;
        while let Kind::Op(sign) = self.peek()?.kind {
            let Some(op) = arithmetic(sign).filter(|_| sign.strength() >= weakest) else { break };
            let at = self.next()?.span;
            let next = if op == DurationOp::Pow { sign.strength() } else { sign.strength() + 1 };
            let rhs = self.duration_operation(next, context)?;
            self.check_experimental(lhs.span())?;
            if let DurationExpr::Number(number) = &rhs
                && number.seconds == 0.0
                && matches!(op, DurationOp::Div | DurationOp::Mod)
            {
                let what = if op == DurationOp::Div { "division by zero" } else { "modulo by zero" };
                return Err(self.error(at, what));
            }
            lhs = DurationExpr::Binary(op, Box::new(lhs), Box::new(rhs));
        }
        Ok(lhs)
    }

    fn duration_operand(&mut self, context: Context) -> Parsed<DurationExpr> {
        let token = self.peek()?;
        self.duration_nodes += 1;
        if self.duration_nodes > MAX_DEPTH {
            return Err(self.too_deep(token.span));
        }
        match token.kind {
            Kind::Number | Kind::Duration => self.duration_number(),
            Kind::LeftParen => self.duration_in_parens(context),
            Kind::Keyword(keyword) if keyword.is_of_duration() => self.duration_call(keyword, context),
            _ => Err(self.unexpected(token, context.0, context.1)),
        }
    }

    fn duration_number(&mut self) -> Parsed<DurationExpr> {
        let NumberLiteral { value: seconds, is_duration, span } = self.number()?;
        if seconds.is_nan() || seconds.abs() > MOST_SECONDS {
            return Err(self.error(span, "duration out of range"));
        }
        Ok(DurationExpr::Number(DurationNumber { seconds, is_duration, span }))
    }

    fn duration_in_parens(&mut self, context: Context) -> Parsed<DurationExpr> {
        let open = self.next()?;
        let inner = self.duration_operation(0, context)?;
        let close = self.expect(Kind::RightParen, context.0, context.1)?;
        self.check_experimental(inner.span())?;
        let span = open.span.to(close.span);
        Ok(match inner {
            DurationExpr::Paren(inner, _) => DurationExpr::Paren(inner, span),
            inner => DurationExpr::Paren(Box::new(inner), span),
        })
    }

    /// `step()`, `range()`, `min_of(a, b)`, `max_of(a, b)`.
    fn duration_call(&mut self, keyword: Keyword, context: Context) -> Parsed<DurationExpr> {
        let name = self.next()?;
        self.expect(Kind::LeftParen, context.0, context.1)?;
        let mut args = None;
        if matches!(keyword, Keyword::MinOf | Keyword::MaxOf) {
            let first = self.duration_operation(0, context)?;
            self.expect(Kind::Comma, context.0, context.1)?;
            args = Some((Box::new(first), Box::new(self.duration_operation(0, context)?)));
        }
        let close = self.expect(Kind::RightParen, context.0, context.1)?;
        let span = name.span.to(close.span);
        self.check_experimental(span)?;
        Ok(match (keyword, args) {
            (Keyword::MinOf, Some((a, b))) => DurationExpr::MinOf(a, b, span),
            (_, Some((a, b))) => DurationExpr::MaxOf(a, b, span),
            (Keyword::Step, None) => DurationExpr::Step(span),
            (_, None) => DurationExpr::Range(span),
        })
    }

    fn check_experimental(&self, span: Span) -> Parsed<()> {
        if self.options.duration_expressions {
            return Ok(());
        }
        Err(self.error(span, "experimental duration expression is not enabled"))
    }
}

/// A plain number is known now.
fn known(expr: DurationExpr) -> Duration {
    match expr {
        DurationExpr::Number(number) => Duration::Nanos((number.seconds * 1e9).round() as i64),
        expr => Duration::Computed(expr),
    }
}

fn arithmetic(op: BinaryOp) -> Option<DurationOp> {
    Some(match op {
        BinaryOp::Add => DurationOp::Add,
        BinaryOp::Sub => DurationOp::Sub,
        BinaryOp::Mul => DurationOp::Mul,
        BinaryOp::Div => DurationOp::Div,
        BinaryOp::Mod => DurationOp::Mod,
        BinaryOp::Pow => DurationOp::Pow,
        _ => return None,
    })
}
