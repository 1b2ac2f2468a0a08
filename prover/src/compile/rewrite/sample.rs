//! `GridSample`: reading between pixels, at computed places. A pixel's weight is a function of its distance from the place, so what is
//! read is a sum over all pixels.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::rewriter::{Node, Outcome, Refusal, Rewriter};

/// How places become weights.
struct Sampling {
    mode: String,
    padding: String,
    aligned: bool,
}

#[expect(clippy::cast_precision_loss, reason = "lengths")]
fn real(n: usize) -> f64 {
    n as f64
}

impl Rewriter {
    pub(super) fn grid_sample(&mut self, node: &Node) -> Outcome<String> {
        let (x, grid) = (self.float(node.input(0)?), self.float(node.input(1)?));
        let [batch, _, height, width] = *self.shape(&x)?.as_slice() else {
            return Err(Refusal::new("its operand has not four axes"));
        };
        let [_, rows, columns, _] = *self.shape(&grid)?.as_slice() else {
            return Err(Refusal::new("its grid has not four axes"));
        };
        let sampling = Sampling {
            mode: node.text("mode").unwrap_or_else(|| "bilinear".to_owned()),
            padding: node
                .text("padding_mode")
                .unwrap_or_else(|| "zeros".to_owned()),
            aligned: node.flag("align_corners"),
        };
        let mut weights = Vec::new();
        for (k, len) in [width, height].into_iter().enumerate() {
            let place = self.slice(&grid, 3, k, k + 1);
            let place = self.reshape(&place, &[batch, rows, columns, 1]);
            weights.push(self.pixel_weights(&place, len, &sampling)?);
        }
        let [across, down] = weights.as_slice() else {
            return Err(Refusal::new("its grid has not two coordinates"));
        };
        let lines = self.einsum("nchw,nopw->nchop", &[&x, across]);
        Ok(self.einsum("nchop,noph->ncop", &[&lines, down]))
    }

    /// Of places between -1 and 1, the weights of `len` pixels.
    fn pixel_weights(&mut self, place: &str, len: usize, how: &Sampling) -> Outcome<String> {
        let (scale, shift) = if how.aligned {
            ((real(len) - 1.0) / 2.0, (real(len) - 1.0) / 2.0)
        } else {
            (real(len) / 2.0, (real(len) - 1.0) / 2.0)
        };
        let scaled = self.times(place, scale);
        let mut source = self.plus(&scaled, shift);
        let last = real(len) - 1.0;
        match how.padding.as_str() {
            "zeros" => {}
            // Clamping a place is clamping its pixels where weights are those of two neighbours.
            "border" if how.mode != "bicubic" => source = self.clamped(&source, 0.0, last),
            "reflection" if how.mode != "bicubic" => {
                let (low, high) = if how.aligned {
                    (0.0, last)
                } else {
                    (-0.5, last + 0.5)
                };
                source = self.folded(&source, low, high);
                source = self.clamped(&source, 0.0, last);
            }
            other => {
                return Err(Refusal::new(format!(
                    "padding {other} with mode {} is not supported",
                    how.mode
                )));
            }
        }
        if how.mode == "nearest" {
            source = self.unary("Round", &source);
        }
        let pixels = ArrayD::from_shape_fn(IxDyn(&[1, 1, 1, len]), |i| {
            real(i.slice().last().copied().unwrap_or(0))
        });
        let pixels = self.array(pixels);
        let difference = self.sub(&source, &pixels);
        let distance = self.unary("Abs", &difference);
        match how.mode.as_str() {
            "bilinear" | "linear" | "nearest" => {
                let below = self.times(&distance, -1.0);
                let weight = self.plus(&below, 1.0);
                Ok(self.unary("Relu", &weight))
            }
            "bicubic" | "cubic" => Ok(self.cubic(&distance)),
            other => Err(Refusal::new(format!("mode {other} is not supported"))),
        }
    }

    /// Reflected at both ends, as often as needed.
    fn folded(&mut self, x: &str, low: f64, high: f64) -> String {
        let length = high - low;
        if length <= 0.0 {
            let zero = self.times(x, 0.0);
            return self.plus(&zero, low);
        }
        // The distance from the nearest multiple of twice the length.
        let above = self.plus(x, -low);
        let turns = self.times(&above, 0.5 / length);
        let nearest = self.unary("Round", &turns);
        let rest = self.sub(&turns, &nearest);
        let distance = self.unary("Abs", &rest);
        let distance = self.times(&distance, 2.0 * length);
        self.plus(&distance, low)
    }

    /// `((a + 2)d - (a + 3))d² + 1` up to 1, `((ad - 5a)d + 8a)d - 4a` up to 2, for `a = -0.75`.
    fn cubic(&mut self, d: &str) -> String {
        let a = -0.75;
        let near = self.polynomial(d, &[a + 2.0, -(a + 3.0), 0.0, 1.0]);
        let far = self.polynomial(d, &[a, -5.0 * a, 8.0 * a, -4.0 * a]);
        let within = |writer: &mut Self, bound: f64| {
            let below = writer.times(d, -1.0);
            let below = writer.plus(&below, bound);
            let sign = writer.sign(&below);
            writer.unary("Relu", &sign)
        };
        let (one, two) = (within(self, 1.0), within(self, 2.0));
        let ring = self.sub(&two, &one);
        let inner = self.mul(&one, &near);
        let outer = self.mul(&ring, &far);
        self.add(&inner, &outer)
    }

    /// By Horner's rule, the highest power first.
    fn polynomial(&mut self, x: &str, coefficients: &[f64]) -> String {
        let mut result = self.times(x, 0.0);
        for (k, c) in coefficients.iter().enumerate() {
            if k > 0 {
                result = self.mul(&result, x);
            }
            result = self.plus(&result, *c);
        }
        result
    }
}
