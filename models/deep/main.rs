//! Writes a deep network as ONNX: `cargo run --release -p pleat-prover --example deep -- 512 -o deep512.onnx`.

mod digits;
mod network;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use network::{Deep, LEAST_DEPTH};

/// Writes a network of many narrow convolutions, with seeded weights, as ONNX
#[derive(Parser)]
struct Args {
    /// Layers: all but one are convolutions
    depth: usize,
    /// The file to write
    #[arg(short)]
    output: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.depth < LEAST_DEPTH {
        eprintln!("a network has at least {LEAST_DEPTH} layers");
        return ExitCode::from(2);
    }
    let digits = match digits::digits(digits::NORMALISING) {
        Ok(digits) => digits,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    if let Err(e) = std::fs::write(&args.output, Deep::new(args.depth, &digits).onnx()) {
        eprintln!("cannot write {}: {e}", args.output.display());
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}
