//! Interpolation and Fourier transforms: contractions with constant matrices.

use std::f64::consts::TAU;

use ndarray::{ArrayD, Dimension, IxDyn};

use super::rewriter::{Node, Outcome, Refusal, Rewriter, signed};
use super::tensor::integer;

/// How an axis is resized.
struct Axis {
    from: usize,
    to: usize,
    scale: f64,
    /// Where `tf_crop_and_resize` starts and ends, as fractions.
    crop: (f64, f64),
}

#[expect(clippy::cast_precision_loss, reason = "lengths")]
fn real(n: usize) -> f64 {
    n as f64
}

impl Axis {
    /// Where the output's position `k` lies in the input.
    fn source(&self, mode: &str, k: usize) -> Outcome<f64> {
        let (from, to, k) = (real(self.from), real(self.to), real(k));
        let half = (k + 0.5) / self.scale - 0.5;
        Ok(match mode {
            "half_pixel" => half,
            "pytorch_half_pixel" => {
                if self.to > 1 {
                    half
                } else {
                    0.0
                }
            }
            "half_pixel_symmetric" => {
                let adjustment = to / (self.scale * from);
                from / 2.0 * (1.0 - adjustment) + half
            }
            "align_corners" => {
                // The length before it is cut to a whole number, as in ONNX's own implementation.
                let length = self.scale * from;
                if length == 1.0 {
                    0.0
                } else {
                    k * (from - 1.0) / (length - 1.0)
                }
            }
            "asymmetric" => k / self.scale,
            "tf_half_pixel_for_nn" => (k + 0.5) / self.scale,
            "tf_crop_and_resize" => {
                let (start, end) = self.crop;
                if self.to > 1 {
                    start * (from - 1.0) + k * (end - start) * (from - 1.0) / (to - 1.0)
                } else {
                    0.5 * (start + end) * (from - 1.0)
                }
            }
            other => {
                return Err(Refusal::new(format!(
                    "coordinate transformation {other} is not supported"
                )));
            }
        })
    }
}

/// Weights of the positions around a fraction, with how far the first is from the position below.
fn kernel(mode: &str, t: f64, a: f64) -> Vec<(i64, f64)> {
    if mode == "linear" {
        return vec![(0, 1.0 - t), (1, t)];
    }
    let near = |d: f64| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    let far = |d: f64| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
    vec![
        (-1, far(1.0 + t)),
        (0, near(t)),
        (1, near(1.0 - t)),
        (2, far(2.0 - t)),
    ]
}

