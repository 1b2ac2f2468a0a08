//! Truth values, comparisons, whole numbers: arithmetic on 0 and 1, and functions with jumps.

use ndarray::ArrayD;
use tract_onnx::pb::tensor_proto::DataType;

use super::rewriter::{Kind, Node, Outcome, Refusal, Rewriter};

impl Rewriter {
    /// `And`, `Or`, `Xor`, `Not`.
    pub(super) fn boolean(&mut self, node: &Node) -> Outcome<String> {
        let a = self.float(node.input(0)?);
        let result = if node.operator() == "Not" {
            let one = self.scalar(1.0);
            self.sub(&one, &a)
        } else {
            let b = self.float(node.input(1)?);
            match node.operator() {
                "And" => self.mul(&a, &b),
                "Or" => self.binary("Max", &a, &b),
                _ => {
                    let difference = self.sub(&a, &b);
                    self.unary("Abs", &difference)
                }
            }
        };
        self.mean(&result, Kind::Truth);
        Ok(result)
    }

    /// Comparisons, by the sign of a difference.
    pub(super) fn comparison(&mut self, node: &Node) -> Outcome<String> {
        let (a, b) = (self.float(node.input(0)?), self.float(node.input(1)?));
        let swapped = matches!(node.operator(), "Less" | "GreaterOrEqual");
        let difference = if swapped {
            self.sub(&b, &a)
        } else {
            self.sub(&a, &b)
        };
        let sign = self.sign(&difference);
        let strict = match node.operator() {
            "Equal" => self.unary("Abs", &sign),
            _ => self.unary("Relu", &sign),
        };
        let result = if matches!(node.operator(), "Less" | "Greater") {
            strict
        } else {
            let one = self.scalar(1.0);
            self.sub(&one, &strict)
        };
        self.mean(&result, Kind::Truth);
        Ok(result)
    }

    /// A choice: by a constant it stays, otherwise it is `b + c·(a - b)`.
    pub(super) fn choice(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let condition = node.input(0)?;
        let (a, b) = (self.float(node.input(1)?), self.float(node.input(2)?));
        if self.is_constant(condition) {
            if self.unbounded(&a)? || self.unbounded(&b)? {
                // A mask.
                return Ok(None);
            }
            return self
                .constant_choice(condition, &a, &b)
                .map(|r| Some(vec![r]));
        }
        if self.unbounded(&a)? || self.unbounded(&b)? {
            return Err(Refusal::new(
                "a computed condition chooses between a computed and an unbounded value",
            ));
        }
        let kind = self.kind(node.input(1)?);
        let difference = self.sub(&a, &b);
        let part = self.mul(condition, &difference);
        let result = self.add(&b, &part);
        self.mean(&result, kind);
        Ok(Some(vec![result]))
    }

    /// Whether a tensor is a constant that stands for infinity.
    fn unbounded(&mut self, name: &str) -> Outcome<bool> {
        if !self.is_constant(name) {
            return Ok(false);
        }
        let values = self.constant(name)?;
        Ok(values
            .values
            .iter()
            .any(|v| !v.is_finite() || v.abs() > 1e6))
    }

    /// `m·a + (1 - m)·b` for a constant `m` of zeros and ones.
    fn constant_choice(&mut self, condition: &str, a: &str, b: &str) -> Outcome<String> {
        let mask = self.constant(condition)?.values.clone();
        let kind = self.kind(a);
        let mut part = |side: &str, mask: ArrayD<f64>| -> Outcome<String> {
            if !self.is_constant(side) {
                let mask = self.array(mask);
                return Ok(self.mul(side, &mask));
            }
            let values = self.constant(side)?.values.clone();
            let shape = broadcast(values.shape(), mask.shape());
            let (Some(values), Some(mask)) =
                (values.broadcast(shape.clone()), mask.broadcast(shape))
            else {
                return Err(Refusal::new("its operands do not fit each other"));
            };
            let pairs = values.iter().zip(mask.iter());
            let flat: Vec<f64> = pairs
                .map(|(v, m)| if *m == 0.0 { 0.0 } else { *v })
                .collect();
            let product = ArrayD::from_shape_vec(values.raw_dim(), flat);
            let product = product.map_err(|e| Refusal::new(e.to_string()))?;
            Ok(self.array(product))
        };
        let first = part(a, mask.clone())?;
        let second = part(b, mask.mapv(|m| 1.0 - m))?;
        let result = self.add(&first, &second);
        self.mean(&result, kind);
        Ok(result)
    }

