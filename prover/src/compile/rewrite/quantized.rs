//! Quantized operators: whole numbers with scales and zero points, computed as real numbers that are rounded where ONNX rounds.

use ndarray::ArrayD;
use tract_onnx::pb::tensor_proto::DataType;

use super::rewriter::{Kind, Node, Outcome, Refusal, Rewriter};

impl Rewriter {
    /// `min(max(x, low), high)`.
    pub(super) fn clamped(&mut self, x: &str, low: f64, high: f64) -> String {
        let (low, high) = (self.scalar(low), self.scalar(high));
        let above = self.binary("Max", x, &low);
        self.binary("Min", &above, &high)
    }

    /// A scale or zero point in the shape that fits axis `axis` of a tensor of rank `rank`.
    fn aligned(&mut self, name: &str, rank: usize, axis: usize) -> Outcome<String> {
        if !self.is_constant(name) && self.shape(name)?.iter().product::<usize>() == 1 {
            return Ok(self.reshape(name, &[]));
        }
        let values = self.constant(name)?;
        let count = values.values.len();
        if count == 1 {
            let value = values.first().unwrap_or(1.0);
            return Ok(self.scalar(value));
        }
        let mut shape = vec![1; rank];
        if let Some(n) = shape.get_mut(axis) {
            *n = count;
        }
        let values = ArrayD::from_shape_vec(shape, values.flat());
        let values = values.map_err(|e| Refusal::new(e.to_string()))?;
        Ok(self.array(values))
    }

    /// The least and the greatest value of the type that a zero point has.
    fn limits(&mut self, zero: Option<&str>) -> Outcome<(f64, f64)> {
        let dtype = match zero {
            Some(zero) if self.is_constant(zero) => self.constant(zero)?.dtype,
            _ => DataType::Uint8,
        };
        match dtype {
            DataType::Uint8 => Ok((0.0, 255.0)),
            DataType::Int8 => Ok((-128.0, 127.0)),
            DataType::Uint16 => Ok((0.0, 65535.0)),
            DataType::Int16 => Ok((-32768.0, 32767.0)),
            other => Err(Refusal::new(format!(
                "quantization to {} is not supported",
                other.as_str_name()
            ))),
        }
    }

    /// `clamp(round(x/scale) + zero)`.
    fn quantized(
        &mut self,
        x: &str,
        scale: &str,
        zero: Option<&str>,
        axis: usize,
    ) -> Outcome<String> {
        let rank = self.shape(x)?.len();
        let (low, high) = self.limits(zero)?;
        let scale = self.aligned(scale, rank, axis)?;
        let scaled = self.div(x, &scale);
        let mut result = self.unary("Round", &scaled);
        if let Some(zero) = zero {
            let zero = self.aligned(zero, rank, axis)?;
            result = self.add(&result, &zero);
        }
        let result = self.clamped(&result, low, high);
        self.mean(&result, Kind::Whole);
        Ok(result)
    }

    /// `(x - zero)·scale`, either of which may be missing.
    fn real(
        &mut self,
        x: &str,
        scale: Option<&str>,
        zero: Option<&str>,
        axis: usize,
    ) -> Outcome<String> {
        let rank = self.shape(x)?.len();
        let mut result = self.float(x);
        if let Some(zero) = zero {
            let zero = self.aligned(zero, rank, axis)?;
            result = self.sub(&result, &zero);
        }
        if let Some(scale) = scale {
            let scale = self.aligned(scale, rank, axis)?;
            result = self.mul(&result, &scale);
        }
        self.mean(&result, Kind::Real);
        Ok(result)
    }

    fn scale_axis(&self, node: &Node) -> usize {
        let x = node.input(0).unwrap_or_default();
        self.axis(x, node.int("axis", 1)).unwrap_or(0)
    }

    pub(super) fn quantize_linear(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        self.quantized(&x, node.input(1)?, node.optional(2), self.scale_axis(node))
    }

