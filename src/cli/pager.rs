//! Long answers through `$PAGER`.

use std::io::{self, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

/// Where a command prints: standard output, or a pager in front of it.
#[derive(Debug)]
pub enum Printer {
    Plain(io::Stdout),
    Paged(Child),
}

impl Printer {
    /// A pager when standard output is a terminal and `paged` is wanted; `less` when `$PAGER` is not set.
    pub fn new(paged: bool) -> Self {
        let wanted = paged && io::stdout().is_terminal();
        match wanted.then(start_pager).flatten() {
            Some(child) => Printer::Paged(child),
            None => Printer::Plain(io::stdout()),
        }
    }

    pub fn line(&mut self, text: &str) -> io::Result<()> {
        match self {
            Printer::Plain(out) => writeln!(out, "{text}"),
            Printer::Paged(child) => match &mut child.stdin {
                Some(pipe) => writeln!(pipe, "{text}"),
                None => Ok(()),
            },
        }
    }

    /// Waits until the reader has closed the pager.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Printer::Plain(mut out) => out.flush(),
            Printer::Paged(mut child) => {
                drop(child.stdin.take());
                child.wait().map(drop)
            }
        }
    }
}

fn start_pager() -> Option<Child> {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less".to_owned());
    let mut words = pager.split_whitespace();
    let mut command = Command::new(words.next()?);
    command.args(words).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // Colours through, no paging of what fits on the screen, and leave it there.
        command.env("LESS", "FRX");
    }
    command.spawn().ok()
}
