//! `order.items[0]["weird-key"]`: the way to a value inside a JSON line.

use super::json::{self, Kind, Value};
use std::ops::ControlFlow;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Field(String),
    Index(usize),
}

/// The value at the end of `steps`, if the text has it. Of a repeated key the first counts.
pub fn find<'a>(text: &'a str, steps: &[Step]) -> Option<Value<'a>> {
    let mut here = Value { kind: Kind::Object, raw: text };
    for step in steps {
        here = match step {
            Step::Field(name) => member(here.raw, name)?,
            Step::Index(index) => element(here.raw, *index)?,
        };
    }
    Some(here)
}

fn member<'a>(text: &'a str, name: &str) -> Option<Value<'a>> {
    let mut found = None;
    let walk = json::each_member(text, |key, value| {
        if json::unescape(key).is_some_and(|key| key == name) {
            found = Some(value);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    });
    walk.ok().and(found)
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
        assert_eq!(find(text, &steps).map(|v| v.raw), Some("x"));
        assert_eq!(find(text, &steps[..3]).map(|v| v.raw), Some(r#"{"c":"x"}"#));
        assert_eq!(find(text, &[Step::Field("k.z".into())]).map(|v| v.kind), Some(Kind::Boolean));
        assert_eq!(find(text, &[Step::Field("a".into()), Step::Index(0)]), None);
    }
}
