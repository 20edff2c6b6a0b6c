//! What commands print on standard output: `say!` a line, `put!` a text as it is.
//!
//! A reader that went away, such as `head`, ends no command: what was asked for is still done, and its exit code is
//! true. A standard output that cannot take what is printed, such as a full disk, is a failure. Never here: errors of
//! commands, see [`super::exit`], and long answers, see [`super::pager`].

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

/// Prints a line, as `println!` does.
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::say::line(format_args!($($words)*)) };
}

/// Prints a text, as `print!` does.
macro_rules! put {
    ($($words:tt)*) => { $crate::cli::say::text(format_args!($($words)*)) };
}

/// A line; what `say!` calls.
pub fn line(words: Arguments<'_>) {
    text(format_args!("{words}\n"));
}

/// A text as it is; what `put!` calls.
pub fn text(words: Arguments<'_>) {
    match io::stdout().lock().write_fmt(words) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("gantry: standard output: {error}");
            std::process::exit(1);
        }
        _ => {}
    }
}
