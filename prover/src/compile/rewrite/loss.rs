//! Losses with constant targets: sums of log-probabilities times constants.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::rewriter::{Node, Outcome, Refusal, Rewriter};
use super::tensor::integer;

impl Rewriter {
    /// `SoftmaxCrossEntropyLoss`.
    pub(super) fn cross_entropy(&mut self, node: &Node) -> Outcome<Vec<String>> {
        let logits = self.log_softmax(node.input(0)?, 1);
        let loss = self.likelihood(node, &logits)?;
        Ok(vec![loss, logits])
    }

    /// `NegativeLogLikelihoodLoss` of the log-probabilities `x`.
    pub(super) fn likelihood(&mut self, node: &Node, x: &str) -> Outcome<String> {
        let shape = self.shape(x)?;
        let targets = self.constant(node.input(1)?)?;
        let weights = match node.optional(2) {
            Some(name) => Some(self.constant(name)?.flat()),
            None => None,
        };
        let ignored = node
            .ints("ignore_index")
            .map(|_| node.int("ignore_index", 0));
        let weight = |target: f64| -> f64 {
            let target = integer(target);
            if ignored == Some(target) {
                return 0.0;
            }
            match (&weights, usize::try_from(target)) {
                (Some(weights), Ok(t)) => weights.get(t).copied().unwrap_or(0.0),
                (None, _) => 1.0,
                (Some(_), Err(_)) => 0.0,
            }
        };
        let reduction = node.text("reduction").unwrap_or_else(|| "mean".to_owned());
        let total: f64 = targets.values.iter().map(|t| weight(*t)).sum();
        let scale = match reduction.as_str() {
            "mean" if total != 0.0 => 1.0 / total,
            "mean" => return Err(Refusal::new("its weights add up to zero")),
            "sum" | "none" => 1.0,
            other => return Err(Refusal::new(format!("reduction {other} is not supported"))),
        };
        let factor = ArrayD::from_shape_fn(IxDyn(&shape), |i| {
            let index = i.slice();
            let place: Vec<usize> = index
                .iter()
                .take(1)
                .chain(index.iter().skip(2))
                .copied()
                .collect();
            let class = index.get(1).and_then(|c| i64::try_from(*c).ok());
            let target = targets.values.get(IxDyn(&place)).copied().unwrap_or(0.0);
            if class == Some(integer(target)) {
                -weight(target) * scale
            } else {
                0.0
            }
        });
        let factor = self.array(factor);
        let product = self.mul(x, &factor);
        let axes: Vec<usize> = if reduction == "none" {
            vec![1]
        } else {
            (0..shape.len()).collect()
        };
        Ok(self.reduce("ReduceSum", &product, &axes, false))
    }
}