impl Rewriter {
    /// Linear and cubic `Resize`; nearest neighbours stay.
    pub(super) fn resize(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let mode = node.text("mode").unwrap_or_else(|| "nearest".to_owned());
        if mode == "nearest" {
            return Ok(None);
        }
        if node.flag("antialias") {
            return Err(Refusal::new("antialiasing is not supported"));
        }
        let policy = node.text("keep_aspect_ratio_policy");
        if policy.is_some_and(|p| p != "stretch") {
            return Err(Refusal::new("keeping the aspect ratio is not supported"));
        }
        let old = self.opset() < 11;
        let transform = match node.text("coordinate_transformation_mode") {
            _ if old => "asymmetric".to_owned(),
            Some(mode) => mode,
            None => "half_pixel".to_owned(),
        };
        let mut result = self.float(node.input(0)?);
        let shape = self.shape(&result)?;
        let axes = self.resized(node, &shape, old)?;
        let (a, exclude) = (
            node.float("cubic_coeff_a", -0.75),
            node.flag("exclude_outside"),
        );
        let crops = transform == "tf_crop_and_resize";
        let mut outside: Vec<Vec<bool>> = Vec::new();
        for (number, axis) in axes.iter().enumerate() {
            let mut m = ArrayD::zeros(vec![axis.from, axis.to]);
            let mut out = vec![false; axis.to];
            for (k, out) in out.iter_mut().enumerate() {
                let source = axis.source(&transform, k)?;
                if crops && (source < 0.0 || source > real(axis.from - 1)) {
                    *out = true;
                    continue;
                }
                let below = source.floor();
                let mut weights: Vec<(i64, f64)> = kernel(&mode, source - below, a)
                    .into_iter()
                    .map(|(d, w)| (integer(below) + d, w))
                    .collect();
                if exclude {
                    weights.retain(|(i, _)| (0..signed(axis.from)).contains(i));
                    let total: f64 = weights.iter().map(|(_, w)| w).sum();
                    weights.iter_mut().for_each(|(_, w)| *w /= total);
                }
                for (i, w) in weights {
                    let i = usize::try_from(i.clamp(0, signed(axis.from) - 1)).unwrap_or(0);
                    if let Some(cell) = m.get_mut(IxDyn(&[i, k])) {
                        *cell += w;
                    }
                }
            }
            let same = axis.from == axis.to
                && m.indexed_iter().all(|(i, v)| {
                    let diagonal = i.slice().first() == i.slice().get(1);
                    *v == f64::from(u8::from(diagonal))
                });
            if !same {
                let m = self.array(m);
                result = self.along_axis(&result, number, &m, axis.to);
            }
            outside.push(out);
        }
        let value = node.float("extrapolation_value", 0.0);
        if crops && value != 0.0 {
            let to: Vec<usize> = axes.iter().map(|a| a.to).collect();
            let beyond = ArrayD::from_shape_fn(IxDyn(&to), |i| {
                let mut places = i.slice().iter().zip(&outside);
                let out = places.any(|(k, out)| out.get(*k) == Some(&true));
                if out { value } else { 0.0 }
            });
            let beyond = self.array(beyond);
            result = self.add(&result, &beyond);
        }
        Ok(Some(vec![result]))
    }

    fn resized(&mut self, node: &Node, shape: &[usize], old: bool) -> Outcome<Vec<Axis>> {
        let (scales, sizes, crop) = if old {
            (node.optional(1), None, None)
        } else {
            (node.optional(2), node.optional(3), node.optional(1))
        };
        let mut list = |name: Option<&str>| -> Outcome<Vec<f64>> {
            Ok(match name {
                Some(name) => self.constant(name)?.flat(),
                None => Vec::new(),
            })
        };
        let (scales, sizes, crop) = (list(scales)?, list(sizes)?, list(crop)?);
        let named = if node.ints("axes").is_some() {
            let mut axes = Vec::new();
            for axis in node.ints("axes").unwrap_or_default() {
                axes.push(self.axis(node.input(0)?, axis)?);
            }
            axes
        } else {
            (0..shape.len()).collect()
        };
        let mut axes: Vec<Axis> = (shape.iter())
            .map(|n| Axis {
                from: *n,
                to: *n,
                scale: 1.0,
                crop: (0.0, 1.0),
            })
            .collect();
        for (k, number) in named.iter().enumerate() {
            let Some(axis) = axes.get_mut(*number) else {
                continue;
            };
            if let Some(size) = sizes.get(k) {
                axis.to = usize::try_from(integer(*size)).unwrap_or(0);
                axis.scale = size / real(axis.from);
            } else if let Some(scale) = scales.get(k) {
                axis.scale = *scale;
                let to = integer((real(axis.from) * scale).floor());
                axis.to = usize::try_from(to).unwrap_or(0);
            } else {
                return Err(Refusal::new(
                    "it has neither scales nor sizes for every axis",
                ));
            }
            if let (Some(start), Some(end)) = (crop.get(k), crop.get(k + named.len())) {
                axis.crop = (*start, *end);
            }
            if axis.to == 0 {
                return Err(Refusal::new("its result has no elements"));
            }
        }
        Ok(axes)
    }

