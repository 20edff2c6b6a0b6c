//! Failures of commands and their exit codes.

use crate::config::ConfigErrors;
use std::fmt;
use std::io;
use std::process::ExitCode;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 64.
    Config(ConfigErrors),
    /// Exit code 69: nobody answers at the address.
    Unreachable { address: String, cause: String },
    /// Exit code 70: a vital part of the server failed.
    Server(String),
    /// Exit code 1.
    Other(anyhow::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Config(errors) => errors.fmt(f),
            Failure::Unreachable { address, cause } => write!(
                f,
                "no Gantry answers at {address}: {cause}\nStart one with: gantry up\nOr name another with --addr URL or GANTRY_ADDR."
            ),
            Failure::Server(cause) => f.write_str(cause),
            Failure::Other(cause) => write!(f, "{cause:#}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(cause: anyhow::Error) -> Self {
        Failure::Other(cause)
    }
}

impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        Failure::Other(cause.into())
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Failure::Config(errors)
    }
}

/// Says what went wrong, and turns it into a number. A reader that went away, such as `head`, is no failure.
pub fn code(outcome: Result<ExitCode, Failure>) -> ExitCode {
    let failure = match outcome {
        Ok(code) => return code,
        Err(failure) => failure,
    };
    if let Failure::Other(cause) = &failure
        && cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    {
        return ExitCode::SUCCESS;
    }
    eprintln!("gantry: {failure}");
    ExitCode::from(match failure {
        Failure::Config(_) => 64,
        Failure::Unreachable { .. } => 69,
        Failure::Server(_) => 70,
        Failure::Other(_) => 1,
    })
}
