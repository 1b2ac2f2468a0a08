//! Attention as `com.microsoft` has it: projections, scores, masks that are added to them, a softmax. The same operators of ONNX's
//! own domain are the importer's.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::rewriter::{Node, Outcome, Refusal, Rewriter, Value, signed};
use super::tensor::{Constant, integer};

/// What a masked score gets; the translation takes it for minus infinity.
const MASKED: f64 = -1e9;

/// Rotations by position.
struct Rotation {
    cos: String,
    sin: String,
    /// Half of the rotated part of a head.
    half: usize,
    interleaved: bool,
}

impl Rewriter {
    /// `[batch, length, heads·size]` as `[batch, heads, length, size]`.
    fn heads(&mut self, x: &str, heads: usize) -> Outcome<String> {
        let [batch, length, width] = *self.shape(x)?.as_slice() else {
            return Err(Refusal::new("packed or cached operands are not supported"));
        };
        if heads == 0 || width % heads != 0 {
            return Err(Refusal::new("its heads do not divide its width"));
        }
        let split = self.reshape(x, &[batch, length, heads, width / heads]);
        Ok(self.transpose(&split, &[0, 2, 1, 3]))
    }

    /// `softmax(scale·q·kᵀ + biases)·v`, heads side by side.
    fn attended(
        &mut self,
        [q, k, v]: [&str; 3],
        scale: Option<f64>,
        biases: &[String],
    ) -> Outcome<String> {
        let [batch, heads, length, size] = *self.shape(q)?.as_slice() else {
            return Err(Refusal::new("its operands have not four axes"));
        };
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let scale = scale.unwrap_or_else(|| 1.0 / (size as f64).sqrt());
        let keys = self.transpose(k, &[0, 1, 3, 2]);
        let scores = self.matmul(q, &keys);
        let mut scores = self.times(&scores, scale);
        for bias in biases {
            scores = self.add(&scores, bias);
        }
        let weights = self.write_plain("Softmax", &[&scores], &[("axis", Value::Int(3))]);
        let mixed = self.matmul(&weights, v);
        let width = self.shape(v)?.last().copied().unwrap_or(size);
        let moved = self.transpose(&mixed, &[0, 2, 1, 3]);
        Ok(self.reshape(&moved, &[batch, length, heads * width]))
    }

    /// Keys behind a query, and those further before it than a window, do not count.
    fn causal(&mut self, queries: usize, keys: usize, window: Option<usize>) -> String {
        let first = keys.saturating_sub(queries);
        let mask = ArrayD::from_shape_fn(IxDyn(&[1, 1, queries, keys]), |i| {
            let (query, key) = match *i.slice() {
                [_, _, query, key] => (query + first, key),
                _ => (0, 0),
            };
            let near = window.is_none_or(|w| key + w > query);
            if key <= query && near { 0.0 } else { MASKED }
        });
        self.array(mask)
    }

    /// What a mask of `[batch, keys]` or `[batch, queries, keys]` zeros and ones, or a number of keys per sequence, adds to scores.
    fn padding(&mut self, mask: &str, batch: usize, keys: usize) -> Outcome<String> {
        let shape = self.shape(mask)?;
        let bias = |counts: bool| if counts { 0.0 } else { MASKED };
        match *shape.as_slice() {
            [n] if n == batch => {
                let lens = self.constant(mask)?.as_ints();
                let values = ArrayD::from_shape_fn(IxDyn(&[batch, 1, 1, keys]), |i| {
                    let (sequence, key) = (i.slice().first(), i.slice().get(3));
                    let len = sequence.and_then(|s| lens.get(*s)).copied().unwrap_or(0);
                    bias(key.is_some_and(|k| signed(*k) < len))
                });
                Ok(self.array(values))
            }
            [n, k] if n == batch && k == keys => self.visible(mask, &[batch, 1, 1, keys]),
            [n, q, k] if n == batch && k == keys => self.visible(mask, &[batch, 1, q, keys]),
            _ => Err(Refusal::new(format!(
                "masks of shape {shape:?} are not supported"
            ))),
        }
    }

