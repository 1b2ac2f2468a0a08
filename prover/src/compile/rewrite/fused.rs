//! Operators that optimized exports fuse, of `com.microsoft`.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::rewriter::{Node, Outcome, Refusal, Rewriter, Value};
use super::tensor::{Constant, integer};

impl Rewriter {
    /// `FusedMatMul`: transposed and scaled.
    pub(super) fn fused_matmul(&mut self, node: &Node) -> Outcome<String> {
        if node.flag("transBatchA") || node.flag("transBatchB") {
            return Err(Refusal::new("transposed batches are not supported"));
        }
        let mut factors = Vec::new();
        for (slot, flag) in ["transA", "transB"].into_iter().enumerate() {
            let x = node.input(slot)?;
            let rank = self.shape(x)?.len();
            factors.push(if node.flag(flag) && rank > 1 {
                let mut axes: Vec<usize> = (0..rank).collect();
                axes.swap(rank - 1, rank - 2);
                self.transpose(x, &axes)
            } else {
                x.to_owned()
            });
        }
        let [a, b] = factors.as_slice() else {
            return Err(Refusal::new("it has not two factors"));
        };
        let product = self.matmul(a, b);
        let alpha = node.float("alpha", 1.0);
        Ok(if alpha == 1.0 {
            product
        } else {
            self.times(&product, alpha)
        })
    }

    /// `EmbedLayerNormalization`: rows of two or three tables, added up and normalized.
    pub(super) fn embedding(&mut self, node: &Node) -> Outcome<Vec<String>> {
        if node.optional(8).is_some() && !self.is_constant(node.input(8)?) {
            return Err(Refusal::new("computed positions are not supported"));
        }
        let ids = node.input(0)?;
        let length = self.shape(ids)?.last().copied().unwrap_or(1);
        let gather = [("axis", Value::Int(0))];
        let mut sum = self.write("Gather", &[node.input(2)?, ids], &gather);
        let positions = match node.optional(8) {
            Some(positions) => self.write("Gather", &[node.input(3)?, positions], &gather),
            None => self.slice(node.input(3)?, 0, 0, length),
        };
        sum = self.add(&sum, &positions);
        if let (Some(segments), Some(table)) = (node.optional(1), node.optional(4)) {
            let segments = self.write("Gather", &[table, segments], &gather);
            sum = self.add(&sum, &segments);
        }
        let last = self.axis(&sum, -1)?;
        let y = self.layer_normalized(
            &sum,
            last,
            node.float("epsilon", 1e-12),
            [node.optional(5), node.optional(6)],
        );
        let mut results = vec![y];
        if let Some(mask) = node.optional(7) {
            // How many tokens count.
            let last = self.axis(mask, -1)?;
            let mask = self.float(mask);
            results.push(self.reduce("ReduceSum", &mask, &[last], false));
        } else if node.outputs() > 1 {
            let batch = self.shape(ids)?.first().copied().unwrap_or(1);
            results.push(self.constant_named(Constant::ints(&vec![0; batch])));
        }
        if node.outputs() > 2 {
            results.push(sum);
        }
        Ok(results)
    }

    /// `MatMulNBits`: weights of a few bits, in blocks that have a scale and a zero point each.
    pub(super) fn few_bits(&mut self, node: &Node) -> Outcome<String> {
        let size = |name: &str| usize::try_from(node.int(name, 0)).unwrap_or(0);
        let (inner, outer, bits, block) = (size("K"), size("N"), size("bits"), size("block_size"));
        if !matches!(bits, 4 | 8) || inner == 0 || outer == 0 || block == 0 {
            return Err(Refusal::new(
                "weights of other than 4 or 8 bits are not supported",
            ));
        }
        if let Some(order) = node.optional(4) {
            let order = self.constant(order)?.as_ints();
            let place = |(k, g): (usize, &i64)| usize::try_from(*g) == Ok(k / block);
            if !order.iter().enumerate().all(place) {
                return Err(Refusal::new("blocks in another order are not supported"));
            }
        }
        let blocks = inner.div_ceil(block);
        let packed = self.constant(node.input(1)?)?.flat();
        let scales = self.constant(node.input(2)?)?.flat();
        let zeros = match node.optional(3) {
            Some(zeros) => Some(self.constant(zeros)?.clone()),
            None => None,
        };
        let per_byte = 8 / bits;
        let digit = |values: &[f64], byte: usize, place: usize| -> f64 {
            let byte = integer(values.get(byte).copied().unwrap_or(0.0));
            let digit = byte >> (bits * place) & ((1 << bits) - 1);
            f64::from(u8::try_from(digit).unwrap_or(0))
        };
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let middle = (1_u64 << (bits - 1)) as f64;
        let zero = |n: usize, b: usize| match &zeros {
            None => middle,
            Some(zeros) if zeros.values.len() == outer * blocks => zeros
                .values
                .iter()
                .nth(n * blocks + b)
                .copied()
                .unwrap_or(middle),
            Some(zeros) => {
                let row = blocks.div_ceil(per_byte);
                let byte = n * row + b / per_byte;
                let values = [zeros.values.iter().nth(byte).copied().unwrap_or(0.0)];
                digit(&values, 0, b % per_byte)
            }
        };
        let bytes = block / per_byte;
        let weights = ArrayD::from_shape_fn(IxDyn(&[inner, outer]), |i| {
            let (k, n) = match *i.slice() {
                [k, n] => (k, n),
                _ => (0, 0),
            };
            let (b, within) = (k / block, k % block);
            let byte = (n * blocks + b) * bytes + within / per_byte;
            let scale = scales.get(n * blocks + b).copied().unwrap_or(0.0);
            (digit(&packed, byte, within % per_byte) - zero(n, b)) * scale
        });
        let weights = self.array(weights);
        let x = self.float(node.input(0)?);
        let product = self.matmul(&x, &weights);
        Ok(match node.optional(5) {
            Some(bias) => self.add(&product, bias),
            None => product,
        })
    }
}
