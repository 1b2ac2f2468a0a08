//! A network's folder: `config.json` and `model.safetensors`.
//!
//! Weights have variance gain²/inputs, with the gains of `make.py`, which keep every inner tensor's deviation near 1; they are sums of
//! four uniform numbers, so none is beyond 3.5 deviations. Each depends on the seed and its tensor's name alone.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use half::bf16;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::{Map, Value, json};
use sha3::{Digest, Sha3_256};

use super::network::{Network, Tensor};

/// Writes the folder; how many parameters there are.
pub fn write(network: &Network, seed: u64, folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let config = serde_json::to_string_pretty(&network.config())?;
    fs::write(folder.join("config.json"), config)?;
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
    let mut file = BufWriter::new(File::create(folder.join("model.safetensors"))?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    for tensor in &tensors {
        for value in values(tensor, seed) {
            if each == 2 {
                file.write_all(&bf16::from_f32(value).to_le_bytes())?;
            } else {
                file.write_all(&value.to_le_bytes())?;
            }
        }
    }
    file.flush()?;
    Ok(tensors.iter().map(Tensor::len).sum())
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
