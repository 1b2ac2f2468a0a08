//! Shapes of decoders, what `config.json` says of them, and their tensors.

use serde_json::{Value, json};

/// A decoder.
pub struct Network {
    family: Family,
    pub layers: usize,
    width: usize,
    heads: usize,
    kv_heads: usize,
    inner: usize,
    vocabulary: usize,
    positions: usize,
    biases: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Gpt2,
    Llama,
}

/// A tensor: `mean + gain·normal`.
pub struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
    pub mean: f32,
    /// Of equal stretches of its columns.
    pub gains: Vec<f32>,
    /// Whether its columns have sum 0.
    pub balanced: bool,
}

impl Tensor {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn new(name: impl Into<String>, shape: &[usize], gains: &[f32]) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            mean: 0.0,
            gains: gains.to_vec(),
            balanced: false,
        }
    }

    /// A matrix whose weights are to have this effect on so many inputs.
    fn matrix(name: impl Into<String>, shape: &[usize], inputs: usize, gains: &[f32]) -> Self {
        let gains: Vec<f32> = gains.iter().map(|g| g / (inputs as f32).sqrt()).collect();
        Self::new(name, shape, &gains)
    }

    fn norm(name: impl Into<String>, width: usize) -> Self {
        Self {
            mean: 1.0,
            ..Self::new(name, &[width], &[SPREAD])
        }
    }
}

/// Deviation of biases, and of norms' factors from 1.
const SPREAD: f32 = 0.1;
/// Gains: scores are products of two, GELU and SwiGLU shrink.
const SCORES: f32 = 1.4;
const MIXED: f32 = 1.4;
const GELU: f32 = 1.5;
const SWIGLU: f32 = 1.7;

impl Network {
    pub fn named(name: &str) -> Option<Self> {
        let gpt2 = |layers, width, heads| Self {
            family: Family::Gpt2,
            layers,
            width,
            heads,
            kv_heads: heads,
            inner: 4 * width,
            vocabulary: 50257,
            positions: 1024,
            biases: true,
        };
        let llama = |layers, width, heads, kv_heads, inner| Self {
            family: Family::Llama,
            layers,
            width,
            heads,
            kv_heads,
            inner,
            vocabulary: 32000,
            positions: 2048,
            biases: false,
        };
        Some(match name {
            "nano" => Self {
                vocabulary: 65,
                positions: 64,
                biases: false,
                ..gpt2(4, 64, 4)
            },
            "nano-llama" => Self {
                vocabulary: 65,
                positions: 64,
                ..llama(4, 64, 4, 2, 176)
            },
            "gpt2" => gpt2(12, 768, 12),
            "gpt2-medium" => gpt2(24, 1024, 16),
            "llama-1.1b" => llama(22, 2048, 32, 4, 5632),
            _ => return None,
        })
    }

    /// Words.
    #[allow(dead_code, reason = "the benchmark asks for it")]
    pub const fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Bytes of an element.
    pub const fn element_bytes(&self) -> usize {
        match self.family {
            Family::Gpt2 => 4,
            Family::Llama => 2,
        }
    }

    pub fn config(&self) -> Value {
        match self.family {
            Family::Gpt2 => json!({
                "model_type": "gpt2",
                "architectures": ["GPT2LMHeadModel"],
                "vocab_size": self.vocabulary,
                "n_positions": self.positions,
                "n_embd": self.width,
                "n_layer": self.layers,
                "n_head": self.heads,
                "n_inner": self.inner,
                "activation_function": "gelu_new",
                "layer_norm_epsilon": 1e-5,
                "bias": self.biases,
            }),
            Family::Llama => json!({
                "model_type": "llama",
                "architectures": ["LlamaForCausalLM"],
                "vocab_size": self.vocabulary,
                "max_position_embeddings": self.positions,
                "hidden_size": self.width,
                "intermediate_size": self.inner,
                "num_hidden_layers": self.layers,
                "num_attention_heads": self.heads,
                "num_key_value_heads": self.kv_heads,
                "hidden_act": "silu",
                "rms_norm_eps": 1e-5,
                "rope_theta": 10000.0,
                "tie_word_embeddings": false,
            }),
        }
    }

