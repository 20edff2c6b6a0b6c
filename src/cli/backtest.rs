//! `gantry backtest`: what rules or policies would have done over stored history.

mod policy;

use super::Failure;
use clap::Subcommand;

#[derive(Clone, Debug, Subcommand)]
pub enum BacktestCommand {
    /// Replays stored signals through a policy of scaling
    #[command(after_help = policy::EXAMPLES)]
    Policy(policy::PolicyArgs),
}

pub async fn backtest(command: BacktestCommand) -> Result<(), Failure> {
    match command {
        BacktestCommand::Policy(args) => policy::policy(args).await,
    }
}
