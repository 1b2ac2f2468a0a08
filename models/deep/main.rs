//! Writes a deep network as ONNX: `cargo run --release -p pleat-prover --example deep -- 512 -o deep512.onnx`; or a wide one,
//! with samples beside it: `… --example deep -- 4 --width 4096 -o wide.onnx`.

mod digits;
mod network;
mod wide;

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use network::Deep;

/// One convolution and the dense layer.
const LEAST_DEPTH: usize = 2;

/// Writes a network of many narrow convolutions, or of wide dense layers, with seeded weights, as ONNX
#[derive(Parser)]
struct Args {
    /// Layers: all but one are convolutions
    depth: usize,
    /// All layers are dense instead, of so many inputs and outputs; samples are written to a .npy file beside the network
    #[arg(long, value_name = "N")]
    width: Option<usize>,
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
    if let Some(width) = args.width {
        let samples = args.output.with_extension("npy");
        let written = std::fs::write(&args.output, wide::onnx(args.depth, width))
            .map_err(|e| e.to_string())
            .and_then(|()| wide::write_samples(&samples, width).map_err(|e| e.to_string()));
        if let Err(e) = written {
            eprintln!("cannot write {} or its samples: {e}", args.output.display());
            return ExitCode::from(2);
        }
        return ExitCode::SUCCESS;
    }
    let digits = match digits::digits(digits::NORMALISING) {
        Ok(digits) => digits,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::from(2);
        }
    };
    let network = Deep::new(args.depth, &digits);
    if let Err(e) = std::fs::write(&args.output, network.onnx()) {
        eprintln!("cannot write {}: {e}", args.output.display());
        return ExitCode::from(2);
    }
    let last: Vec<f32> = digits
        .iter()
        .filter_map(|digit| network.activations(digit).pop())
        .flatten()
        .collect();
    let alive = last.iter().filter(|v| **v > 0.0).count();
    let classes: HashSet<usize> = digits.iter().map(|digit| network.class(digit)).collect();
    eprintln!(
        "{} layers; {} % of the last convolution's outputs are not zero; {} digits fall into {} classes",
        args.depth,
        100 * alive / last.len().max(1),
        digits.len(),
        classes.len()
    );
    ExitCode::SUCCESS
}
