//! BERT: norms after the branches, every token attends to all. A folder of sentence-transformers says whether tokens are averaged to one
//! embedding, and whether that has length 1.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::super::error::CompileError;
use super::super::expr::{Factor, Product, Sum};
use super::super::graph::{Activation, Graph};
use super::super::unary::Unary;
use super::config::Config;
use super::layers::{Heads, Layers, Normed, function};
use super::safetensors::Tensors;
use super::{Built, Wish};

/// Sizes of a network.
pub(super) struct Shape {
    pub vocabulary: usize,
    pub positions: usize,
    types: usize,
    layers: usize,
    width: usize,
    inner: usize,
    heads: Heads,
    epsilon: f64,
    function: Arc<Unary>,
    pooled: Pooling,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pooling {
    None,
    Mean,
    Unit,
}

impl Shape {
    pub fn read(folder: &Path, config: &Config) -> Result<Self, CompileError> {
        let width = config.length("hidden_size")?;
        let heads = config.length("num_attention_heads")?;
        let activation = config.text("hidden_act", "gelu");
        let function = function(&activation)
            .ok_or_else(|| config.unsupported(format!("hidden_act is {activation}")))?;
        let embedding = config.text("position_embedding_type", "absolute");
        if embedding != "absolute" {
            return Err(config.unsupported(format!("position_embedding_type is {embedding}")));
        }
        Ok(Self {
            vocabulary: config.length("vocab_size")?,
            positions: config.length("max_position_embeddings")?,
            types: config.optional_length("type_vocab_size")?.unwrap_or(2),
            layers: config.length("num_hidden_layers")?,
            width,
            inner: config.length("intermediate_size")?,
            heads: Heads {
                groups: heads,
                shared: 1,
                width: config.quotient(width, heads, "heads")?,
            },
            epsilon: config.number("layer_norm_eps", 1e-12)?,
            function,
            pooled: pooling(folder, config)?,
        })
    }

    pub const fn output(&self) -> &'static str {
        match self.pooled {
            Pooling::None => "last_hidden_state",
            Pooling::Mean | Pooling::Unit => "embedding",
        }
    }

    pub fn graph(&self, tensors: &Tensors, wish: &Wish) -> Built<Graph> {
        let (tokens, width) = (wish.tokens, self.width);
        let prefix = tensors.prefix("bert.", "embeddings.word_embeddings.weight");
        let mut network = Network {
            shape: self,
            tensors,
            layers: Layers::new(wish),
        };
        let e = format!("{prefix}embeddings");
        let size = (self.vocabulary, width);
        let words = tensors.layer(&format!("{e}.word_embeddings"), size, None)?;
        let table = |name: &str, len: usize, rows: usize| {
            tensors.first_rows(&format!("{e}.{name}.weight"), (len, width), rows)
        };
        let mut fixed = table("position_embeddings", self.positions, tokens)?;
        let kind = table("token_type_embeddings", self.types, 1)?;
        for row in fixed.chunks_mut(width) {
            row.iter_mut().zip(&kind).for_each(|(v, k)| *v += k);
        }
        let x = network.layers.embedded(words, Some(fixed))?;
        let mut x = network.norm(&format!("{e}.LayerNorm"), &x)?;
        for layer in 0..self.layers {
            x = network.layer(&format!("{prefix}encoder.layer.{layer}"), &x)?;
        }
        network.output(&x, tokens)
    }
}

/// What `modules.json` and `1_Pooling/config.json` say, if they are there.
fn pooling(folder: &Path, config: &Config) -> Result<Pooling, CompileError> {
    let file = folder.join("1_Pooling").join("config.json");
    if !file.exists() {
        return Ok(Pooling::None);
    }
    let modes: serde_json::Map<String, Value> = super::json(&file)?;
    let chosen: Vec<&String> = (modes.iter())
        .filter(|(name, value)| name.starts_with("pooling_mode") && **value == Value::Bool(true))
        .map(|(name, _)| name)
        .collect();
    if chosen != ["pooling_mode_mean_tokens"] {
        return Err(config.unsupported(format!("1_Pooling/config.json asks for {chosen:?}")));
    }
    let modules = folder.join("modules.json");
    if modules.exists() {
        let modules: Vec<serde_json::Map<String, Value>> = super::json(&modules)?;
        let kind = |m: &serde_json::Map<String, Value>| {
            m.get("type")
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        if modules.iter().any(|m| kind(m).ends_with("Normalize")) {
            return Ok(Pooling::Unit);
        }
    }
    Ok(Pooling::Mean)
}

struct Network<'a> {
    shape: &'a Shape,
    tensors: &'a Tensors,
    layers: Layers,
}

