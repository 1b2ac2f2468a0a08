//! `pleat-verify`: checks a proof. It needs the verification model, the proof and nothing of the prover.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use pleat_nova_circuits::params::{CacheFolder, SetupEvent, VerifierKey};
use pleat_verifier::command::{self, CommandError, EXIT_FAILED, Failure, VerifyArgs, read_json};

/// Checks a Pleat proof: "the quantized network with this model id, run on this input, gives this output".
///
/// Prints what the proof shows. Exit codes: 0 the proof is valid, 1 it is invalid (the reason names the check that
/// refuses it), 2 it could not be checked (a missing file, a bad option).
///
/// DATA is JSON, {"input_data": [[…]]}, one list per tensor; outputs may stand in "output_data". Real numbers are rounded
/// to the model's integers before they are compared.
///
/// The first run builds parameters (some seconds), which are cached for all models.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  pleat-verify credit_mlp.vmodel credit_mlp.proof
  pleat-verify credit_mlp.vmodel credit_mlp.proof --input applicant.json --output decision.json
  pleat-verify credit_mlp.vmodel credit_mlp.proof --opened input.opening --value applicant.json"
)]
struct Cli {
    #[command(flatten)]
    verify: VerifyArgs,
    /// Print one JSON object on standard output: valid, model_id, seconds, input, output, opened, check, reason
    #[arg(long)]
    json: bool,
    /// Print nothing on standard error but errors
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let level = if cli.quiet { "error" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    let mut load = |spec: &str, request: &command::DataRequest<'_>| {
        let bytes = std::fs::read(spec).map_err(|e| e.to_string())?;
        read_json(&bytes, request)
    };
    let mut key = || {
        VerifierKey::load_or_build(&CacheFolder::from_environment(), &mut |event| {
            if !cli.quiet && event == SetupEvent::Building {
                let _ = writeln!(
                    std::io::stderr(),
                    "building the parameters that all models share (some seconds, once)"
                );
            }
        })
    };
    let (text, code) = match command::run(&cli.verify, &mut load, &mut key) {
        Ok(verdict) if cli.json => (json(&verdict), verdict.exit_code()),
        Ok(verdict) => (verdict.to_string(), verdict.exit_code()),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            (
                if cli.json {
                    failure(&error)
                } else {
                    String::new()
                },
                EXIT_FAILED,
            )
        }
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(code.max(EXIT_FAILED)),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).map_or_else(|e| format!("{{\"error\":\"{e}\"}}\n"), |s| s + "\n")
}

fn failure(error: &CommandError) -> String {
    json(&Failure {
        error: error.to_string(),
    })
}
