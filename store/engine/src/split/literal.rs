//! What a line filter demands of every line it matches: texts of which at least one must occur.

use gantry_model::{LineFilter, LineOp};
use regex_syntax::hir::{Hir, HirKind};

/// Texts of which a matching line holds at least one; `None` when nothing can be demanded.
pub fn required(filter: &LineFilter) -> Option<Vec<Vec<u8>>> {
    match filter.op {
        LineOp::Contains => Some(filter.texts.iter().map(|t| t.clone().into_bytes()).collect()),
        LineOp::Matches => {
            let mut all = Vec::new();
            for pattern in &filter.texts {
                all.extend(of_pattern(&regex_syntax::parse(pattern).ok()?)?);
            }
            Some(all)
        }
        LineOp::NotContains | LineOp::NotMatches => None,
    }
}

/// The same as texts, for a filter.
pub fn required_texts(filter: &LineFilter) -> Option<Vec<String>> {
    let text = |text: Vec<u8>| String::from_utf8(text).ok();
    required(filter)?.into_iter().map(text).collect()
}

/// More alternatives than this cost more to look up than they save.
const MAX_ALTERNATIVES: usize = 32;

fn of_pattern(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => of_pattern(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => of_pattern(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(of_pattern).max_by_key(|texts| shortest(texts)),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(of_pattern(part)?);
            }
            (all.len() <= MAX_ALTERNATIVES).then_some(all)
        }
        _ => None,
    }
}

fn shortest(texts: &[Vec<u8>]) -> usize {
    texts.iter().map(Vec::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Option<Vec<String>> {
        let filter = LineFilter::new(LineOp::Matches, vec![pattern.into()]).unwrap();
        required(&filter).map(|all| all.into_iter().map(|t| String::from_utf8(t).unwrap()).collect())
    }

    #[test]
    fn the_longest_text_that_must_occur() {
        assert_eq!(of("status=5[0-9]+ upstream"), Some(vec![" upstream".into()]));
        assert_eq!(of("(timeout|refused) by"), Some(vec!["timeout".into(), "refused".into()]));
        assert_eq!(of("(error)+"), Some(vec!["error".into()]));
    }

    #[test]
    fn nothing_is_demanded_where_a_match_may_lack_it() {
        assert_eq!(of("(?i)error"), None);
        assert_eq!(of("a?|b"), None);
        assert_eq!(of(".*"), None);
    }
}
