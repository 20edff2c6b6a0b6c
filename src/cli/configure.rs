//! `gantry config`: is it right, and what is in force.

use super::{ConfigArgs, Failure};
use crate::config::{Config, Layers, dump, file_to_read};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Says everything that is wrong with a configuration
    #[command(after_help = "Example:\n  gantry config check /etc/gantry.toml && systemctl reload gantry")]
    Check {
        /// The file; without it the one that gantry up would read
        file: Option<PathBuf>,
    },
    /// Prints the configuration in force, as TOML
    #[command(after_help = "Example:\n  gantry config dump > gantry.toml")]
    Dump {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub fn configure(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { file } => {
            let layers = layers(file.or_else(|| std::env::var_os("GANTRY_CONFIG").map(PathBuf::from)));
            Config::load(&layers)?;
            say!("{}: ok", layers.source());
        }
        ConfigCommand::Dump { config } => {
            let config = Config::load(&layers(config.config))?;
            put!("{}", dump(&config).map_err(anyhow::Error::from)?);
        }
    }
    Ok(())
}

fn layers(named: Option<PathBuf>) -> Layers {
    Layers { file: file_to_read(named), environment: std::env::vars().collect(), flags: Vec::new() }
}
