//! Llama: rotary positions, norms by root mean squares before the branches, queries that share keys and values, gated layers.

use std::sync::Arc;

use super::super::error::CompileError;
use super::super::expr::Sum;
use super::super::graph::Graph;
use super::super::unary::Unary;
use super::config::Config;
use super::layers::{Heads, Layers, function};
use super::safetensors::Tensors;
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
    theta: f64,
    function: Arc<Unary>,
    /// Whether the head is the embedding.
    tied: bool,
}

impl Shape {
    pub fn read(config: &Config) -> Result<Self, CompileError> {
        let width = config.length("hidden_size")?;
        let heads = config.length("num_attention_heads")?;
        let groups = config.optional_length("num_key_value_heads")?;
        let groups = groups.unwrap_or(heads);
        let activation = config.text("hidden_act", "silu");
        let function = function(&activation)
            .ok_or_else(|| config.unsupported(format!("hidden_act is {activation}")))?;
        if config.flag("attention_bias", false) || config.flag("mlp_bias", false) {
            return Err(config.unsupported("its layers have biases"));
        }
        let head = match config.optional_length("head_dim")? {
            Some(n) => n,
            None => config.quotient(width, heads, "heads")?,
        };
        config.quotient(head, 2, "halves")?;
        Ok(Self {
            vocabulary: config.length("vocab_size")?,
            positions: config
                .optional_length("max_position_embeddings")?
                .unwrap_or(2048),
            layers: config.length("num_hidden_layers")?,
            width,
            inner: config.length("intermediate_size")?,
            heads: Heads {
                groups,
                shared: config.quotient(heads, groups, "groups")?,
                width: head,
            },
            epsilon: config.number("rms_norm_eps", 1e-6)?,
            theta: config.theta()?,
            function,
            tied: config.flag("tie_word_embeddings", false),
        })
    }

    pub fn graph(&self, tensors: &Tensors, wish: &Wish) -> Built<Graph> {
        let (vocabulary, width) = (self.vocabulary, self.width);
        let mut network = Network {
            shape: self,
            tensors,
            layers: Layers::new(wish),
        };
        let embedding = tensors.layer("model.embed_tokens", (vocabulary, width), None)?;
        let mut x = network.layers.embedded(Arc::clone(&embedding), None)?;
        for layer in 0..self.layers {
            x = network.layer(&format!("model.layers.{layer}"), x)?;
        }
        let x = network.layers.last(x, wish.last)?;
        let name = "model.norm";
        let factors = tensors.vector(&format!("{name}.weight"), width)?;
        let own = self.tied.then_some(factors.as_slice());
        let node = network.layers.normed(name, &x, self.epsilon, own)?;
        let head = if self.tied {
            embedding
        } else {
            tensors.layer("lm_head", (vocabulary, width), Some(&factors))?
        };
        let logits = network.layers.dense(&node, &head, None, &[vocabulary])?;
        Ok(network.layers.logits(logits, wish.best))
    }
}

struct Network<'a> {
    shape: &'a Shape,
    tensors: &'a Tensors,
    layers: Layers,
}

impl Network<'_> {
    /// A layer of a node whose factors go into the weights.
    fn dense(
        &mut self,
        name: &str,
        (x, factors): (&Sum, Option<&[f32]>),
        shape: (usize, usize),
        lens: &[usize],
    ) -> Built<Sum> {
        let matrix = self.tensors.layer(name, shape, factors)?;
        self.layers.dense(x, &matrix, None, lens)
    }

    fn norm(&mut self, name: &str, x: &Sum) -> Built<(Sum, Vec<f32>)> {
        let node = self.layers.normed(name, x, self.shape.epsilon, None)?;
        let factors = self
            .tensors
            .vector(&format!("{name}.weight"), self.shape.width)?;
        Ok((node, factors))
    }

    fn layer(&mut self, name: &str, x: Sum) -> Built<Sum> {
        let &Shape {
            width,
            inner,
            heads,
            theta,
            ..
        } = self.shape;
        let Heads {
            groups,
            shared,
            width: head,
        } = heads;
        let (node, factors) = self.norm(&format!("{name}.input_layernorm"), &x)?;
        let normed = (&node, Some(factors.as_slice()));
        let all = groups * shared * head;
        let attention = format!("{name}.self_attn");
        let layer = format!("{attention}.q_proj");
        let queries = self.dense(&layer, normed, (all, width), &[groups, shared, 2, head / 2])?;
        let queries = self.layers.block(&layer, queries);
        let queries = self
            .layers
            .rotated(&format!("{layer}, rotated"), &queries, theta)?;
        let layer = format!("{attention}.k_proj");
        let keys = self.dense(
            &layer,
            normed,
            (groups * head, width),
            &[groups, 2, head / 2],
        )?;
        let keys = self.layers.block(&layer, keys);
        let keys = self
            .layers
            .rotated(&format!("{layer}, rotated"), &keys, theta)?;
        let layer = format!("{attention}.v_proj");
        let values = self.dense(&layer, normed, (groups * head, width), &[groups, head])?;
        let values = self.layers.block(&layer, values);
        let mixed = (self.layers).attention(&attention, [&queries, &keys, &values], heads, true)?;
        let layer = format!("{attention}.o_proj");
        let branch = self.dense(&layer, (&mixed, None), (width, all), &[width])?;
        let x = self.layers.residual(&layer, x, &branch)?;
        let (node, factors) = self.norm(&format!("{name}.post_attention_layernorm"), &x)?;
        let normed = (&node, Some(factors.as_slice()));
        let layer = format!("{name}.mlp.gate_proj");
        let gate = self.dense(&layer, normed, (inner, width), &[inner])?;
        let gate = self.layers.applied(&layer, gate, &self.shape.function);
        let layer = format!("{name}.mlp.up_proj");
        let up = self.dense(&layer, normed, (inner, width), &[inner])?;
        let up = self.layers.block(&layer, up);
        let gated = self.layers.graph.product_of(&gate, &up)?;
        let gated = self.layers.block(&format!("{name}.mlp, gated"), gated);
        let layer = format!("{name}.mlp.down_proj");
        let branch = self.dense(&layer, (&gated, None), (width, inner), &[width])?;
        self.layers.residual(&layer, x, &branch)
    }
}
