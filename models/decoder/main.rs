//! Folders as Hugging Face has them, with weights from a seed: decoders of known shapes, for what depends on shapes and not on what
//! was learnt.
//!
//!     cargo run --release -p pleat-prover --example decoder -- gpt2 -o gpt2
//!
//! Weights have variance gain²/inputs, with the gains of `make.py`, which keep every inner tensor's deviation near 1; they are sums of
//! four uniform numbers, so none is beyond 3.5 deviations. Each depends on the seed and its tensor's name alone.
#![allow(clippy::print_stdout, reason = "an example")]

mod network;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;
use half::bf16;
use network::{Network, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::{Map, Value, json};
use sha3::{Digest, Sha3_256};

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
    fs::create_dir_all(&args.output)?;
    let config = serde_json::to_string_pretty(&network.config())?;
    fs::write(args.output.join("config.json"), config)?;
    let tensors = network.tensors();
    let each = network.element_bytes();
    let mut header = Map::new();
    let mut offset = 0;
    for tensor in &tensors {
        let end = offset + each * tensor.len();
        let dtype = if each == 2 { "BF16" } else { "F32" };
        let entry = json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [offset, end] });
        header.insert(tensor.name.clone(), entry);
        offset = end;
    }
    let mut header = Value::Object(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = BufWriter::new(File::create(args.output.join("model.safetensors"))?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for tensor in &tensors {
        for value in values(tensor, args.seed) {
            if each == 2 {
                file.write_all(&bf16::from_f32(value).to_le_bytes())?;
            } else {
                file.write_all(&value.to_le_bytes())?;
            }
        }
    }
    file.flush()?;
    let parameters: usize = tensors.iter().map(Tensor::len).sum();
    println!(
        "{}: {} blocks, {} tensors, {:.2} million parameters",
        args.output.display(),
        network.layers,
        tensors.len(),
        parameters as f64 / 1e6
    );
    Ok(())
}

/// A tensor's values, row-major.
fn values(tensor: &Tensor, seed: u64) -> Vec<f32> {
    let key = Sha3_256::digest(format!("{seed} {}", tensor.name));
    let mut rng = ChaCha8Rng::from_seed(key.into());
    let mut normal = || {
        let bits = rng.next_u64();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        (sum as f32 / 65_536.0 - 2.0) * 3.0_f32.sqrt()
    };
    let columns = tensor.shape.last().copied().unwrap_or(1);
    let gain = |i: usize| tensor.gains[(i % columns) * tensor.gains.len() / columns];
    let mut values: Vec<f32> = (0..tensor.len())
        .map(|i| tensor.mean + gain(i) * normal())
        .collect();
    if tensor.balanced {
        // GELU's mean is not 0; columns whose sum is 0 keep it from adding the same to all tokens.
        let mut sums = vec![0.0; columns];
        for row in values.chunks(columns) {
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        let rows = (values.len() / columns) as f32;
        for row in values.chunks_mut(columns) {
            row.iter_mut().zip(&sums).for_each(|(v, s)| *v -= s / rows);
        }
    }
    values
}
