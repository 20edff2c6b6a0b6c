//! `order.items[0]["weird-key"]`: the way to a value inside a JSON line.

use super::json::{self, JsonError, Kind, Value};
use std::ops::ControlFlow;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Field(String),
    Index(usize),
}

/// The value at the end of `steps`, if the text has it. Of a repeated key the first counts. A text that is broken is an
/// error only where the value itself cannot be read.
pub fn find<'a>(text: &'a str, steps: &[Step]) -> Result<Option<Value<'a>>, JsonError> {
    let mut here = Value { kind: Kind::Object, raw: text };
    for step in steps {
        let next = match step {
            Step::Field(name) => member(here.raw, name)?,
            Step::Index(index) => element(here.raw, *index),
        };
        match next {
            Some(value) => here = value,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

fn member<'a>(text: &'a str, name: &str) -> Result<Option<Value<'a>>, JsonError> {
    let mut found = None;
    // What is broken elsewhere ends the walk, and that is all.
    let _ = json::each_key(text, |key, value| {
        if json::unescape(key).is_some_and(|key| key == name) {
            found = Some(value);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    });
    found.transpose()
}

fn element(text: &str, index: usize) -> Option<Value<'_>> {
    let (mut found, mut at) = (None, 0);
    let walk = json::each_element(text, |value| {
        if at == index {
            found = Some(value);
            return ControlFlow::Break(());
        }
        at += 1;
        ControlFlow::Continue(())
    });
    walk.ok().and(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_objects_and_arrays() {
        let text = r#"{"a":{"b":[1,{"c":"x"}]},"k.z":true}"#;
        let steps = [Step::Field("a".into()), Step::Field("b".into()), Step::Index(1), Step::Field("c".into())];
        let found = |steps: &[Step]| find(text, steps).unwrap();
        assert_eq!(found(&steps).map(|v| v.raw), Some("x"));
        assert_eq!(found(&steps[..3]).map(|v| v.raw), Some(r#"{"c":"x"}"#));
        assert_eq!(found(&[Step::Field("k.z".into())]).map(|v| v.kind), Some(Kind::Boolean));
        assert_eq!(found(&[Step::Field("a".into()), Step::Index(0)]), None);
    }

    #[test]
    fn a_broken_text_is_an_error_only_at_the_value() {
        let a = [Step::Field("a".into())];
        assert!(find(r#"{"a":}"#, &a).is_err());
        assert_eq!(find(r#"{"b":}"#, &a), Ok(None));
        assert_eq!(find(r#"{"a":1,"#, &a).unwrap().map(|v| v.raw), Some("1"));
    }
}