    /// `Cast` and `CastLike`: whole numbers are cut off, truth values are what is not zero.
    pub(super) fn cast(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let x = node.input(0)?;
        if self.is_constant(x) {
            return Ok(None);
        }
        let target = if node.operator() == "CastLike" {
            self.kind(node.input(1)?)
        } else {
            let to = i32::try_from(node.int("to", 0)).unwrap_or(0);
            match DataType::try_from(to) {
                Ok(DataType::String) => return Err(Refusal::new("text cannot be computed")),
                Ok(to) => Kind::of(to),
                Err(_) => return Err(Refusal::new("its type is unknown")),
            }
        };
        let kind = self.kind(x);
        if target == Kind::Whole && self.is_index(x) {
            return Ok(Some(vec![x.to_owned()]));
        }
        let x = self.float(x);
        let result = match (kind, target) {
            (Kind::Real, Kind::Whole) => self.truncated(&x),
            (Kind::Real | Kind::Whole, Kind::Truth) => {
                let sign = self.sign(&x);
                self.unary("Abs", &sign)
            }
            _ => self.unary("Identity", &x),
        };
        self.mean(&result, target);
        Ok(Some(vec![result]))
    }

    /// Division of whole numbers cuts off; half a divisor's part is added so that no rounding can reach the integer below.
    pub(super) fn whole_division(&mut self, node: &Node) -> Outcome<String> {
        let (a, b) = (self.float(node.input(0)?), self.float(node.input(1)?));
        let (above, below) = (self.unary("Abs", &a), self.unary("Abs", &b));
        let above = self.plus(&above, 0.5);
        let quotient = self.div(&above, &below);
        let floor = self.unary("Floor", &quotient);
        let signs = [self.sign(&a), self.sign(&b)];
        let [sa, sb] = &signs;
        let sign = self.mul(sa, sb);
        let result = self.mul(&sign, &floor);
        self.mean(&result, Kind::Whole);
        Ok(result)
    }

    /// `a - b·⌊a/b⌋`, or with `fmod` `a - b·trunc(a/b)`.
    pub(super) fn remainder(&mut self, node: &Node) -> Outcome<String> {
        let whole = self.kind(node.input(0)?) == Kind::Whole;
        let (a, b) = (self.float(node.input(0)?), self.float(node.input(1)?));
        let quotient = if node.flag("fmod") {
            if whole {
                self.whole_division(node)?
            } else {
                let (sign, size) = (self.sign(&b), self.unary("Abs", &b));
                let above = self.mul(&sign, &a);
                let quotient = self.div(&above, &size);
                self.truncated(&quotient)
            }
        } else {
            // Divisors are positive: both change their signs.
            let (sign, size) = (self.sign(&b), self.unary("Abs", &b));
            let above = self.mul(&sign, &a);
            let above = self.plus(&above, if whole { 0.5 } else { 0.0 });
            let quotient = self.div(&above, &size);
            self.unary("Floor", &quotient)
        };
        let multiple = self.mul(&b, &quotient);
        let result = self.sub(&a, &multiple);
        self.mean(&result, if whole { Kind::Whole } else { Kind::Real });
        Ok(result)
    }

    /// `x` beyond a threshold, nearer to zero by a bias.
    pub(super) fn shrink(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        let (bias, threshold) = (node.float("bias", 0.0), node.float("lambd", 0.5));
        let size = self.unary("Abs", &x);
        let beyond = self.plus(&size, -threshold);
        let sign = self.sign(&beyond);
        let kept = self.unary("Relu", &sign);
        let nearer = self.plus(&size, -bias);
        let own = self.sign(&x);
        let signed = self.mul(&own, &nearer);
        Ok(self.mul(&kept, &signed))
    }
}

/// The shape that two shapes are broadcast to.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let len = |s: &[usize], i: usize| {
        let at = (i + s.len()).checked_sub(rank);
        at.and_then(|at| s.get(at)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|i| match (len(a, i), len(b, i)) {
            (1, n) => n,
            (n, _) => n,
        })
        .collect()
}