    /// A mask of ones for what counts, as numbers to add.
    fn visible(&mut self, mask: &str, shape: &[usize]) -> Outcome<String> {
        if self.is_constant(mask) {
            let values = self
                .constant(mask)?
                .values
                .mapv(|v| if v == 0.0 { MASKED } else { 0.0 });
            let name = self.array(values);
            return Ok(self.reshape(&name, shape));
        }
        let mask = self.float(mask);
        let mask = self.reshape(&mask, shape);
        let steep = self.times(&mask, -MASKED);
        Ok(self.plus(&steep, MASKED))
    }

    fn refuse_given(node: &Node, slots: &[usize], what: &str) -> Outcome<()> {
        if slots.iter().any(|s| node.optional(*s).is_some()) {
            return Err(Refusal::new(format!("{what} are not supported")));
        }
        Ok(())
    }

    fn scale_of(node: &Node) -> Option<f64> {
        Some(node.float("scale", 0.0)).filter(|s| *s != 0.0)
    }

    /// `com.microsoft.Attention`: one matrix projects queries, keys and values.
    pub(super) fn packed_attention(&mut self, node: &Node) -> Outcome<Vec<String>> {
        Self::refuse_given(node, &[4, 6], "cached keys")?;
        if node.flag("do_rotary") {
            return Err(Refusal::new("its own rotation is not supported"));
        }
        let (x, w) = (node.input(0)?, node.input(1)?);
        let heads = usize::try_from(node.int("num_heads", 1)).unwrap_or(1);
        let [batch, length, _] = *self.shape(x)?.as_slice() else {
            return Err(Refusal::new("its input has not three axes"));
        };
        let width = self.shape(w)?.last().copied().unwrap_or(0);
        let sizes: Vec<usize> = match node.ints("qkv_hidden_sizes") {
            Some(sizes) => sizes
                .iter()
                .filter_map(|n| usize::try_from(*n).ok())
                .collect(),
            None => vec![width / 3; 3],
        };
        let mut from = 0;
        let mut parts = Vec::new();
        for size in sizes {
            let own = self.slice(w, 1, from, from + size);
            let mut part = self.matmul(x, &own);
            if let Some(bias) = node.optional(2) {
                let bias = self.slice(bias, 0, from, from + size);
                part = self.add(&part, &bias);
            }
            parts.push(self.heads(&part, heads)?);
            from += size;
        }
        let [q, k, v] = parts.as_slice() else {
            return Err(Refusal::new("it has not three projections"));
        };
        let mut biases = Vec::new();
        if let Some(mask) = node.optional(3) {
            biases.push(self.padding(mask, batch, length)?);
        }
        biases.extend(node.optional(5).map(str::to_owned));
        if node.flag("unidirectional") {
            biases.push(self.causal(length, length, None));
        }
        Ok(vec![self.attended(
            [q, k, v],
            Self::scale_of(node),
            &biases,
        )?])
    }

    /// `com.microsoft.MultiHeadAttention`.
    pub(super) fn multi_head(&mut self, node: &Node) -> Outcome<Vec<String>> {
        Self::refuse_given(node, &[6, 7], "cached keys")?;
        let heads = usize::try_from(node.int("num_heads", 1)).unwrap_or(1);
        let mut from = 0;
        let mut parts = Vec::new();
        for slot in 0..3 {
            let mut part = node.input(slot)?.to_owned();
            let width = self.shape(&part)?.last().copied().unwrap_or(0);
            if let Some(bias) = node.optional(3) {
                let bias = self.slice(bias, 0, from, from + width);
                part = self.add(&part, &bias);
            }
            from += width;
            parts.push(self.heads(&part, heads)?);
        }
        let [q, k, v] = parts.as_slice() else {
            return Err(Refusal::new("it has not three operands"));
        };
        let (queries, keys) = (self.shape(q)?, self.shape(k)?);
        let [batch, _, length, _] = *queries.as_slice() else {
            return Err(Refusal::new("its operands have not three axes"));
        };
        let keys = keys.get(2).copied().unwrap_or(1);
        let mut biases = Vec::new();
        if let Some(mask) = node.optional(4) {
            biases.push(self.padding(mask, batch, keys)?);
        }
        biases.extend(node.optional(5).map(str::to_owned));
        if node.flag("unidirectional") {
            biases.push(self.causal(length, keys, None));
        }
        let y = self.attended([q, k, v], Self::scale_of(node), &biases)?;
        Ok(vec![y, k.clone(), v.clone()])
    }

