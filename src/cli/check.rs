//! `gantry check`: is a data directory whole.

use super::Failure;
use anyhow::anyhow;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Example:
  gantry check /var/lib/gantry

Reads every file of the directory and compares it with its checksums and with the catalog. The server that owns the
directory must be stopped. Exits with 1 when something is wrong, after naming each finding.";

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// The data directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub fn check(args: &CheckArgs) -> Result<(), Failure> {
    if !args.dir.is_dir() {
        return Err(anyhow!("{} is no directory", args.dir.display()).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(gantry_store::check(&args.dir)).map_err(|error| anyhow!("{error}"))?;
    println!("{report}");
    if report.is_sound() { Ok(()) } else { Err(anyhow!("{} is damaged, see above", args.dir.display()).into()) }
}
