//! `eval instant at 5m query`, `eval range from 0 to 10m step 1m query`, and the lines below.

use super::expect::{Block, expectations};
use super::{Eval, EvalTime, Lines, Match, ScriptError, millis};

/// `head` is the first line.
pub fn eval(head: &str, lines: &mut Lines<'_>) -> Result<Eval, ScriptError> {
    let line = lines.at;
    let (mode, time, query) = head_line(head).map_err(|message| lines.error(message))?;
    let mut block = Block::default();
    match mode {
        "" => {}
        "ordered" => block.ordered = true,
        "fail" => block.fail = Some(Match::Any),
        "warn" => block.warn.push(Match::Any),
        "info" => block.info.push(Match::Any),
        other => return Err(lines.error(format!("invalid evaluation command: eval_{other}"))),
    }
    expectations(&mut block, matches!(time, EvalTime::Instant(_)), lines)?;
    let Block { ordered, fail, warn, info, no_warn, no_info, expected } = block;
    let query = query.to_owned();
    Ok(Eval { line, query, time, ordered, fail, warn, info, no_warn, no_info, expected })
}

const USAGE: &str = "invalid evaluation command. Must be either 'eval[_fail|_warn|_ordered|_info] instant [at <offset:duration>] \
                     <query>' or 'eval[_fail|_warn|_info] range from <from> to <to> step <step> <query>'";

/// What is asked of the query beside its result (`eval_fail`), its time, and itself.
fn head_line(head: &str) -> Result<(&str, EvalTime, &str), String> {
    let (command, rest) = word(head);
    let mode = command.strip_prefix("eval").unwrap_or_default();
    let mode = mode.strip_prefix('_').unwrap_or(mode);
    let (kind, rest) = word(rest);
    match kind {
        "instant" => {
            let (at, query) = match word(rest) {
                ("at", rest) => word(rest),
                _ => ("0", rest),
            };
            let at = millis(at).map_err(|error| format!("invalid timestamp definition \"{at}\": {error}"))?;
            Ok((mode, EvalTime::Instant(at), nonempty(query)?))
        }
        "range" => {
            let (time, query) = range(rest)?;
            Ok((mode, time, nonempty(query)?))
        }
        _ => Err(USAGE.into()),
    }
}

fn nonempty(query: &str) -> Result<&str, String> {
    if query.is_empty() { Err(USAGE.into()) } else { Ok(query) }
}

/// `from 0 to 10m step 1m`, and what follows.
pub fn range(text: &str) -> Result<(EvalTime, &str), String> {
    let mut rest = text;
    let mut times = [0; 3];
    let words = [("from", "start timestamp"), ("to", "end timestamp"), ("step", "step")];
    for (time, (name, meaning)) in times.iter_mut().zip(words) {
        let (found, after) = word(rest);
        let (value, after) = word(after);
        if found != name {
            return Err(USAGE.into());
        }
        *time = millis(value).map_err(|error| format!("invalid {meaning} definition \"{value}\": {error}"))?;
        rest = after;
    }
    let [start, end, step] = times;
    if end < start {
        return Err("invalid test definition, end timestamp is before start timestamp".into());
    }
    Ok((EvalTime::Range { start, end, step }, rest))
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start())
}
