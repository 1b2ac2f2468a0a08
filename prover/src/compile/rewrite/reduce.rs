//! Reductions, and functions of many elements: sums of something, then a function of the sum.

use super::rewriter::{Node, Outcome, Refusal, Rewriter, Value, signed};

impl Rewriter {
    /// The reductions that are sums, maxima or products of simpler things.
    pub(super) fn reduction(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let keep = node.int("keepdims", 1) != 0;
        let named = self.axes(node, 1)?;
        let shape = self.shape(x)?;
        let axes: Vec<usize> = match named.as_slice() {
            [] if node.flag("noop_with_empty_axes") => return Ok(x.to_owned()),
            [] => (0..shape.len()).collect(),
            _ => named,
        };
        Ok(match node.operator() {
            "ReduceL1" => {
                let size = self.unary("Abs", x);
                self.reduce("ReduceSum", &size, &axes, keep)
            }
            "ReduceL2" => {
                let sum = self.squares(x, &axes, keep);
                self.unary("Sqrt", &sum)
            }
            "ReduceSumSquare" => self.squares(x, &axes, keep),
            "ReduceLogSum" => {
                let sum = self.reduce("ReduceSum", x, &axes, keep);
                self.unary("Log", &sum)
            }
            "ReduceLogSumExp" => {
                let largest = self.reduce("ReduceMax", x, &axes, true);
                let rest = self.sub(x, &largest);
                let exp = self.unary("Exp", &rest);
                let sum = self.reduce("ReduceSum", &exp, &axes, true);
                let log = self.unary("Log", &sum);
                let result = self.add(&largest, &log);
                let left = |(i, n): (usize, &usize)| {
                    let reduced = axes.contains(&i);
                    (!reduced || keep).then_some(if reduced { 1 } else { *n })
                };
                let shape: Vec<usize> = shape.iter().enumerate().filter_map(left).collect();
                self.reshape(&result, &shape)
            }
            "ReduceProd" => self.product(x, &axes, keep)?,
            operator => return Err(Refusal::new(format!("{operator} has no rule"))),
        })
    }

    fn squares(&mut self, x: &str, axes: &[usize], keep: bool) -> String {
        let square = self.mul(x, x);
        self.reduce("ReduceSum", &square, axes, keep)
    }

    /// Halves are multiplied until one element is left.
    fn product(&mut self, x: &str, axes: &[usize], keep: bool) -> Outcome<String> {
        let mut shape = self.shape(x)?;
        let mut result = x.to_owned();
        for axis in axes {
            let mut len = shape.get(*axis).copied().unwrap_or(0);
            if len == 0 {
                return Err(Refusal::new("a product of nothing"));
            }
            while len > 1 {
                let half = len / 2;
                let a = self.slice(&result, *axis, 0, half);
                let b = self.slice(&result, *axis, half, 2 * half);
                let both = self.mul(&a, &b);
                result = if len % 2 == 1 {
                    let rest = self.slice(&result, *axis, len - 1, len);
                    self.concat(&[both, rest], *axis)
                } else {
                    both
                };
                len = half + len % 2;
            }
            if let Some(n) = shape.get_mut(*axis) {
                *n = 1;
            }
        }
        if !keep {
            let left = |(i, n): (usize, &usize)| (!axes.contains(&i)).then_some(*n);
            let shape: Vec<usize> = shape.iter().enumerate().filter_map(left).collect();
            result = self.reshape(&result, &shape);
        }
        Ok(result)
    }

    /// The mean of several tensors.
    pub(super) fn mean_of(&mut self, node: &Node) -> Outcome<String> {
        let names = node.inputs();
        let mut sum = node.input(0)?.to_owned();
        for name in names.iter().skip(1) {
            sum = self.add(&sum, name);
        }
        #[expect(clippy::cast_precision_loss, reason = "few")]
        let count = names.len() as f64;
        Ok(self.times(&sum, 1.0 / count))
    }

    /// The logarithm of the softmax along one axis.
    pub(super) fn log_softmax(&mut self, x: &str, axis: usize) -> String {
        if self.opset() >= 13 {
            let axis = ("axis", Value::Int(signed(axis)));
            return self.write_plain("LogSoftmax", &[x], &[axis]);
        }
        let largest = self.reduce("ReduceMax", x, &[axis], true);
        let rest = self.sub(x, &largest);
        let exp = self.unary("Exp", &rest);
        let sum = self.reduce("ReduceSum", &exp, &[axis], true);
        let log = self.unary("Log", &sum);
        self.sub(&rest, &log)
    }
}
