//! The `pleat` command line: compile, prove, verify and what goes with them. The work is the library's; here are options,
//! files, messages and exit codes.

mod args;
mod batch;
mod compile;
mod console;
mod demo;
mod error;
mod inspect;
mod link;
mod memory;
mod open;
mod paths;
mod prove;
mod receipt;
mod run;
mod seconds;
#[cfg(feature = "serve")]
mod service;
mod setup;
mod tensors;
mod text;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use pleat_verifier::command::{EXIT_FAILED, EXIT_GOOD};

use args::{Cli, Command};
use console::Console;
use error::CliError;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_standard_error(cli.common.quiet);
    let console = Console::new(cli.common.json, cli.common.quiet);
    let code = run(&cli.command, &console);
    ExitCode::from(code.unwrap_or_else(|error| {
        console.fail(&error);
        EXIT_FAILED
    }))
}

fn run(command: &Command, console: &Console) -> Result<u8, CliError> {
    match command {
        Command::Compile(args) => console.finish(&compile::compile(args, console)?)?,
        Command::Prove(args) => {
            let proved = prove::prove(args, console)?;
            console.finish(&proved)?;
            console.note(&proved.seconds.table());
        }
        Command::Verify(args) if !args.verify.more.is_empty() => {
            let verdicts = verify::verify_several(&args.verify, console)?;
            console.finish(&verdicts)?;
            return Ok(verdicts.exit_code());
        }
        Command::Verify(args) => {
            let verdict = verify::verify_text(args, console)?;
            console.finish(&verdict)?;
            return Ok(verdict.verdict.exit_code());
        }
        Command::VerifyChain(args) => {
            let verdict = verify::verify_chain(args, console)?;
            console.finish(&verdict)?;
            return Ok(verdict.exit_code());
        }
        Command::VerifyMany(args) => {
            let verdict = verify::verify_many(args, console)?;
            console.finish(&verdict)?;
            return Ok(verdict.exit_code());
        }
        Command::Run(args) => console.finish(&run::run(args, console)?)?,
        Command::Inspect(args) => console.finish(&inspect::inspect(args)?)?,
        Command::Setup => console.finish(&setup::setup(console)?)?,
        Command::Demo => {
            let demo = demo::demo(console)?;
            console.finish(&demo)?;
            return Ok(demo.exit_code());
        }
        Command::Batch(args) => console.finish(&batch::batch(args)?)?,
        Command::Open(args) => console.finish(&open::open(args)?)?,
        #[cfg(feature = "serve")]
        Command::Mcp(args) => service::mcp(args)?,
        #[cfg(feature = "serve")]
        Command::Serve(args) => service::serve(args, console)?,
    }
    Ok(EXIT_GOOD)
}

/// Warnings of the libraries, or what `RUST_LOG` asks for.
fn log_to_standard_error(quiet: bool) {
    use tracing_subscriber::EnvFilter;
    // The importer warns of every operator set that it has not been tried on; the compiler compares results instead.
    let level = if quiet {
        "error"
    } else {
        "warn,tract_onnx=error,rmcp=error"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
}
