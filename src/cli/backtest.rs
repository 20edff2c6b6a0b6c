//! `gantry backtest`: what rules or policies would have done over stored history.

mod policy;
mod rules;

use super::Failure;
use clap::Subcommand;

#[derive(Clone, Debug, Subcommand)]
pub enum BacktestCommand {
    /// Which alerts would have fired, for how long, and who would have been told
    #[command(after_help = rules::EXAMPLES)]
    Rules(rules::RulesArgs),
    /// Replays stored signals through a policy of scaling
    #[command(after_help = policy::EXAMPLES)]
    Policy(policy::PolicyArgs),
}

pub async fn backtest(command: BacktestCommand) -> Result<(), Failure> {
    match command {
        BacktestCommand::Rules(args) => rules::rules(args).await,
        BacktestCommand::Policy(args) => policy::policy(args).await,
    }
}
