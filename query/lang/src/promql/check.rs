//! Types: which expressions may stand where. Runs over a whole tree; the error is the first in order of reading, inner
//! expressions before outer ones.

use super::ast::*;
use super::{Function, ParseError};
use crate::gotext::quote;
use gantry_model::metric::METRIC_NAME;

type Checked = Result<ValueType, ParseError>;

/// Checks a tree and settles what depends on types: the matching of binary expressions.
#[derive(Debug)]
pub struct Checker<'q> {
    pub query: &'q str,
}

impl Checker<'_> {
    pub fn expr(&self, expr: &mut Expr) -> Checked {
        match expr {
            Expr::Number(_) | Expr::String(_) => {}
            Expr::Vector(vector) => self.vector(vector, false)?,
            Expr::Matrix(matrix) => self.vector(&matrix.vector, false)?,
            Expr::Subquery(subquery) => self.subquery(subquery)?,
            Expr::Unary(unary) => self.unary(unary)?,
            Expr::Binary(binary) => self.binary(binary)?,
            Expr::Aggregate(aggregate) => self.aggregate(aggregate)?,
            Expr::Call(call) => self.call(call)?,
            Expr::Paren(paren) => {
                self.expr(&mut paren.expr)?;
            }
        }
        Ok(expr.value_type())
    }

    fn fail<T>(&self, span: Span, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.query, span, message))
    }

    fn vector(&self, vector: &VectorSelector, may_be_empty: bool) -> Result<(), ParseError> {
        let matchers = &vector.selector.0;
        if let (Some(name), Some((_, braces))) = (&vector.name, matchers.split_last()) {
            return match braces.iter().find(|matcher| matcher.name == METRIC_NAME) {
                Some(other) => {
                    let (name, other) = (quote(name), quote(&other.value));
                    self.fail(vector.span, format!("metric name must not be set twice: {name} or {other}"))
                }
                None => Ok(()),
            };
        }
        if may_be_empty || matchers.iter().any(|matcher| !matcher.matches_value("")) {
            return Ok(());
        }
        self.fail(vector.span, "vector selector must contain at least one non-empty matcher")
    }

    fn subquery(&self, subquery: &mut Subquery) -> Result<(), ParseError> {
        match self.expr(&mut subquery.expr)? {
            ValueType::Vector => Ok(()),
            other => {
                let message = format!("subquery is only allowed on instant vector, got {} instead", other.as_str());
                self.fail(subquery.span, message)
            }
        }
    }

    fn unary(&self, unary: &mut UnaryExpr) -> Result<(), ParseError> {
        match self.expr(&mut unary.expr)? {
            ValueType::Scalar | ValueType::Vector => Ok(()),
            other => {
                let what = "unary expression only allowed on expressions of type scalar or instant vector";
                self.fail(unary.span, format!("{what}, got {}", quote(&other.to_string())))
            }
        }
    }

    fn aggregate(&self, aggregate: &mut AggregateExpr) -> Result<(), ParseError> {
        self.expect(&mut aggregate.expr, ValueType::Vector, "aggregation expression")?;
        match (&mut aggregate.param, aggregate.op.param()) {
            (Some(param), Some(wanted)) => self.expect(param, wanted, "aggregation parameter"),
            _ => Ok(()),
        }
    }

    fn expect(&self, expr: &mut Expr, wanted: ValueType, context: &str) -> Result<(), ParseError> {
        let got = self.expr(expr)?;
        if got == wanted {
            return Ok(());
        }
        self.fail(expr.span(), format!("expected type {wanted} in {context}, got {got}"))
    }

    fn call(&self, call: &mut Call) -> Result<(), ParseError> {
        let signature = call.function.signature();
        self.check_count(call)?;
        let is_info = call.function == Function::Info;
        if is_info && let Some(labels) = call.args.get(1) {
            self.info_labels(labels, call.span)?;
        }
        for (at, arg) in call.args.iter_mut().enumerate() {
            let wanted = *signature.args.get(at).or(signature.args.last()).unwrap_or(&ValueType::Scalar);
            match arg {
                Expr::Vector(vector) if is_info && at == 1 => self.vector(vector, true)?,
                arg => self.expect(arg, wanted, &format!("call to function {}", quote(signature.name)))?,
            }
        }
        Ok(())
    }

    fn check_count(&self, call: &Call) -> Result<(), ParseError> {
        let signature = call.function.signature();
        let (given, named) = (call.args.len(), signature.args.len());
        let (least, most) = match signature.variadic {
            0 => (named, Some(named)),
            more => (named - 1, usize::try_from(more).ok().map(|more| named - 1 + more)),
        };
        let (bound, wanted) = match most {
            _ if signature.variadic == 0 && given != named => ("", named),
            _ if given < least => ("at least ", least),
            Some(most) if given > most => ("at most ", most),
            _ => return Ok(()),
        };
        let name = quote(signature.name);
        self.fail(call.span, format!("expected {bound}{wanted} argument(s) in call to {name}, got {given}"))
    }

    /// The second argument of `info` is a selector of labels only.
    fn info_labels(&self, labels: &Expr, call: Span) -> Result<(), ParseError> {
        let got = labels.value_type();
        if got != ValueType::Vector {
            let wanted = ValueType::Vector;
            return self.fail(call, format!("expected type {wanted} in call to function \"info\", got {got}"));
        }
        match labels {
            Expr::Vector(vector) if vector.name.is_none() => Ok(()),
            Expr::Vector(_) => self.fail(labels.span(), "expected label selectors only, got vector selector instead"),
            _ => self.fail(labels.span(), "expected label selectors only"),
        }
    }

    fn binary(&self, binary: &mut BinaryExpr) -> Result<(), ParseError> {
        let (left, right) = (self.expr(&mut binary.lhs)?, self.expr(&mut binary.rhs)?);
        let scalars = left == ValueType::Scalar && right == ValueType::Scalar;
        if binary.return_bool && !binary.op.is_comparison() {
            return self.fail(binary.op_span, "bool modifier can only be used on comparison operators");
        }
        if binary.op.is_comparison() && !binary.return_bool && scalars {
            return self.fail(binary.op_span, "comparisons between scalars must use BOOL modifier");
        }
        let matching = binary.matching.get_or_insert_default();
        if binary.op.is_set() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        if let Some(label) = matching.labels.iter().find(|label| matching.on && matching.include.contains(label)) {
            let message = format!("label {} must not occur in ON and GROUP clause at once", quote(label));
            return self.fail(binary.op_span, message);
        }
        for (side, got) in [(&binary.lhs, left), (&binary.rhs, right)] {
            if !matches!(got, ValueType::Scalar | ValueType::Vector) {
                return self.fail(side.span(), "binary expression must contain only scalar and instant vector types");
            }
        }
        if left == ValueType::Vector && right == ValueType::Vector {
            return self.vectors(binary);
        }
        self.scalars(binary)
    }

    fn vectors(&self, binary: &BinaryExpr) -> Result<(), ParseError> {
        let Some(matching) = binary.matching.as_ref().filter(|_| binary.op.is_set()) else { return Ok(()) };
        if matching.cardinality != Cardinality::ManyToMany {
            let message = format!("no grouping allowed for {} operation", quote(binary.op.as_str()));
            return self.fail(binary.span(), message);
        }
        if matching.fills() {
            return self.fail(binary.span(), "filling in missing series not allowed for set operators");
        }
        Ok(())
    }

    /// At least one side is a scalar: there is nothing to match.
    fn scalars(&self, binary: &mut BinaryExpr) -> Result<(), ParseError> {
        let matching = binary.matching.take().unwrap_or_default();
        if !matching.labels.is_empty() {
            return self.fail(binary.span(), "vector matching only allowed between instant vectors");
        }
        if matching.fills() {
            return self.fail(binary.span(), "filling in missing series only allowed between instant vectors");
        }
        if binary.op.is_set() {
            let op = quote(binary.op.as_str());
            return self.fail(binary.span(), format!("set operator {op} not allowed in binary scalar expression"));
        }
        Ok(())
    }
}
