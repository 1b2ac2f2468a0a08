//! Normalizations: differences from a mean, divided by a root.

use ndarray::ArrayD;

use super::rewriter::{Node, Outcome, Refusal, Rewriter};

/// What a normalization is made of.
struct Normalized {
    result: String,
    mean: String,
    /// The root of variance and epsilon.
    deviation: String,
}

impl Rewriter {
    /// `(x - mean)/√(variance + ε)` over `axes`; without the mean unless `centred`.
    fn normalized(&mut self, x: &str, axes: &[usize], epsilon: f64, centred: bool) -> Normalized {
        let (mean, difference) = if centred {
            let mean = self.reduce("ReduceMean", x, axes, true);
            let difference = self.sub(x, &mean);
            (mean, difference)
        } else {
            (String::new(), x.to_owned())
        };
        let square = self.mul(&difference, &difference);
        let variance = self.reduce("ReduceMean", &square, axes, true);
        let shifted = self.plus(&variance, epsilon);
        let deviation = self.unary("Sqrt", &shifted);
        Normalized {
            result: self.div(&difference, &deviation),
            mean,
            deviation,
        }
    }

    fn inverse(&mut self, x: &str) -> String {
        let one = self.scalar(1.0);
        self.div(&one, x)
    }

    fn scaled(&mut self, x: &str, scale: Option<&str>, shift: Option<&str>) -> String {
        let mut result = x.to_owned();
        if let Some(scale) = scale {
            result = self.mul(&result, scale);
        }
        if let Some(shift) = shift {
            result = self.add(&result, shift);
        }
        result
    }

    /// `LayerNormalization`, `RMSNormalization` and `SimplifiedLayerNormalization`.
    pub(super) fn layer_norm(&mut self, node: &Node, centred: bool) -> Outcome<Vec<String>> {
        let x = node.input(0)?;
        let rank = self.shape(x)?.len();
        let axis = self.axis(x, node.int("axis", -1))?;
        let axes: Vec<usize> = (axis..rank).collect();
        let parts = self.normalized(x, &axes, node.float("epsilon", 1e-5), centred);
        let y = self.scaled(&parts.result, node.optional(1), node.optional(2));
        let mut results = vec![y];
        if centred && node.outputs() > 1 {
            results.push(parts.mean);
        }
        if node.outputs() > results.len() {
            results.push(self.inverse(&parts.deviation));
        }
        Ok(results)
    }

    /// A layer normalization along one axis, scaled and shifted.
    pub(super) fn layer_normalized(
        &mut self,
        x: &str,
        axis: usize,
        epsilon: f64,
        [scale, shift]: [Option<&str>; 2],
    ) -> String {
        let parts = self.normalized(x, &[axis], epsilon, true);
        self.scaled(&parts.result, scale, shift)
    }

    /// `SkipLayerNormalization` and `SkipSimplifiedLayerNormalization`: of the sum of two tensors and a bias.
    pub(super) fn skip_norm(&mut self, node: &Node, centred: bool) -> Outcome<Vec<String>> {
        let mut sum = self.add(node.input(0)?, node.input(1)?);
        let bias = node.optional(if centred { 4 } else { 3 });
        if let Some(bias) = bias {
            sum = self.add(&sum, bias);
        }
        let last = self.axis(&sum, -1)?;
        let parts = self.normalized(&sum, &[last], node.float("epsilon", 1e-5), centred);
        let shift = node.optional(3).filter(|_| centred);
        let y = self.scaled(&parts.result, node.optional(2), shift);
        let mut results = vec![y];
        if node.outputs() > 1 {
            let inverse = self.inverse(&parts.deviation);
            results.extend([parts.mean, inverse, sum]);
        }
        Ok(results)
    }

    /// A tensor of one value per channel, for a tensor whose channels are axis 1.
    fn per_channel(&mut self, values: &str, rank: usize) -> Outcome<String> {
        let channels = self.shape(values)?.iter().product();
        let mut shape = vec![1; rank.saturating_sub(1)];
        if let Some(first) = shape.first_mut() {
            *first = channels;
        }
        Ok(self.reshape(values, &shape))
    }

