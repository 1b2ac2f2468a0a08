//! The vocabulary that rules are written in: nodes that the translation knows, in the forms of the model's own operator set.

use ndarray::ArrayD;

use super::rewriter::{Kind, Node, Outcome, Refusal, Rewriter, Value, signed};
use super::tensor::{Constant, integer};

/// Up to so many slices are concatenated rather than gathered.
const SLICES: usize = 64;

impl Rewriter {
    pub fn scalar(&mut self, value: f64) -> String {
        self.constant_named(Constant::scalar(value))
    }

    pub fn array(&mut self, values: ArrayD<f64>) -> String {
        self.constant_named(Constant::floats(values))
    }

    fn ints(&mut self, values: &[i64]) -> String {
        self.constant_named(Constant::ints(values))
    }

    fn lens(&mut self, values: &[usize]) -> String {
        let values: Vec<i64> = values.iter().map(|n| signed(*n)).collect();
        self.ints(&values)
    }

    pub fn unary(&mut self, operator: &str, x: &str) -> String {
        self.write(operator, &[x], &[])
    }

    pub fn binary(&mut self, operator: &str, a: &str, b: &str) -> String {
        self.write_plain(operator, &[a, b], &[])
    }

    pub fn add(&mut self, a: &str, b: &str) -> String {
        self.binary("Add", a, b)
    }

    pub fn sub(&mut self, a: &str, b: &str) -> String {
        self.binary("Sub", a, b)
    }

    pub fn mul(&mut self, a: &str, b: &str) -> String {
        self.binary("Mul", a, b)
    }

    pub fn div(&mut self, a: &str, b: &str) -> String {
        self.binary("Div", a, b)
    }

    pub fn plus(&mut self, a: &str, value: f64) -> String {
        let value = self.scalar(value);
        self.add(a, &value)
    }

    pub fn times(&mut self, a: &str, value: f64) -> String {
        let value = self.scalar(value);
        self.mul(a, &value)
    }

    pub fn reshape(&mut self, x: &str, shape: &[usize]) -> String {
        if self.shape(x).is_ok_and(|own| own == shape) {
            return x.to_owned();
        }
        let shape = self.lens(shape);
        self.write("Reshape", &[x, &shape], &[])
    }

    pub fn expand(&mut self, x: &str, shape: &[usize]) -> String {
        if self.shape(x).is_ok_and(|own| own == shape) {
            return x.to_owned();
        }
        let shape = self.lens(shape);
        self.write("Expand", &[x, &shape], &[])
    }

    pub fn transpose(&mut self, x: &str, axes: &[usize]) -> String {
        let axes: Vec<i64> = axes.iter().map(|a| signed(*a)).collect();
        self.write("Transpose", &[x], &[("perm", Value::Ints(&axes))])
    }

    pub fn matmul(&mut self, a: &str, b: &str) -> String {
        self.write_plain("MatMul", &[a, b], &[])
    }

    pub fn einsum(&mut self, equation: &str, operands: &[&str]) -> String {
        self.write_plain("Einsum", operands, &[("equation", Value::Text(equation))])
    }

    /// `x[…, from..to, …]`.
    pub fn slice(&mut self, x: &str, axis: usize, from: usize, to: usize) -> String {
        let (axis, from, to) = (signed(axis), signed(from), signed(to));
        if self.opset() < 10 {
            let attributes = [
                ("axes", Value::Ints(&[axis])),
                ("starts", Value::Ints(&[from])),
                ("ends", Value::Ints(&[to])),
            ];
            return self.write("Slice", &[x], &attributes);
        }
        let operands = [from, to, axis].map(|v| self.ints(&[v]));
        let [from, to, axis] = &operands;
        self.write("Slice", &[x, from, to, axis], &[])
    }

    pub fn concat(&mut self, parts: &[String], axis: usize) -> String {
        match parts {
            [one] => one.clone(),
            _ => {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.write("Concat", &parts, &[("axis", Value::Int(signed(axis)))])
            }
        }
    }

    /// A reduction over `axes`.
    pub fn reduce(&mut self, operator: &str, x: &str, axes: &[usize], keep: bool) -> String {
        let axes: Vec<i64> = axes.iter().map(|a| signed(*a)).collect();
        let keep = ("keepdims", Value::Int(i64::from(keep)));
        if self.opset() >= 18 || (self.opset() >= 13 && operator == "ReduceSum") {
            let axes = self.ints(&axes);
            return self.write(operator, &[x, &axes], &[keep]);
        }
        self.write(operator, &[x], &[("axes", Value::Ints(&axes)), keep])
    }