    pub fn tensors(&self) -> Vec<Tensor> {
        match self.family {
            Family::Gpt2 => self.gpt2(),
            Family::Llama => self.llama(),
        }
    }

    /// What branches are scaled by, so that the residual stream does not grow with the depth.
    fn branch(&self) -> f32 {
        1.0 / ((2 * self.layers) as f32).sqrt()
    }

    fn gpt2(&self) -> Vec<Tensor> {
        let (w, branch) = (self.width, self.branch());
        let mut all = vec![
            Tensor::matrix("wte.weight", &[self.vocabulary, w], w, &[1.0]),
            Tensor::matrix("wpe.weight", &[self.positions, w], w, &[1.0]),
        ];
        let bias = |all: &mut Vec<Tensor>, name: &str, len: usize| {
            // A branch's bias is the same for all tokens: unless it is small, they become alike from layer to layer.
            let spread = SPREAD * if len == w { branch } else { 1.0 };
            if self.biases {
                all.push(Tensor::new(format!("{name}.bias"), &[len], &[spread]));
            }
        };
        let norm = |all: &mut Vec<Tensor>, name: &str| {
            all.push(Tensor::norm(format!("{name}.weight"), w));
            if self.biases {
                all.push(Tensor::new(format!("{name}.bias"), &[w], &[SPREAD]));
            }
        };
        for layer in 0..self.layers {
            let p = format!("h.{layer}");
            norm(&mut all, &format!("{p}.ln_1"));
            norm(&mut all, &format!("{p}.ln_2"));
            let mut dense = |name: &str, inputs: usize, outputs: usize, gains: &[f32]| {
                let name = format!("{p}.{name}");
                let shape = [inputs, outputs];
                let mut own = Tensor::matrix(format!("{name}.weight"), &shape, inputs, gains);
                own.balanced = name.ends_with("mlp.c_proj");
                all.push(own);
                bias(&mut all, &name, outputs);
            };
            dense("attn.c_attn", w, 3 * w, &[SCORES, SCORES, 1.0]);
            dense("attn.c_proj", w, w, &[MIXED * branch]);
            dense("mlp.c_fc", w, self.inner, &[1.0]);
            dense("mlp.c_proj", self.inner, w, &[GELU * branch]);
        }
        norm(&mut all, "ln_f");
        all
    }

    fn llama(&self) -> Vec<Tensor> {
        let (w, branch) = (self.width, self.branch());
        let kv = self.kv_heads * (w / self.heads);
        let dense = |name: String, outputs: usize, inputs: usize, gain: f32| {
            Tensor::matrix(
                format!("{name}.weight"),
                &[outputs, inputs],
                inputs,
                &[gain],
            )
        };
        let mut all = vec![dense(
            "model.embed_tokens".to_owned(),
            self.vocabulary,
            w,
            1.0,
        )];
        for layer in 0..self.layers {
            let p = format!("model.layers.{layer}");
            all.extend([
                Tensor::norm(format!("{p}.input_layernorm.weight"), w),
                dense(format!("{p}.self_attn.q_proj"), w, w, SCORES),
                dense(format!("{p}.self_attn.k_proj"), kv, w, SCORES),
                dense(format!("{p}.self_attn.v_proj"), kv, w, 1.0),
                dense(format!("{p}.self_attn.o_proj"), w, w, MIXED * branch),
                Tensor::norm(format!("{p}.post_attention_layernorm.weight"), w),
                dense(format!("{p}.mlp.gate_proj"), self.inner, w, 1.0),
                dense(format!("{p}.mlp.up_proj"), self.inner, w, 1.0),
                dense(format!("{p}.mlp.down_proj"), w, self.inner, SWIGLU * branch),
            ]);
        }
        all.push(Tensor::norm("model.norm.weight", w));
        all.push(dense("lm_head".to_owned(), self.vocabulary, w, 1.0));
        all
    }
}
