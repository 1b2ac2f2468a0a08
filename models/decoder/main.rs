//! Folders as Hugging Face has them, with weights from a seed: decoders of known shapes, for what depends on shapes and not on what
//! was learnt.
//!
//!     cargo run --release -p pleat-prover --example decoder -- gpt2 -o gpt2
#![allow(clippy::print_stdout, reason = "an example")]

mod folder;
mod network;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use network::Network;

/// Write a folder of config.json and model.safetensors with seeded weights.
#[derive(Parser)]
struct Args {
    /// nano (GPT-2's blocks without biases, 4 of width 64), nano-llama, gpt2, gpt2-medium or llama-1.1b
    shape: String,
    /// Blocks, if not the shape's own
    #[arg(long)]
    layers: Option<usize>,
    /// Seed of the weights
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let Some(mut network) = Network::named(&args.shape) else {
        return Err(format!("no shape is called {}", args.shape).into());
    };
    network.layers = args.layers.unwrap_or(network.layers);
    let parameters = folder::write(&network, args.seed, &args.output)?;
    println!(
        "{}: {} blocks, {:.2} million parameters",
        args.output.display(),
        network.layers,
        parameters as f64 / 1e6
    );
    Ok(())
}