    /// The elements at `indices` of one axis, in order.
    pub fn take(&mut self, x: &str, axis: usize, indices: &[usize]) -> Outcome<String> {
        let len = self.shape(x)?.get(axis).copied().unwrap_or(0);
        if indices.iter().any(|i| *i >= len) {
            return Err(Refusal::new(format!(
                "an index is beyond its axis of length {len}"
            )));
        }
        if indices.iter().copied().eq(0..len) {
            return Ok(x.to_owned());
        }
        let runs = runs(indices);
        if runs.len() > SLICES {
            let indices = self.lens(indices);
            return Ok(self.write_plain(
                "Gather",
                &[x, &indices],
                &[("axis", Value::Int(signed(axis)))],
            ));
        }
        let parts: Vec<String> = runs
            .iter()
            .map(|(from, to)| self.slice(x, axis, *from, *to))
            .collect();
        Ok(self.concat(&parts, axis))
    }

    /// The row-major elements at `indices`, in a shape.
    pub fn pick(&mut self, x: &str, indices: &[usize], shape: &[usize]) -> Outcome<String> {
        let count = self.shape(x)?.iter().product();
        let flat = self.reshape(x, &[count]);
        let taken = self.take(&flat, 0, indices)?;
        Ok(self.reshape(&taken, shape))
    }

    /// An axis of a tensor, counted from the end if negative.
    pub fn axis(&self, x: &str, axis: i64) -> Outcome<usize> {
        axis_of(axis, self.shape(x)?.len())
    }

    /// The axes that a node names by attribute or operand `slot`, sorted; none if it names none.
    pub fn axes(&mut self, node: &Node, slot: usize) -> Outcome<Vec<usize>> {
        let rank = self.shape(node.input(0)?)?.len();
        let axes = match (node.ints("axes"), node.optional(slot)) {
            (Some(axes), _) => axes,
            (None, Some(name)) => self.constant(name)?.as_ints(),
            (None, None) => Vec::new(),
        };
        let mut axes = axes
            .into_iter()
            .map(|a| axis_of(a, rank))
            .collect::<Outcome<Vec<_>>>()?;
        axes.sort_unstable();
        Ok(axes)
    }

    /// A constant operand as positions on an axis of length `len`, counted from the end if negative.
    pub fn positions(&mut self, name: &str, len: usize) -> Outcome<ArrayD<usize>> {
        let values = self.constant(name)?;
        let mut bad = None;
        let position = |v: &f64| {
            let at = integer(*v);
            let at = if at < 0 { at + signed(len) } else { at };
            usize::try_from(at)
                .ok()
                .filter(|p| *p < len)
                .unwrap_or_else(|| {
                    bad = Some(at);
                    0
                })
        };
        let positions = values.values.map(position);
        match bad {
            Some(at) => Err(Refusal::new(format!(
                "index {at} is beyond an axis of length {len}"
            ))),
            None => Ok(positions),
        }
    }

    /// The sign, `-1`, `0` or `1`.
    pub fn sign(&mut self, x: &str) -> String {
        self.write_plain("Sign", &[x], &[])
    }

    /// Without what follows the point.
    pub fn truncated(&mut self, x: &str) -> String {
        let sign = self.sign(x);
        let size = self.unary("Abs", x);
        let floor = self.unary("Floor", &size);
        let result = self.mul(&sign, &floor);
        self.mean(&result, Kind::Whole);
        result
    }
}

/// The runs of successive indices, each from its first to behind its last. (The importer errs on slices with steps behind a change of
/// shape, so there are none.)
fn runs(indices: &[usize]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for index in indices {
        match runs.last_mut() {
            Some((_, end)) if end == index => *end += 1,
            _ => runs.push((*index, index + 1)),
        }
    }
    runs
}

fn axis_of(axis: i64, rank: usize) -> Outcome<usize> {
    let at = if axis < 0 { axis + signed(rank) } else { axis };
    usize::try_from(at)
        .ok()
        .filter(|a| *a < rank)
        .ok_or_else(|| Refusal::new(format!("it has no axis {axis}")))
}
