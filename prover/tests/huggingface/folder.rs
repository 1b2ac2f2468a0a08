//! Folders with seeded weights, in all ways to store them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::{Map, Value, json};

/// How floats are stored.
#[derive(Clone, Copy)]
pub enum Dtype {
    F32,
    F16,
    Bf16,
}

/// Tensors by name. Matrices are of 64ths, which every type holds exactly.
#[derive(Clone, Default)]
pub struct Tensors(pub BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Tensors {
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn vector(&self, name: &str) -> Vec<f64> {
        self.0[name].1.iter().map(|v| f64::from(*v)).collect()
    }

    pub fn matrix(&self, name: &str) -> Vec<Vec<f64>> {
        let columns = self.0[name].0[1];
        self.vector(name)
            .chunks(columns)
            .map(<[f64]>::to_vec)
            .collect()
    }

    fn add(&mut self, rng: &mut ChaCha8Rng, name: String, shape: &[usize], mean: i32, spread: i32) {
        let span = 2 * u32::try_from(spread).unwrap() + 1;
        let len = shape.iter().product();
        let value = |v: u32| (mean + i32::try_from(v % span).unwrap() - spread) as f32 / 64.0;
        let values = (0..len).map(|_| value(rng.next_u32())).collect();
        self.0.insert(name, (shape.to_vec(), values));
    }

    /// GPT-2's: `layers` blocks of width 12, vocabulary 11, 8 positions.
    pub fn gpt2(layers: usize) -> Self {
        let (mut t, mut rng) = (Self::default(), ChaCha8Rng::seed_from_u64(1));
        let mut add = |name: String, shape: &[usize], mean, spread| {
            t.add(&mut rng, format!("transformer.{name}"), shape, mean, spread)
        };
        add("wte.weight".into(), &[11, 12], 0, 40);
        add("wpe.weight".into(), &[8, 12], 0, 20);
        let mut vectors = vec![("ln_f".to_owned(), 12)];
        for layer in 0..layers {
            let p = format!("h.{layer}");
            vectors.extend([(format!("{p}.ln_1"), 12), (format!("{p}.ln_2"), 12)]);
            for (name, inputs, outputs) in [
                ("attn.c_attn", 12, 36),
                ("attn.c_proj", 12, 12),
                ("mlp.c_fc", 12, 48),
                ("mlp.c_proj", 48, 12),
            ] {
                add(format!("{p}.{name}.weight"), &[inputs, outputs], 0, 30);
                add(format!("{p}.{name}.bias"), &[outputs], 0, 8);
            }
        }
        for (name, len) in vectors {
            add(format!("{name}.weight"), &[len], 64, 16);
            add(format!("{name}.bias"), &[len], 0, 8);
        }
        t
    }

    /// Llama's: `layers` blocks of width 16, four heads of queries, two of keys; vocabulary 11.
    pub fn llama(layers: usize, tied: bool) -> Self {
        let (mut t, mut rng) = (Self::default(), ChaCha8Rng::seed_from_u64(2));
        let mut add = |name: &str, shape: &[usize], mean, spread| {
            t.add(&mut rng, format!("{name}.weight"), shape, mean, spread)
        };
        add("model.embed_tokens", &[11, 16], 0, 60);
        add("model.norm", &[16], 64, 16);
        if !tied {
            add("lm_head", &[11, 16], 0, 40);
        }
        for layer in 0..layers {
            let p = format!("model.layers.{layer}");
            for (name, outputs, inputs) in [
                ("self_attn.q_proj", 16, 16),
                ("self_attn.k_proj", 8, 16),
                ("self_attn.v_proj", 8, 16),
                ("self_attn.o_proj", 16, 16),
                ("mlp.gate_proj", 24, 16),
                ("mlp.up_proj", 24, 16),
                ("mlp.down_proj", 16, 24),
            ] {
                add(&format!("{p}.{name}"), &[outputs, inputs], 0, 25);
            }
            add(&format!("{p}.input_layernorm"), &[16], 64, 16);
            add(&format!("{p}.post_attention_layernorm"), &[16], 64, 16);
        }
        t
    }

    /// BERT's: `layers` blocks of width 8, vocabulary 13, 8 positions.
    pub fn bert(layers: usize) -> Self {
        let (mut t, mut rng) = (Self::default(), ChaCha8Rng::seed_from_u64(3));
        let mut add = |name: String, shape: &[usize], mean, spread| {
            t.add(&mut rng, name, shape, mean, spread)
        };
        let mut norms = vec!["embeddings.LayerNorm".to_owned()];
        for (name, len) in [("word", 13), ("position", 8), ("token_type", 2)] {
            add(
                format!("embeddings.{name}_embeddings.weight"),
                &[len, 8],
                0,
                40,
            );
        }
        for layer in 0..layers {
            let p = format!("encoder.layer.{layer}");
            for (name, outputs, inputs) in [
                ("attention.self.query", 8, 8),
                ("attention.self.key", 8, 8),
                ("attention.self.value", 8, 8),
                ("attention.output.dense", 8, 8),
                ("intermediate.dense", 20, 8),
                ("output.dense", 8, 20),
            ] {
                add(format!("{p}.{name}.weight"), &[outputs, inputs], 0, 30);
                add(format!("{p}.{name}.bias"), &[outputs], 0, 8);
            }
            norms.push(format!("{p}.attention.output.LayerNorm"));
            norms.push(format!("{p}.output.LayerNorm"));
        }
        for name in norms {
            add(format!("{name}.weight"), &[8], 64, 16);
            add(format!("{name}.bias"), &[8], 0, 8);
        }
        t
    }

    /// Writes them to one file, or to several with an index.
    pub fn write(&self, folder: &Path, dtype: Dtype, files: usize) {
        let all: Vec<_> = self.0.iter().collect();
        let mut places = Map::new();
        for (i, part) in all.chunks(all.len().div_ceil(files)).enumerate() {
            let name = match files {
                1 => "model.safetensors".to_owned(),
                n => format!("model-{i}-of-{n}.safetensors"),
            };
            let (mut header, mut data) = (Map::new(), Vec::new());
            for (tensor, (shape, values)) in part {
                let start = data.len();
                for v in values {
                    match dtype {
                        Dtype::F32 => data.extend(v.to_le_bytes()),
                        Dtype::F16 => data.extend(half::f16::from_f32(*v).to_le_bytes()),
                        Dtype::Bf16 => data.extend(half::bf16::from_f32(*v).to_le_bytes()),
                    }
                }
                let kind = match dtype {
                    Dtype::F32 => "F32",
                    Dtype::F16 => "F16",
                    Dtype::Bf16 => "BF16",
                };
                header.insert(
                    (*tensor).clone(),
                    json!({"dtype": kind, "shape": shape, "data_offsets": [start, data.len()]}),
                );
                places.insert((*tensor).clone(), json!(name));
            }
            header.insert("__metadata__".into(), json!({"format": "pt"}));
            let header = Value::Object(header).to_string();
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.extend(data);
            fs::write(folder.join(name), bytes).unwrap();
        }
        if files > 1 {
            let index = json!({"metadata": {}, "weight_map": places});
            fs::write(
                folder.join("model.safetensors.index.json"),
                index.to_string(),
            )
            .unwrap();
        }
    }
}

pub fn config(folder: &Path, config: &Value) {
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

pub fn gpt2_config(layers: usize) -> Value {
    json!({"model_type": "gpt2", "vocab_size": 11, "n_positions": 8, "n_embd": 12, "n_layer": layers, "n_head": 3,
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5})
}

pub fn llama_config(layers: usize, tied: bool) -> Value {
    json!({"model_type": "llama", "vocab_size": 11, "max_position_embeddings": 64, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": layers, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "tie_word_embeddings": tied})
}

pub fn bert_config(layers: usize) -> Value {
    json!({"model_type": "bert", "vocab_size": 13, "max_position_embeddings": 8, "type_vocab_size": 2, "hidden_size": 8,
        "intermediate_size": 20, "num_hidden_layers": layers, "num_attention_heads": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12})
}
