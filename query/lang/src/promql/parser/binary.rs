//! What stands between the sides of an operator, and the right side.

use super::*;

impl Parser<'_> {
    /// The operator is the next token.
    pub(super) fn binary(&mut self, lhs: Node, op: BinaryOp) -> Parsed<Node> {
        let op_span = self.next()?.span;
        let return_bool = self.accept(Kind::Keyword(Keyword::Bool))?.is_some();
        let matching = self.matching()?;
        let to_the_right = op == BinaryOp::Pow;
        let rhs = self.operation(if to_the_right { op.strength() } else { op.strength() + 1 })?;
        let span = lhs.expr.span().to(rhs.expr.span());
        if !self.options.fill_modifiers && matching.fills() {
            return Err(self.error(span, "binop fill modifiers are experimental and not enabled"));
        }
        let heights = [lhs.height, rhs.height];
        let expr = BinaryExpr {
            op,
            lhs: Box::new(lhs.expr),
            rhs: Box::new(rhs.expr),
            return_bool,
            matching: Some(matching),
            op_span,
        };
        self.above(Expr::Binary(expr), heights)
    }

    fn matching(&mut self) -> Parsed<VectorMatching> {
        let mut matching = VectorMatching::default();
        let on = self.next_is_keyword(Keyword::On)?;
        if on || self.next_is_keyword(Keyword::Ignoring)? {
            self.next()?;
            matching.on = on;
            matching.labels = self.grouping_labels()?;
            self.group_side(&mut matching)?;
        }
        self.fill(&mut matching)?;
        Ok(matching)
    }

    fn group_side(&mut self, matching: &mut VectorMatching) -> Parsed<()> {
        matching.cardinality = match self.peek()?.kind {
            Kind::Keyword(Keyword::GroupLeft) => Cardinality::ManyToOne,
            Kind::Keyword(Keyword::GroupRight) => Cardinality::OneToMany,
            _ => return Ok(()),
        };
        self.next()?;
        // Without labels, the other side follows at once.
        let follows = self.peek()?.kind;
        if follows == Kind::LeftParen || !follows.begins_expression() {
            matching.include = self.grouping_labels()?;
        }
        Ok(())
    }

    /// `fill (0)`, or `fill_left (0)` and `fill_right (0)` in any order.
    fn fill(&mut self, matching: &mut VectorMatching) -> Parsed<()> {
        if self.accept(Kind::Keyword(Keyword::Fill))?.is_some() {
            let value = self.fill_value()?;
            (matching.fill_left, matching.fill_right) = (Some(value), Some(value));
            return Ok(());
        }
        loop {
            if matching.fill_left.is_none() && self.accept(Kind::Keyword(Keyword::FillLeft))?.is_some() {
                matching.fill_left = Some(self.fill_value()?);
            } else if matching.fill_right.is_none() && self.accept(Kind::Keyword(Keyword::FillRight))?.is_some() {
                matching.fill_right = Some(self.fill_value()?);
            } else {
                return Ok(());
            }
        }
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        let context = if self.aggregations > 0 { "aggregation" } else { "" };
        self.expect(Kind::LeftParen, context, "")?;
        let number = self.signed_number(context, "")?;
        self.expect(Kind::RightParen, context, "")?;
        Ok(number.value)
    }
}