    pub(super) fn instance_norm(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let rank = self.shape(x)?.len();
        let axes: Vec<usize> = (2..rank).collect();
        let parts = self.normalized(x, &axes, node.float("epsilon", 1e-5), true);
        let scale = self.per_channel(node.input(1)?, rank)?;
        let shift = self.per_channel(node.input(2)?, rank)?;
        Ok(self.scaled(&parts.result, Some(&scale), Some(&shift)))
    }

    pub(super) fn group_norm(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let shape = self.shape(x)?;
        let (batch, channels) = match shape.as_slice() {
            [batch, channels, ..] => (*batch, *channels),
            _ => return Err(Refusal::new("its operand has no channels")),
        };
        let groups = usize::try_from(node.int("num_groups", 1)).unwrap_or(0);
        if groups == 0 || channels % groups != 0 {
            return Err(Refusal::new("its groups do not divide its channels"));
        }
        let rest: usize = shape.iter().skip(2).product();
        let grouped = self.reshape(x, &[batch, groups, channels / groups * rest]);
        let parts = self.normalized(&grouped, &[2], node.float("epsilon", 1e-5), true);
        let (scale, shift) = (node.input(1)?, node.input(2)?);
        // Until operator set 21, scale and shift were per group.
        if self.shape(scale)?.iter().product::<usize>() == groups && groups != channels {
            let scale = self.reshape(scale, &[groups, 1]);
            let shift = self.reshape(shift, &[groups, 1]);
            let result = self.scaled(&parts.result, Some(&scale), Some(&shift));
            return Ok(self.reshape(&result, &shape));
        }
        let result = self.reshape(&parts.result, &shape);
        let scale = self.per_channel(scale, shape.len())?;
        let shift = self.per_channel(shift, shape.len())?;
        Ok(self.scaled(&result, Some(&scale), Some(&shift)))
    }

    pub(super) fn mean_variance_norm(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let axes = if node.ints("axes").is_some() {
            self.axes(node, 1)?
        } else {
            vec![0, 2, 3]
        };
        Ok(self.normalized(x, &axes, 1e-9, true).result)
    }

    pub(super) fn lp_norm(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let axis = self.axis(x, node.int("axis", -1))?;
        let operator = match node.int("p", 2) {
            1 => "ReduceL1",
            2 => "ReduceL2",
            p => {
                return Err(Refusal::new(format!(
                    "norms of order {p} are not supported"
                )));
            }
        };
        let norm = self.reduce(operator, x, &[axis], true);
        Ok(self.div(x, &norm))
    }

    /// `x·(bias + α/size·Σ x²)^-β`, the sum over channels around.
    pub(super) fn lrn(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let shape = self.shape(x)?;
        let [batch, channels, ..] = shape.as_slice() else {
            return Err(Refusal::new("its operand has no channels"));
        };
        let size = usize::try_from(node.int("size", 1)).unwrap_or(1);
        let (below, above) = ((size - 1) / 2, size / 2);
        let near = |at: &[usize]| match at {
            [to, from] => to.saturating_sub(below) <= *from && *from <= to + above,
            _ => false,
        };
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let each = node.float("alpha", 1e-4) / size as f64;
        let band = ArrayD::from_shape_fn(vec![*channels; 2], |i| {
            let at = [i[0], i[1]];
            if near(&at) { each } else { 0.0 }
        });
        let band = self.array(band);
        let square = self.mul(x, x);
        let flat = self.reshape(
            &square,
            &[*batch, *channels, shape.iter().skip(2).product()],
        );
        let sum = self.matmul(&band, &flat);
        let sum = self.reshape(&sum, &shape);
        let shifted = self.plus(&sum, node.float("bias", 1.0));
        let power = self.scalar(-node.float("beta", 0.75));
        let factor = self.binary("Pow", &shifted, &power);
        Ok(self.mul(x, &factor))
    }
}
