//! `pleat-verify-chain`: checks receipts that refer to each other, with their proofs.

use std::process::ExitCode;

use clap::Parser;
use pleat_verifier::command::{ChainArgs, ChainVerdict, program, run_chain};

/// Checks receipts of Pleat proofs that refer to each other: every proof, all that the receipts say, and that every input
/// that is said to be another proof's tensor carries its commitments.
///
/// Exit codes: 0 all holds, 1 it does not (the reason names receipt or link), 2 it could not be checked.
#[derive(Parser)]
#[command(
    version,
    after_help = "Example:
  pleat-verify-chain score.proof.receipt.json decision.proof.receipt.json"
)]
struct Cli {
    #[command(flatten)]
    chain: ChainArgs,
    /// Print one JSON object on standard output: valid, receipts, links, reason, seconds
    #[arg(long)]
    json: bool,
    /// Print nothing on standard error but errors
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    program::start_log(cli.quiet);
    let verdict = run_chain(&cli.chain, &mut || program::cached_key(cli.quiet));
    program::finish(verdict, ChainVerdict::exit_code, cli.json)
}
