//! Label selectors as Kubernetes' API takes them in `labelSelector`: `a=b, c!=d, e in (f,g), h notin (i), j, !k`.

use gantry_model::LabelSet;

/// Requirements that all have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    name: String,
    /// `None`: the label has to exist.
    values: Option<Vec<String>>,
    negated: bool,
}

impl LabelSelector {
    /// # Errors
    /// The part that cannot be read.
    pub fn parse(text: &str) -> Result<LabelSelector, String> {
        let parts = split(text)?;
        parts.iter().map(|part| Requirement::parse(part.trim())).collect::<Result<_, _>>().map(LabelSelector)
    }

    /// Whether labels could fit of which this one is known.
    pub fn may_match(&self, name: &str, known: &LabelSet) -> bool {
        self.0.iter().filter(|requirement| requirement.name == name).all(|requirement| requirement.holds(known))
    }

    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.0.iter().all(|requirement| requirement.holds(labels))
    }
}

/// At commas outside of parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or_else(|| format!("{text:?}: \")\" without \"(\" at {at}"))?,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err(format!("{text:?}: \"(\" without \")\""));
    }
    if !text.trim().is_empty() {
        parts.push(&text[start..]);
    }
    Ok(parts)
}

impl Requirement {
    fn parse(part: &str) -> Result<Requirement, String> {
        let wrong = || format!("{part:?} is no requirement such as a=b, a!=b, a in (b,c), a or !a");
        let found = |name: &str, values: Option<Vec<&str>>, negated: bool| {
            let name = name.trim();
            let good = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            if name.is_empty() || !name.chars().all(good) {
                return Err(wrong());
            }
            let values = values.map(|values| values.into_iter().map(|value| value.trim().to_owned()).collect());
            Ok(Requirement { name: name.to_owned(), values, negated })
        };
        if let Some(list) = part.strip_suffix(')') {
            let (head, values) = list.split_once('(').ok_or_else(wrong)?;
            let (name, word) = head.trim().rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
            return match word {
                "in" => found(name, Some(values.split(',').collect()), false),
                "notin" => found(name, Some(values.split(',').collect()), true),
                _ => Err(wrong()),
            };
        }
        if let Some((name, value)) = part.split_once("!=") {
            return found(name, Some(vec![value]), true);
        }
        if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            return found(name, Some(vec![value]), false);
        }
        match part.strip_prefix('!') {
            Some(name) => found(name, None, true),
            None => found(part, None, false),
        }
    }

    /// A label that is absent is none of any values.
    fn holds(&self, labels: &LabelSet) -> bool {
        let value = labels.get(&self.name);
        let fits = match &self.values {
            None => value.is_some(),
            Some(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
        };
        fits != self.negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_choose_as_kubernetes_does() {
        let labels = LabelSet::from_pairs([("app", "web"), ("tier", "front")]);
        let cases = [
            ("", true),
            ("app=web", true),
            ("app==web,tier=front", true),
            ("app=db", false),
            ("app!=db", true),
            ("zone!=a", true),
            ("app in (db, web)", true),
            ("app in (db)", false),
            ("app notin (db),tier", true),
            ("zone notin (a)", true),
            ("zone", false),
            ("!zone", true),
            ("!app", false),
        ];
        for (text, expected) in cases {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&labels), expected, "{text:?}");
        }
        for text in ["app in web", "app in (web", "app)", "a b=c", "=x", ",", "app near (x)"] {
            assert!(LabelSelector::parse(text).is_err(), "{text:?} is refused");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_selector_or_refused(text in "[a-z!=,() ]{0,24}") {
            if let Ok(selector) = LabelSelector::parse(&text) {
                selector.matches(&LabelSet::from_pairs([("a", "b")]));
            }
        }
    }
}