    pub(super) fn dequantize_linear(&mut self, node: &Node) -> Outcome<String> {
        let scale = Some(node.input(1)?);
        self.real(
            node.input(0)?,
            scale,
            node.optional(2),
            self.scale_axis(node),
        )
    }

    /// `DynamicQuantizeLinear`: the scale is computed.
    pub(super) fn dynamic_quantize(&mut self, node: &Node) -> Outcome<Vec<String>> {
        let x = node.input(0)?;
        let all: Vec<usize> = (0..self.shape(x)?.len()).collect();
        let most = self.reduce("ReduceMax", x, &all, false);
        let most = self.unary("Relu", &most);
        let least = self.reduce("ReduceMin", x, &all, false);
        let below = self.unary("Neg", &least);
        let below = self.unary("Relu", &below);
        let range = self.add(&most, &below);
        let scale = self.times(&range, 1.0 / 255.0);
        let zero = self.div(&below, &scale);
        let zero = self.unary("Round", &zero);
        let scaled = self.div(x, &scale);
        let rounded = self.unary("Round", &scaled);
        let shifted = self.add(&rounded, &zero);
        let y = self.clamped(&shifted, 0.0, 255.0);
        self.mean(&y, Kind::Whole);
        self.mean(&zero, Kind::Whole);
        Ok(vec![y, scale, zero])
    }

    /// Both factors of `MatMulInteger` and `ConvInteger` without their zero points, and their product.
    pub(super) fn integer_product(&mut self, node: &Node) -> Outcome<String> {
        let (a, b) = (node.input(0)?, node.input(1)?);
        let (left, right) = if node.operator() == "ConvInteger" {
            (1, 0)
        } else {
            let (a, b) = (self.shape(a)?.len(), self.shape(b)?.len());
            (a.saturating_sub(2), b.saturating_sub(1))
        };
        let x = self.real(a, None, node.optional(2), left)?;
        let w = self.real(b, None, node.optional(3), right)?;
        let result = if node.operator() == "ConvInteger" {
            self.write_like(node, "Conv", &[&x, &w])
        } else {
            self.matmul(&x, &w)
        };
        self.mean(&result, Kind::Whole);
        Ok(result)
    }

    /// `QLinearMatMul`.
    pub(super) fn quantized_matmul(&mut self, node: &Node) -> Outcome<String> {
        let (a, b) = (node.input(0)?, node.input(3)?);
        let (left, right) = (self.shape(a)?.len(), self.shape(b)?.len());
        let (left, right) = (left.saturating_sub(2), right.saturating_sub(1));
        let x = self.real(a, node.optional(1), node.optional(2), left)?;
        let w = self.real(b, node.optional(4), node.optional(5), right)?;
        let product = self.matmul(&x, &w);
        self.quantized(&product, node.input(6)?, node.optional(7), left)
    }

    /// `QLinearConv`.
    pub(super) fn quantized_conv(&mut self, node: &Node) -> Outcome<String> {
        let x = self.real(node.input(0)?, node.optional(1), node.optional(2), 1)?;
        let w = self.real(node.input(3)?, node.optional(4), node.optional(5), 0)?;
        let mut result = self.write_like(node, "Conv", &[&x, &w]);
        if let Some(bias) = node.optional(8) {
            // In units of both scales.
            let scale = self.constant(node.input(1)?)?.first().unwrap_or(1.0);
            let scales = self.constant(node.input(4)?)?.flat();
            let values = self.constant(bias)?.flat();
            let rank = self.shape(&result)?.len();
            let unit = |c: usize| scales.get(c).or(scales.first()).copied().unwrap_or(1.0);
            let values: Vec<f64> = (values.iter().enumerate())
                .map(|(c, v)| v * scale * unit(c))
                .collect();
            let mut shape = vec![1; rank];
            if let Some(n) = shape.get_mut(1) {
                *n = values.len();
            }
            let bias = ArrayD::from_shape_vec(shape, values);
            let bias = self.array(bias.map_err(|e| Refusal::new(e.to_string()))?);
            result = self.add(&result, &bias);
        }
        self.quantized(&result, node.input(6)?, node.optional(7), 1)
    }
}
