//! Which elements are the largest, exactly and with ties decided by position: everyone is compared with everyone.
//!
//! Differences of two elements of one tensor are exact in integers, so no rounding decides. The price is a row per pair.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::rewriter::{Kind, Node, Outcome, Refusal, Rewriter};

/// Longer axes would cost too many rows.
const LONGEST: usize = 128;

/// Which elements come first.
#[derive(Clone, Copy)]
struct Order {
    largest: bool,
    /// Of equals, the last.
    last: bool,
}

impl Rewriter {
    /// One-hot of the largest, the first of equals.
    pub(super) fn hardmax(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        let shape = self.shape(&x)?;
        let order = Order {
            largest: true,
            last: false,
        };
        let (flat, axis) = if self.opset() < 13 {
            let axis = self.axis(&x, node.int("axis", 1))?;
            let (outer, inner) = shape.split_at(axis);
            let flat = [outer.iter().product(), inner.iter().product()];
            (self.reshape(&x, &flat), 1)
        } else {
            (x.clone(), self.axis(&x, node.int("axis", -1))?)
        };
        let places = self.places(&flat, axis, 1, order)?;
        let result = self.einsum("bjak->bja", &[&places]);
        Ok(self.reshape(&result, &shape))
    }

    /// `ArgMax` and `ArgMin`.
    pub(super) fn arg_best(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        let mut shape = self.shape(&x)?;
        let axis = self.axis(&x, node.int("axis", 0))?;
        let order = Order {
            largest: node.operator() == "ArgMax",
            last: node.flag("select_last_index"),
        };
        let len = shape.get(axis).copied().unwrap_or(1);
        let places = self.places(&x, axis, 1, order)?;
        let positions = self.positions_to(len);
        let result = self.einsum("bjak,j->bka", &[&places, &positions]);
        if node.int("keepdims", 1) != 0 {
            if let Some(n) = shape.get_mut(axis) {
                *n = 1;
            }
        } else {
            shape.remove(axis);
        }
        let result = self.reshape(&result, &shape);
        self.mean(&result, Kind::Whole);
        Ok(result)
    }

    /// `TopK`, sorted.
    pub(super) fn top_k(&mut self, node: &Node) -> Outcome<Vec<String>> {
        let x = self.float(node.input(0)?);
        let mut shape = self.shape(&x)?;
        let axis = self.axis(&x, node.int("axis", -1))?;
        let k = match node.optional(1) {
            Some(name) => self.constant(name)?.as_ints().first().copied(),
            None => Some(node.int("k", 1)),
        };
        let k = k.and_then(|k| usize::try_from(k).ok()).unwrap_or(1);
        let order = Order {
            largest: node.int("largest", 1) != 0,
            last: false,
        };
        let len = shape.get(axis).copied().unwrap_or(1);
        let places = self.places(&x, axis, k, order)?;
        let flat = self.three(&x, axis)?;
        let values = self.einsum("bjak,bja->bka", &[&places, &flat]);
        let positions = self.positions_to(len);
        let indices = self.einsum("bjak,j->bka", &[&places, &positions]);
        if let Some(n) = shape.get_mut(axis) {
            *n = k;
        }
        let (values, indices) = (
            self.reshape(&values, &shape),
            self.reshape(&indices, &shape),
        );
        self.mean(&indices, Kind::Whole);
        Ok(vec![values, indices])
    }

    #[expect(clippy::cast_precision_loss, reason = "positions")]
    fn positions_to(&mut self, len: usize) -> String {
        self.array(ArrayD::from_shape_fn(vec![len], |i| i[0] as f64))
    }

    /// The tensor with one axis for those before `axis`, and one for those after it.
    fn three(&mut self, x: &str, axis: usize) -> Outcome<String> {
        let shape = self.shape(x)?;
        let before = shape.iter().take(axis).product();
        let after = shape.iter().skip(axis + 1).product();
        let len = shape.get(axis).copied().unwrap_or(1);
        Ok(self.reshape(x, &[before, len, after]))
    }

    /// `[b, j, a, k]`: whether element `j` of line `b, a` is the `k`th.
    fn places(&mut self, x: &str, axis: usize, count: usize, order: Order) -> Outcome<String> {
        let flat = self.three(x, axis)?;
        let shape = self.shape(&flat)?;
        let [before, len, after] = *shape.as_slice() else {
            return Err(Refusal::new("its operand has no axes"));
        };
        if len > LONGEST {
            return Err(Refusal::new(format!(
                "it orders {len} elements; up to {LONGEST} are supported"
            )));
        }
        let own = self.reshape(&flat, &[before, len, 1, after]);
        let others = self.reshape(&flat, &[before, 1, len, after]);
        let lead = if order.largest {
            self.sub(&others, &own)
        } else {
            self.sub(&own, &others)
        };
        let sign = self.sign(&lead);
        // Equals lose against those before them, or behind them.
        let ties = ArrayD::from_shape_fn(IxDyn(&[len, len, 1]), |i| {
            let (own, other) = (i.slice().first(), i.slice().get(1));
            let beaten = if order.last { other > own } else { other < own };
            if beaten { 0.5 } else { -0.5 }
        });
        let ties = self.array(ties);
        let decided = self.add(&sign, &ties);
        let decided = self.sign(&decided);
        let beaten = self.unary("Relu", &decided);
        let rank = self.reduce("ReduceSum", &beaten, &[2], false);
        let rank = self.reshape(&rank, &[before, len, after, 1]);
        let wanted = self.positions_to(count);
        let difference = self.sub(&rank, &wanted);
        let sign = self.sign(&difference);
        let other = self.unary("Abs", &sign);
        let one = self.scalar(1.0);
        Ok(self.sub(&one, &other))
    }
}