impl Network<'_> {
    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, CompileError> {
        self.tensors.vector(&format!("{name}.bias"), len)
    }

    fn norm(&mut self, name: &str, x: &Sum) -> Built<Normed> {
        let factors = (self.tensors).vector(&format!("{name}.weight"), self.shape.width)?;
        let summands = Some(self.vector(name, self.shape.width)?);
        (self.layers).layer_norm(name, x, self.shape.epsilon, factors, summands)
    }

    fn dense_of(&mut self, name: &str, x: &Normed, outputs: usize, lens: &[usize]) -> Built<Sum> {
        let shape = (outputs, self.shape.width);
        let bias = Some(self.vector(name, outputs)?);
        let bias = x.bias(|| self.tensors.layer(name, shape, None), bias)?;
        let matrix = self.tensors.layer(name, shape, Some(&x.factors))?;
        self.layers.dense(&x.node, &matrix, bias, lens)
    }

    /// `x + matrix·y + bias`, normed.
    fn branch(&mut self, name: &str, x: &Normed, y: &Sum, inputs: usize) -> Built<Normed> {
        let width = self.shape.width;
        let layer = format!("{name}.dense");
        let bias = Some(self.vector(&layer, width)?);
        let matrix = self.tensors.layer(&layer, (width, inputs), None)?;
        let branch = self.layers.dense(y, &matrix, bias, &[width])?;
        let own = (self.layers).scaled(&x.node, &x.factors, x.summands.as_deref())?;
        let sum = self.layers.residual(&layer, own, &branch)?;
        self.norm(&format!("{name}.LayerNorm"), &sum)
    }

    fn layer(&mut self, name: &str, x: &Normed) -> Built<Normed> {
        let &Shape {
            width,
            inner,
            heads,
            ..
        } = self.shape;
        let attention = format!("{name}.attention");
        let mut part = |part: &str, lens: &[usize]| {
            let layer = format!("{attention}.self.{part}");
            let sum = self.dense_of(&layer, x, width, lens)?;
            Built::Ok(self.layers.block(&layer, sum))
        };
        let queries = part("query", &[heads.groups, 1, heads.width])?;
        let keys = part("key", &[heads.groups, heads.width])?;
        let values = part("value", &[heads.groups, heads.width])?;
        let mixed =
            (self.layers).attention(&attention, [&queries, &keys, &values], heads, false)?;
        let x = self.branch(&format!("{attention}.output"), x, &mixed, width)?;
        let layer = format!("{name}.intermediate.dense");
        let up = self.dense_of(&layer, &x, inner, &[inner])?;
        let up = self.layers.applied(&layer, up, &self.shape.function);
        self.branch(&format!("{name}.output"), &x, &up, inner)
    }

    fn output(mut self, x: &Normed, tokens: usize) -> Built<Graph> {
        let summands = x.summands.as_deref();
        let name = self.shape.output();
        if self.shape.pooled == Pooling::None {
            let hidden = self.layers.scaled(&x.node, &x.factors, summands)?;
            return Ok(self.layers.shown(name, hidden, Activation::Identity));
        }
        #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
        let share = 1.0 / tokens as f64;
        let mut mean = self
            .layers
            .graph
            .summed(x.node.clone(), &[0])
            .affine(share, 0.0);
        mean.axes.remove(0);
        let mean = self.layers.scaled(&mean, &x.factors, summands)?;
        if self.shape.pooled == Pooling::Mean {
            return Ok(self.layers.shown(name, mean, Activation::Identity));
        }
        let mean = self.layers.block("mean", mean);
        let squared = Sum {
            products: vec![Product {
                a: mean.reads.clone(),
                k: Factor::Reads(mean.reads.clone()),
            }],
            ..Sum::zero(mean.axes.clone())
        };
        let square = self.layers.graph.summed(squared, &[0]);
        let root = self.layers.graph.push("length", square, Activation::Root).1;
        let ratio = self.layers.graph.ratio(&mean, &root)?;
        let divided = Activation::Quotient(Box::new(ratio.divisor));
        Ok(self.layers.shown(name, ratio.numerator, divided))
    }
}