    /// `com.microsoft.GroupQueryAttention` of a whole prompt: causal, without earlier keys.
    pub(super) fn group_query(&mut self, node: &Node) -> Outcome<Vec<String>> {
        for slot in [3, 4] {
            if let Some(past) = node.optional(slot)
                && !self.shape(past)?.contains(&0)
            {
                return Err(Refusal::new("cached keys are not supported"));
            }
        }
        if node.float("softcap", 0.0) != 0.0 || node.int("smooth_softmax", 0) > 0 {
            return Err(Refusal::new(
                "softmaxes other than the usual one are not supported",
            ));
        }
        let heads = usize::try_from(node.int("num_heads", 1)).unwrap_or(1);
        let groups = usize::try_from(node.int("kv_num_heads", 1)).unwrap_or(1);
        let q = node.input(0)?;
        let parts: [String; 3] = if let (Some(k), Some(v)) = (node.optional(1), node.optional(2)) {
            [q.to_owned(), k.to_owned(), v.to_owned()]
        } else {
            let size = self.shape(q)?.last().copied().unwrap_or(0) / (heads + 2 * groups);
            let ends = [
                heads * size,
                (heads + groups) * size,
                (heads + 2 * groups) * size,
            ];
            [(0, ends[0]), (ends[0], ends[1]), (ends[1], ends[2])]
                .map(|(from, to)| self.slice(q, 2, from, to))
        };
        let [q, k, v] = parts;
        let [mut q, mut k, v] = [
            self.heads(&q, heads)?,
            self.heads(&k, groups)?,
            self.heads(&v, groups)?,
        ];
        let length = self.shape(&q)?.get(2).copied().unwrap_or(1);
        if let Some(lens) = node.optional(5) {
            // One less than the number of keys.
            let lens = self.constant(lens)?.as_ints();
            if lens.iter().any(|n| *n + 1 != signed(length)) {
                return Err(Refusal::new(
                    "its sequences have different lengths, or earlier keys",
                ));
            }
        }
        if node.flag("do_rotary") {
            let (cos, sin) = (node.input(7)?, node.input(8)?);
            let rows: Vec<usize> = (0..length).collect();
            let rotation = self.rotation(
                cos,
                sin,
                &rows,
                [1, length],
                node.flag("rotary_interleaved"),
            )?;
            q = self.rotated(&q, &rotation)?;
            k = self.rotated(&k, &rotation)?;
        }
        let window = usize::try_from(node.int("local_window_size", -1))
            .ok()
            .filter(|w| *w > 0);
        let mut biases = vec![self.causal(length, length, window)];
        biases.extend(node.optional(10).map(str::to_owned));
        let [shared_k, shared_v] = [self.shared(&k, heads)?, self.shared(&v, heads)?];
        let scale = Self::scale_of(node);
        let y = self.attended([&q, &shared_k, &shared_v], scale, &biases)?;
        Ok(vec![y, k, v])
    }

    /// Each group's keys for all heads of the group.
    fn shared(&mut self, x: &str, heads: usize) -> Outcome<String> {
        let [batch, groups, length, size] = *self.shape(x)?.as_slice() else {
            return Err(Refusal::new("its operands have not four axes"));
        };
        if groups == heads {
            return Ok(x.to_owned());
        }
        let split = self.reshape(x, &[batch, groups, 1, length, size]);
        let each = heads / groups.max(1);
        let wide = self.expand(&split, &[batch, groups, each, length, size]);
        Ok(self.reshape(&wide, &[batch, heads, length, size]))
    }

    /// Rows of the caches, for positions of `lead` (batch, length).
    fn rotation(
        &mut self,
        cos: &str,
        sin: &str,
        rows: &[usize],
        lead: [usize; 2],
        interleaved: bool,
    ) -> Outcome<Rotation> {
        let half = self.shape(cos)?.last().copied().unwrap_or(0);
        let mut take = |cache: &str| -> Outcome<String> {
            let cache = self.constant(cache)?;
            let values: Vec<f64> = rows
                .iter()
                .flat_map(|row| cache.values.iter().skip(row * half).take(half).copied())
                .collect();
            let shape = IxDyn(&[lead[0], 1, lead[1], half]);
            let values = ArrayD::from_shape_vec(shape, values);
            let values = values.map_err(|_| Refusal::new("a position is beyond its caches"))?;
            Ok(self.constant_named(Constant::floats(values)))
        };
        Ok(Rotation {
            cos: take(cos)?,
            sin: take(sin)?,
            half,
            interleaved,
        })
    }

