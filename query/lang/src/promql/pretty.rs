//! Trees as indented text: what fits on a line stays on one, what does not is broken at operators, arguments and
//! parentheses. As Prometheus' `/api/v1/format_query` answers.

use super::ast::*;

/// Bytes of an expression that stays on one line.
const LINE: usize = 100;

impl Expr {
    /// The query over several lines, where one of it is not enough.
    pub fn pretty(&self) -> String {
        self.pretty_at(0, false)
    }

    fn pretty_at(&self, level: usize, arithmetic_follows: bool) -> String {
        let indent = "  ".repeat(level);
        let line = if arithmetic_follows { format!("{self:#}") } else { self.to_string() };
        match self {
            Expr::Unary(e) => format!("{indent}{}{}", e.sign(), e.expr.pretty_at(level, arithmetic_follows).trim()),
            // Prometheus does not indent a short one.
            Expr::Subquery(_) if line.len() <= LINE => line,
            Expr::Subquery(e) if arithmetic_follows => format!("{}{:#}", e.expr.pretty_at(level, false), e.suffix()),
            Expr::Subquery(e) => format!("{}{}", e.expr.pretty_at(level, false), e.suffix()),
            Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => indent + &line,
            _ if line.len() <= LINE => indent + &line,
            Expr::Aggregate(e) => {
                let args: Vec<&Expr> = e.param.as_deref().into_iter().chain([&*e.expr]).collect();
                format!("{indent}{}(\n{}\n{indent})", e.head(), lines(&args, level + 1))
            }
            Expr::Call(e) => {
                let args: Vec<&Expr> = e.args.iter().collect();
                format!("{indent}{}(\n{}\n{indent})", e.function.as_str(), lines(&args, level + 1))
            }
            Expr::Paren(e) => format!("{indent}(\n{}\n{indent})", e.expr.pretty_at(level + 1, false)),
            Expr::Binary(e) => {
                let lhs = match e.is_power_of_infinity() {
                    true => format!("{indent}  Inf"),
                    false => e.lhs.pretty_at(level + 1, e.op.is_arithmetic()),
                };
                let rhs = e.rhs.pretty_at(level + 1, arithmetic_follows);
                format!("{lhs}\n{indent}{}\n{rhs}", e.operator())
            }
        }
    }
}

fn lines(args: &[&Expr], level: usize) -> String {
    args.iter().map(|arg| arg.pretty_at(level, false)).collect::<Vec<_>>().join(",\n")
}