    /// `[n, c, k, d]`: what part `c` (real, imaginary) of sample `n` adds to part `d` of frequency `k`.
    fn transform(
        &mut self,
        size: [usize; 3],
        length: usize,
        inverse: bool,
        window: &[f64],
    ) -> String {
        let [samples, parts, frequencies] = size;
        let scale = if inverse { 1.0 / real(length) } else { 1.0 };
        let direction = if inverse { 1.0 } else { -1.0 };
        let values = ArrayD::from_shape_fn(IxDyn(&[samples, parts, frequencies, 2]), |i| {
            let [n, c, k, d] = *i.slice() else {
                return 0.0;
            };
            if n >= length {
                return 0.0;
            }
            let angle = direction * TAU * real(n * k % length) / real(length);
            let weight = window.get(n).copied().unwrap_or(1.0) * scale;
            weight
                * match (c, d) {
                    (0, 0) | (1, 1) => angle.cos(),
                    (0, _) => angle.sin(),
                    _ => -angle.sin(),
                }
        });
        self.array(values)
    }

    /// `DFT`.
    pub(super) fn dft(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        let mut shape = self.shape(&x)?;
        let parts = shape.pop().unwrap_or(1);
        let axis = match node.optional(2) {
            Some(name) => self
                .constant(name)?
                .as_ints()
                .first()
                .copied()
                .unwrap_or(-2),
            None => node.int("axis", if self.opset() >= 20 { -2 } else { 1 }),
        };
        let axis = self.axis(&x, axis)?;
        let own = shape.get(axis).copied().unwrap_or(1);
        let length = match node.optional(1) {
            Some(name) => self.constant(name)?.as_ints().first().copied(),
            None => None,
        };
        let length = length.and_then(|n| usize::try_from(n).ok()).unwrap_or(own);
        let frequencies = if node.flag("onesided") {
            length / 2 + 1
        } else {
            length
        };
        let before: usize = shape.iter().take(axis).product();
        let after: usize = shape.iter().skip(axis + 1).product();
        let flat = self.reshape(&x, &[before, own, after, parts]);
        let size = [own, parts, frequencies];
        let matrix = self.transform(size, length, node.flag("inverse"), &[]);
        let result = self.einsum("bnac,nckd->bkad", &[&flat, &matrix]);
        if let Some(n) = shape.get_mut(axis) {
            *n = frequencies;
        }
        shape.push(2);
        Ok(self.reshape(&result, &shape))
    }

    /// `STFT`.
    pub(super) fn stft(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        let shape = self.shape(&x)?;
        let (batch, len) = match shape.as_slice() {
            [batch, len, ..] => (*batch, *len),
            _ => return Err(Refusal::new("its signal has not two axes")),
        };
        let parts = shape.get(2).copied().unwrap_or(1);
        let mut number = |slot: usize| -> Outcome<Option<usize>> {
            Ok(match node.optional(slot) {
                Some(name) => self.constant(name)?.as_ints().first().copied(),
                None => None,
            }
            .and_then(|n| usize::try_from(n).ok()))
        };
        let (step, length) = (number(1)?.unwrap_or(1).max(1), number(3)?);
        let window = match node.optional(2) {
            Some(name) => self.constant(name)?.flat(),
            None => Vec::new(),
        };
        let length = length.unwrap_or(window.len());
        if length == 0 || length > len {
            return Err(Refusal::new(
                "its frames are longer than the signal, or empty",
            ));
        }
        let frames = (len - length) / step + 1;
        let order: Vec<usize> = (0..frames)
            .flat_map(|f| f * step..f * step + length)
            .collect();
        let signal = self.reshape(&x, &[batch, len, parts]);
        let framed = self.take(&signal, 1, &order)?;
        let framed = self.reshape(&framed, &[batch, frames, length, parts]);
        let frequencies = if node.int("onesided", 1) != 0 {
            length / 2 + 1
        } else {
            length
        };
        let matrix = self.transform([length, parts, frequencies], length, false, &window);
        Ok(self.einsum("bfnc,nckd->bfkd", &[&framed, &matrix]))
    }
}