    /// `(a, b)` becomes `(a·cos - b·sin, a·sin + b·cos)`; what is not rotated follows.
    fn rotated(&mut self, x: &str, rotation: &Rotation) -> Outcome<String> {
        let [batch, heads, length, size] = *self.shape(x)?.as_slice() else {
            return Err(Refusal::new("its operands have not four axes"));
        };
        let half = rotation.half;
        if 2 * half > size {
            return Err(Refusal::new("its caches are wider than a head"));
        }
        let (a, b) = if rotation.interleaved {
            let own = self.slice(x, 3, 0, 2 * half);
            let pairs = self.reshape(&own, &[batch, heads, length, half, 2]);
            let mut side = |k: usize| {
                let one = self.slice(&pairs, 4, k, k + 1);
                self.reshape(&one, &[batch, heads, length, half])
            };
            (side(0), side(1))
        } else {
            (self.slice(x, 3, 0, half), self.slice(x, 3, half, 2 * half))
        };
        let mut turned = |left: &str, right: &str, operator: &str| {
            let first = self.mul(&a, left);
            let second = self.mul(&b, right);
            self.binary(operator, &first, &second)
        };
        let first = turned(&rotation.cos, &rotation.sin, "Sub");
        let second = turned(&rotation.sin, &rotation.cos, "Add");
        let mut parts = if rotation.interleaved {
            let shape = [batch, heads, length, half, 1];
            let sides = [self.reshape(&first, &shape), self.reshape(&second, &shape)];
            let pairs = self.concat(&sides, 4);
            vec![self.reshape(&pairs, &[batch, heads, length, 2 * half])]
        } else {
            vec![first, second]
        };
        if 2 * half < size {
            parts.push(self.slice(x, 3, 2 * half, size));
        }
        Ok(self.concat(&parts, 3))
    }

    /// `RotaryEmbedding` at constant positions; at computed ones it is the importer's.
    pub(super) fn rotary(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let contrib = node.domain() == "com.microsoft";
        let (cos, sin, positions) = if contrib {
            (node.input(2)?, node.input(3)?, Some(node.input(1)?))
        } else {
            (node.input(1)?, node.input(2)?, node.optional(3))
        };
        let Some(positions) = positions.filter(|p| self.is_constant(p)) else {
            return Ok(None);
        };
        if node.float("scale", 1.0) != 1.0 || node.flag("is_packed_batching") {
            return Err(Refusal::new("scaled or packed rotations are not supported"));
        }
        let x = self.float(node.input(0)?);
        let shape = self.shape(&x)?;
        let half = self.shape(cos)?.last().copied().unwrap_or(0);
        let flat = shape.len() == 3;
        let own = if flat {
            let width = shape.last().copied().unwrap_or(1);
            let heads = usize::try_from(node.int("num_heads", 0)).unwrap_or(0);
            let heads = if heads == 0 {
                width / (2 * half).max(1)
            } else {
                heads
            };
            self.heads(&x, heads)?
        } else {
            x.clone()
        };
        let [batch, heads, length, size] = *self.shape(&own)?.as_slice() else {
            return Err(Refusal::new("its operand has neither three nor four axes"));
        };
        let given = self.constant(positions)?.flat();
        let row = |v: f64| usize::try_from(integer(v)).unwrap_or(usize::MAX);
        let (rows, lead): (Vec<usize>, [usize; 2]) = match given.as_slice() {
            // Where the sequence starts.
            [first] => (
                (0..length).map(|i| row(*first).saturating_add(i)).collect(),
                [1, length],
            ),
            all if all.len() == batch * length => {
                (all.iter().map(|v| row(*v)).collect(), [batch, length])
            }
            _ => return Err(Refusal::new("it has not one position per token")),
        };
        let caches = self.constant(cos)?.values.len();
        if rows.iter().any(|r| r.saturating_mul(half) >= caches) {
            return Err(Refusal::new("a position is beyond its caches"));
        }
        let rotation = self.rotation(cos, sin, &rows, lead, node.flag("interleaved"))?;
        let result = self.rotated(&own, &rotation)?;
        if !flat {
            return Ok(Some(vec![result]));
        }
        let moved = self.transpose(&result, &[0, 2, 1, 3]);
        Ok(Some(vec![
            self.reshape(&moved, &[batch, length, heads * size]),
        ]))
    }
}
