//! Scripts, and what is wrong with some.

use super::*;

fn one_eval(script: &str) -> Eval {
    match parse_script(script).unwrap_or_else(|error| panic!("{script}: {error}")).pop() {
        Some(Command::Eval(eval)) => *eval,
        other => panic!("{other:?}"),
    }
}

fn refused(script: &str) -> String {
    parse_script(script).unwrap_err().to_string()
}

#[test]
fn series_are_loaded_and_cleared() {
    let script =
        "# a comment\nload 30s\n  a{b=\"c\"} 1+1x2\n\t b 5\n  # not the end? it is\n\nclear\nload_with_nhcb 5m\n c 1";
    let commands = parse_script(script).unwrap();
    let [Command::Load(first), Command::Clear, Command::Load(second)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((first.line, first.step_ms, first.with_nhcb, first.series.len()), (2, 30_000, false, 2));
    assert_eq!((second.step_ms, second.with_nhcb), (300_000, true));
}

#[test]
fn starts_stand_before_their_series() {
    let commands = parse_script("load 1m\n a@st _ -30s-10sx2 0 _x2\n a 1 2 3 4 5 6 7").unwrap();
    let Some(Command::Load(load)) = commands.first() else { panic!("{commands:?}") };
    let starts = [None, Some(-30_000), Some(-40_000), Some(-50_000), Some(0), None, None];
    assert_eq!(load.series[0].starts, starts);
    assert_eq!(refused("load 1m\n a@st 0"), "line 3: @st line has no following sample line");
    assert!(refused("load 1m\n a@st 0\n a 1x1").contains("@st line has 1 values but sample line has 2"));
    assert!(refused("load 1m\n a@st 0\n b 1").contains("@st metric does not match"));
}

#[test]
fn queries_have_times() {
    let instant = one_eval("eval instant at 1m30s sum by (a) (b)\n  {a=\"1\"} 5\n");
    assert_eq!((instant.query.as_str(), instant.time), ("sum by (a) (b)", EvalTime::Instant(90_000)));
    assert_eq!(one_eval("eval instant 1 + 1\n 2").time, EvalTime::Instant(0));
    let range = one_eval("eval range from 1m to 10m step 30s rate(a[5m])\n {} 1x3 _");
    assert_eq!(range.time, EvalTime::Range { start: 60_000, end: 600_000, step: 30_000 });
    assert_eq!(range.query, "rate(a[5m])");
    let Expected::Series(series) = range.expected else { panic!("series") };
    assert_eq!(series[0].1.len(), 2);
}

#[test]
fn results_are_numbers_strings_or_series() {
    assert_eq!(one_eval("eval instant at 0 -5\n -5").expected, Expected::Scalar(-5.0));
    assert_eq!(one_eval("eval instant at 0 NaN\n NaN").line, 1);
    assert_eq!(one_eval("eval instant at 0 \"a\"\n expect string \"a\\n\"").expected, Expected::String("a\n".into()));
    let matrix = one_eval("eval instant at 1m a[1m]\n expect range vector from 10s to 1m step 10s\n a 1 2 3");
    let Expected::RangeVector { start, end, step, series } = matrix.expected else { panic!("a range vector") };
    assert_eq!((start, end, step, series.len()), (10_000, 60_000, 10_000, 1));
}

#[test]
fn messages_are_expected() {
    let eval = one_eval(
        "eval instant at 0 a\nexpect warn msg: hot (1:1)\nexpect warn regex: ^co+l\nexpect no_info\nexpect ordered\n a 1",
    );
    assert!(eval.ordered && eval.no_info && !eval.no_warn);
    assert!(eval.warn[0].matches("hot (1:1)") && !eval.warn[0].matches("hot"));
    assert!(eval.warn[1].matches("coool down") && !eval.warn[1].matches("too cool"));
    let fail = |script| one_eval(script).fail.unwrap();
    assert!(fail("eval instant at 0 a\n expect fail").matches("anything"));
    assert!(fail("eval instant at 0 a\n expect fail msg:bad").matches("bad"));
    assert!(fail("eval_fail instant at 0 a\n expected_fail_message bad thing").matches("bad thing"));
    assert!(fail("eval_fail range from 0 to 1m step 1m a\n expected_fail_regexp b.d").matches("it is bad"));
    assert!(matches!(one_eval("eval_warn instant at 0 a").warn[..], [Match::Any]));
}

#[test]
fn mistakes_are_named_with_their_line() {
    assert_eq!(refused("\nfoo"), "line 2: invalid command \"foo\"");
    assert_eq!(refused("load 1"), "line 1: invalid step definition \"1\": not a valid duration string: \"1\"");
    assert_eq!(refused("load 1m\n a 1y"), "line 2: 1:4: parse error: unexpected character 'y' in series values");
    assert!(refused("eval later 1").starts_with("line 1: invalid evaluation command."));
    assert!(refused("eval instant at 0 a\n a 1 2").starts_with("line 2: expecting multiple values"));
    assert!(refused("eval instant at 0 a\nexpect warn\nexpect no_warn").contains("warn and no_warn"));
    assert!(refused("eval range from 5m to 0 step 1m a").contains("end timestamp is before"));
}
