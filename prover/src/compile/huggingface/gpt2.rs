//! GPT-2: learnt positions, norms before the branches, joint projection of queries, keys and values, weights of inputs by outputs; the
//! head is the embedding.

use std::ops::Range;
use std::sync::Arc;

use super::super::error::CompileError;
use super::super::expr::{Matrix, Sum};
use super::super::graph::Graph;
use super::super::unary::Unary;
use super::config::Config;
use super::layers::{Heads, Layers, Normed, function};
use super::safetensors::{Layout, Tensors, Wanted};
use super::{Built, Wish};

/// Sizes of a network.
pub(super) struct Shape {
    pub vocabulary: usize,
    pub positions: usize,
    layers: usize,
    width: usize,
    inner: usize,
    heads: Heads,
    epsilon: f64,
    function: Arc<Unary>,
    /// Whether dense layers and norms add vectors; nanoGPT's may not.
    biases: bool,
}

impl Shape {
    pub fn read(config: &Config) -> Result<Self, CompileError> {
        let width = config.length("n_embd")?;
        let heads = config.length("n_head")?;
        let activation = config.text("activation_function", "gelu_new");
        let function = function(&activation)
            .ok_or_else(|| config.unsupported(format!("activation_function is {activation}")))?;
        if config.flag("scale_attn_by_inverse_layer_idx", false)
            || !config.flag("scale_attn_weights", true)
        {
            return Err(config.unsupported("its attention is scaled in another way"));
        }
        if !config.flag("tie_word_embeddings", true) {
            return Err(config.unsupported("tie_word_embeddings is false"));
        }
        Ok(Self {
            vocabulary: config.length("vocab_size")?,
            positions: match config.optional_length("n_positions")? {
                Some(n) => n,
                None => config.length("n_ctx")?,
            },
            layers: config.length("n_layer")?,
            width,
            inner: config.optional_length("n_inner")?.unwrap_or(4 * width),
            heads: Heads {
                groups: heads,
                shared: 1,
                width: config.quotient(width, heads, "heads")?,
            },
            epsilon: config.number("layer_norm_epsilon", 1e-5)?,
            function,
            biases: config.flag("bias", true),
        })
    }

    pub fn graph(&self, tensors: &Tensors, wish: &Wish) -> Built<Graph> {
        let prefix = tensors.prefix("transformer.", "wte.weight");
        let mut network = Network {
            shape: self,
            tensors,
            layers: Layers::new(wish),
        };
        let size = (self.vocabulary, self.width);
        let embedding = tensors.layer(&format!("{prefix}wte"), size, None)?;
        let size = (self.positions, self.width);
        let positions = tensors.first_rows(&format!("{prefix}wpe.weight"), size, wish.tokens)?;
        let mut x = network
            .layers
            .embedded(Arc::clone(&embedding), Some(positions))?;
        for layer in 0..self.layers {
            x = network.layer(&format!("{prefix}h.{layer}"), x)?;
        }
        let x = network.layers.last(x, wish.last)?;
        let last = format!("{prefix}ln_f");
        let factors = tensors.vector(&format!("{last}.weight"), self.width)?;
        let centred = network.layers.centred(&x)?;
        // The head's weights are the embedding's, so they cannot take the factors.
        let node = (network.layers).normed(&last, &centred, self.epsilon, Some(&factors))?;
        let bias = match network.vector(&last, self.width)? {
            Some(summands) => Some(embedding.times(&summands)?),
            None => None,
        };
        let logits = (network.layers).dense(&node, &embedding, bias, &[self.vocabulary])?;
        Ok(network.layers.logits(logits, wish.best))
    }
}

struct Network<'a> {
    shape: &'a Shape,
    tensors: &'a Tensors,
    layers: Layers,
}

impl Network<'_> {
    /// The vector that a layer adds, if it does.
    fn vector(&self, layer: &str, len: usize) -> Result<Option<Vec<f32>>, CompileError> {
        let own = || self.tensors.vector(&format!("{layer}.bias"), len);
        self.shape.biases.then(own).transpose()
    }

    fn norm(&mut self, name: &str, x: &Sum) -> Built<Normed> {
        let factors = (self.tensors).vector(&format!("{name}.weight"), self.shape.width)?;
        let summands = self.vector(name, self.shape.width)?;
        (self.layers).layer_norm(name, x, self.shape.epsilon, factors, summands)
    }

    /// Some outputs of a layer, whose inputs have these factors.
    fn matrix(
        &self,
        name: &str,
        shape: (usize, usize),
        outputs: Range<usize>,
        factors: Option<&[f32]>,
    ) -> Result<Arc<Matrix>, CompileError> {
        self.tensors.matrix(&Wanted {
            tensor: &format!("{name}.weight"),
            layout: Layout::RowByInput,
            shape,
            outputs,
            factors: factors.map(|f| ("normed", f)),
        })
    }

    /// Some outputs of a layer that reads a norm.
    fn dense_of(
        &mut self,
        name: &str,
        x: &Normed,
        outputs: (usize, Range<usize>),
        lens: &[usize],
    ) -> Built<Sum> {
        let (all, outputs) = outputs;
        let shape = (all, self.shape.width);
        let bias = self.vector(name, all)?;
        let bias = bias.and_then(|b| b.get(outputs.clone()).map(<[f32]>::to_vec));
        let bias = x.bias(|| self.matrix(name, shape, outputs.clone(), None), bias)?;
        let matrix = self.matrix(name, shape, outputs, Some(&x.factors))?;
        self.layers.dense(&x.node, &matrix, bias, lens)
    }

    fn layer(&mut self, name: &str, x: Sum) -> Built<Sum> {
        let &Shape {
            width,
            inner,
            heads,
            ..
        } = self.shape;
        let normed = self.norm(&format!("{name}.ln_1"), &x)?;
        let attention = format!("{name}.attn");
        let mut parts = Vec::with_capacity(3);
        for (i, part) in ["queries", "keys", "values"].into_iter().enumerate() {
            let lens: &[usize] = match part {
                "queries" => &[heads.groups, 1, heads.width],
                _ => &[heads.groups, heads.width],
            };
            let outputs = (3 * width, i * width..(i + 1) * width);
            let layer = format!("{attention}.c_attn");
            let sum = self.dense_of(&layer, &normed, outputs, lens)?;
            parts.push(self.layers.block(&format!("{attention}, {part}"), sum));
        }
        let [queries, keys, values] = parts.as_slice() else {
            return Ok(x);
        };
        let mixed = (self.layers).attention(&attention, [queries, keys, values], heads, true)?;
        let layer = format!("{attention}.c_proj");
        let branch = self.dense(&layer, &mixed, (width, width))?;
        let x = self.layers.residual(&layer, x, &branch)?;
        let normed = self.norm(&format!("{name}.ln_2"), &x)?;
        let layer = format!("{name}.mlp.c_fc");
        let up = self.dense_of(&layer, &normed, (inner, 0..inner), &[inner])?;
        let up = self.layers.applied(&layer, up, &self.shape.function);
        let layer = format!("{name}.mlp.c_proj");
        let branch = self.dense(&layer, &up, (width, inner))?;
        self.layers.residual(&layer, x, &branch)
    }

    /// A layer that reads a node.
    fn dense(&mut self, name: &str, x: &Sum, shape: (usize, usize)) -> Built<Sum> {
        let bias = self.vector(name, shape.0)?;
        let matrix = self.matrix(name, shape, 0..shape.0, None)?;
        self.layers.dense(x, &matrix, bias, &[shape.0])
    }
}
