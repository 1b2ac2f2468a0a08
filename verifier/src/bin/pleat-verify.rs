//! `pleat-verify`: checks a proof. It needs the verification model, the proof and nothing of the prover.

use std::process::ExitCode;

use clap::Parser;
use pleat_verifier::command::{self, Verdict, Verdicts, VerifyArgs, program, read_json};

/// Checks a Pleat proof: "the quantized network with this model id, run on this input, gives this output".
///
/// Prints what the proof shows. Exit codes: 0 the proof is valid, 1 it is invalid (the reason names the check that
/// refuses it), 2 it could not be checked (a missing file, a bad option).
///
/// DATA is JSON, {"input_data": [[…]]}, one list per tensor; outputs may stand in "output_data". Real numbers are rounded
/// to the model's integers before they are compared.
///
/// The first proof of the mode `chain` builds parameters (some seconds), which are cached for all models. Several proofs that
/// refer to each other are for `pleat-verify-chain`.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  pleat-verify credit_mlp.vmodel credit_mlp.proof
  pleat-verify credit_mlp.vmodel monday.proof tuesday.proof wednesday.proof
  pleat-verify credit_mlp.vmodel credit_mlp.proof --input applicant.json --output decision.json
  pleat-verify credit_mlp.vmodel credit_mlp.proof --opened input.opening --value applicant.json
  pleat-verify credit_mlp.vmodel credit_mlp.proof --receipt credit_mlp.proof.receipt.json"
)]
struct Cli {
    #[command(flatten)]
    verify: VerifyArgs,
    /// Print one JSON object on standard output: valid, model_id, seconds, input, output, opened, receipt, check, reason;
    /// of several proofs: valid, model_id, seconds, proofs, each with its file
    #[arg(long)]
    json: bool,
    /// Print nothing on standard error but errors
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    program::start_log(cli.quiet);
    let mut load = |spec: &str, request: &command::DataRequest<'_>| {
        let bytes = std::fs::read(spec).map_err(|e| e.to_string())?;
        read_json(&bytes, request)
    };
    let mut key = || program::cached_key(cli.quiet);
    if !cli.verify.more.is_empty() {
        let verdicts = command::run_several(&cli.verify, &mut key);
        return program::finish(verdicts, Verdicts::exit_code, cli.json);
    }
    let verdict = command::run(&cli.verify, &mut load, &mut key);
    program::finish(verdict, Verdict::exit_code, cli.json)
}
