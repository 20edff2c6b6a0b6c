//! [`LineSelection`]: the part of LogQL that names stored lines and nothing more.

use super::plan::LogPlan;
use super::text::parse;
use crate::QueryError;
use gantry_model::{LineFilter, Selector};
use gantry_query_lang::ast::Expr;

/// Streams, and filters on the stored text of their lines: what deletion and export take.
#[derive(Clone, Debug, PartialEq)]
pub struct LineSelection {
    pub selector: Selector,
    /// All must hold.
    pub lines: Vec<LineFilter>,
}

impl LineSelection {
    /// Reads `{app="web"} |= "x"`. With `allow_all` the selector may match every stream.
    ///
    /// # Errors
    /// `Invalid` for what is no LogQL, no log query, or has stages other than line filters.
    pub fn parse(text: &str, allow_all: bool) -> Result<Self, QueryError> {
        let Expr::Log(log) = parse(text, allow_all)? else {
            return Err(QueryError::invalid(
                "a log query is needed here, such as {app=\"web\"} |= \"x\", not a metric query",
            ));
        };
        let plan = LogPlan::new(&log);
        if !plan.stages.is_empty() {
            let text = "only a stream selector and line filters (|=, !=, |~, !~) can be used here, no other stages";
            return Err(QueryError::invalid(text));
        }
        Ok(LineSelection { selector: plan.selector, lines: plan.lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_stored_lines_is_taken() {
        let selection = LineSelection::parse("{app=\"a\"} |= \"x\" !~ \"y\"", false).unwrap();
        assert_eq!((selection.selector.0.len(), selection.lines.len()), (1, 2));
        for wrong in
            ["{app=\"a\"} | json", "{app=\"a\"} |= ip(\"10.0.0.0/8\")", "rate({app=\"a\"}[1m])", "{}", "{app=\"a\""]
        {
            assert!(LineSelection::parse(wrong, false).is_err(), "{wrong}");
        }
        assert_eq!(LineSelection::parse("{}", true).unwrap().selector, Selector::all());
    }
}
