use super::*;
use proptest::prelude::*;
use std::sync::Arc;

fn entries(options: &MultilineOptions, text: &str) -> Vec<String> {
    let mut joiner = Joiner::new(Arc::new(Detector::new(options).unwrap()));
    let mut all = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        all.extend(joiner.push(line, number));
    }
    all.extend(joiner.finish());
    for (at, entry) in all.iter().enumerate() {
        let before: usize = all[..at].iter().map(|entry| entry.lines).sum();
        assert_eq!((entry.first, entry.text.split('\n').count()), (before, entry.lines));
    }
    all.into_iter().map(|entry| entry.text).collect()
}

/// Each part is one entry, in the midst of lines that are none of it.
fn assert_one_entry(trace: &str) {
    let (before, after) = ("2024-05-14 10:00:00 INFO before", "2024-05-14 10:00:01 INFO after");
    let got = entries(&MultilineOptions::default(), &format!("{before}\n{trace}\n{after}\nlast"));
    assert_eq!(got, [before, trace, after, "last"]);
}

#[test]
fn java_traces_with_causes_are_one_entry() {
    assert_one_entry(concat!(
        "Exception in thread \"main\" java.lang.IllegalStateException: A book has a null property\n",
        "\tat com.example.myproject.Author.getBookIds(Author.java:38)\n",
        "\tat com.example.myproject.Bootstrap.main(Bootstrap.java:14)\n",
        "Caused by: java.lang.NullPointerException\n",
        "\tat com.example.myproject.Book.getId(Book.java:22)\n",
        "\t... 1 more\n",
        "\tSuppressed: java.io.IOException: closed\n",
        "\t\tat com.example.myproject.Book.close(Book.java:30)\n",
        "\t\t... 2 common frames omitted"
    ));
    assert_one_entry("java.lang.RuntimeException: no frames yet\n\tat a.B.c(B.java:1)");
}

#[test]
fn the_line_of_the_logger_belongs_to_the_exception_after_it() {
    assert_one_entry(concat!(
        "2024-05-14 10:00:00.123 ERROR [main] c.e.Shop - could not pay\n",
        "org.shop.PaymentException: card refused\n",
        "\tat org.shop.Pay.go(Pay.java:7)\n",
        "Caused by: org.shop.Gateway$Refused: 402\n",
        "\tat org.shop.Gateway.call(Gateway.java:70)\n",
        "\t... 17 more"
    ));
    assert_one_entry(concat!(
        "ERROR:root:boom\n",
        "Traceback (most recent call last):\n",
        "  File \"a.py\", line 2, in <module>\n",
        "    1/0\n",
        "ZeroDivisionError: division by zero"
    ));
}

#[test]
fn an_exception_after_a_line_that_tells_of_no_error_is_an_entry_of_its_own() {
    let text = "2024-05-14 INFO started\njava.lang.Exception: x\n\tat a.B.c(B.java:1)";
    assert_eq!(entries(&MultilineOptions::default(), text).len(), 2);
}

#[test]
fn chained_python_tracebacks_are_one_entry() {
    assert_one_entry(concat!(
        "Traceback (most recent call last):\n",
        "  File \"/srv/app.py\", line 3, in load\n",
        "    return d[\"k\"]\n",
        "           ~^^^^^\n",
        "KeyError: 'k'\n",
        "\n",
        "During handling of the above exception, another exception occurred:\n",
        "\n",
        "Traceback (most recent call last):\n",
        "  File \"/srv/app.py\", line 9, in <module>\n",
        "    raise app.errors.Missing(\"k\")\n",
        "app.errors.Missing: k"
    ));
}

#[test]
fn go_panics_and_goroutine_dumps_are_one_entry() {
    assert_one_entry(concat!(
        "panic: runtime error: invalid memory address or nil pointer dereference\n",
        "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47a1b2]\n",
        "\n",
        "goroutine 1 [running]:\n",
        "main.(*Server).handle(0x0, {0x1, 0x2})\n",
        "\t/src/main.go:12 +0x1d\n",
        "github.com/x/y/z.Run(...)\n",
        "\t/src/z.go:7\n",
        "created by main.main in goroutine 1\n",
        "\t/src/main.go:8 +0x2a\n",
        "\n",
        "goroutine 18 [select, 2 minutes]:\n",
        "net/http.(*conn).serve(0xc000)\n",
        "\t/usr/lib/go/src/net/http/server.go:1995 +0x8d\n",
        "exit status 2"
    ));
}

#[test]
fn dot_net_ruby_and_node_traces_are_one_entry() {
    assert_one_entry(concat!(
        "Unhandled exception. System.InvalidOperationException: outer\n",
        " ---> System.ArgumentNullException: Value cannot be null. (Parameter 'x')\n",
        "   at Shop.Cart.Add(Item x) in /src/Cart.cs:line 12\n",
        "   --- End of inner exception stack trace ---\n",
        "   at Shop.Program.Main() in /src/Program.cs:line 5"
    ));
    assert_one_entry(concat!(
        "/srv/app.rb:3:in `divide': divided by 0 (ZeroDivisionError)\n",
        "\tfrom /srv/app.rb:7:in `block in <main>'\n",
        "\tfrom /srv/app.rb:9:in `<main>'"
    ));
    assert_one_entry(concat!(
        "TypeError: Cannot read properties of undefined (reading 'id')\n",
        "    at getUser (/srv/app.js:10:15)\n",
        "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {\n",
        "  code: 'E_USER'\n",
        "}"
    ));
}

#[test]
fn indented_lines_continue_any_line_and_others_do_not() {
    let text = "plain\n  more of it\n\teven more\nnext\n\n  after a blank line\n  10:00:00 a new one";
    let expected = ["plain\n  more of it\n\teven more", "next", "", "  after a blank line", "  10:00:00 a new one"];
    assert_eq!(entries(&MultilineOptions::default(), text), expected);
}

#[test]
fn a_start_pattern_is_all_that_is_looked_at() {
    let options = MultilineOptions { start_pattern: Some(r"^\[".to_owned()), ..MultilineOptions::default() };
    assert_eq!(entries(&options, "[1] a\nb\n\nc\n[2] d\n\te"), ["[1] a\nb\n\nc", "[2] d\n\te"]);
}

#[test]
fn an_entry_at_its_limit_is_complete_and_the_next_line_begins_another() {
    let lines = MultilineOptions { max_lines: 2, ..MultilineOptions::default() };
    assert_eq!(entries(&lines, "a\n 1\n 2\n 3"), ["a\n 1", " 2\n 3"]);
    let bytes = MultilineOptions { max_bytes: 5, ..MultilineOptions::default() };
    assert_eq!(entries(&bytes, "a\n 1\n 2\nlonger than all"), ["a\n 1", " 2", "longer than all"]);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let check = |options: MultilineOptions| options.check().unwrap_err().to_string();
    let default = MultilineOptions::default();
    assert!(
        check(MultilineOptions { start_pattern: Some("(".to_owned()), ..MultilineOptions::default() })
            .contains("start_pattern")
    );
    assert!(
        check(MultilineOptions { start_pattern: Some("a*".to_owned()), ..MultilineOptions::default() })
            .contains("every line")
    );
    assert!(check(MultilineOptions { max_lines: 0, ..default }).contains("more than 0"));
}

proptest! {
    /// Whatever comes: nothing is lost, changed or reordered, and no entry of several lines is over the limits.
    #[test]
    fn entries_put_together_are_the_lines(
        lines in proptest::collection::vec(
            prop_oneof![
                "[ \ta-z:.()]{0,12}", Just("Traceback (most recent call last):".to_owned()), Just("panic: x".to_owned()),
                Just("java.lang.Exception: x".to_owned()), Just("\tat a.b(C.java:1)".to_owned()), Just(String::new()),
                Just("Caused by: x".to_owned()), Just("ValueError: x".to_owned()), ".{0,20}",
            ],
            0..40,
        ),
        max_lines in 1usize..6,
        max_bytes in 1usize..80,
    ) {
        let lines: Vec<String> = lines.into_iter().map(|line| line.replace('\n', " ")).collect();
        let options = MultilineOptions { max_lines, max_bytes, ..MultilineOptions::default() };
        let text = lines.join("\n");
        let got = entries(&options, &text);
        prop_assert_eq!(got.join("\n"), text);
        for entry in got.iter().filter(|entry| entry.contains('\n')) {
            prop_assert!(entry.len() <= max_bytes && entry.split('\n').count() <= max_lines);
        }
    }
}
