//! Functions and their tables.

use pleat_verifier::descriptor::Function;

use super::super::graph::Activation;
use super::super::unary::{Operand, Unary};
use super::{Quantizer, positive, small};

/// Arguments beyond zero that a table of one sign has, for what rounding does to it.
const GUARD: i32 = 16;
/// Values of an exponential: they are added up and divided, so that `B` bits would be few.
const FINE_VALUES: f64 = 65_535.0;

impl Quantizer<'_> {
    /// Index of a function in the list.
    pub(super) fn function(&mut self, function: Function) -> usize {
        let same = |f: &Function| match (f, &function) {
            (Function::Table { values: a, .. }, Function::Table { values: b, .. }) => a == b,
            _ => *f == function,
        };
        if let Some(at) = self.functions.iter().position(same) {
            return at;
        }
        self.functions.push(function);
        self.functions.len() - 1
    }

    /// The function of a node and the scale of its values.
    pub(super) fn activation(
        &mut self,
        activation: &Activation,
        (p, shift): (f64, i32),
        seen: (f32, f32),
    ) -> (usize, f64) {
        match activation {
            Activation::Relu => (self.function(Function::Relu), p),
            Activation::Table(f) => {
                let (values, y) = self.table(f, (p, shift), seen);
                let name = f.describe();
                (self.function(Function::Table { name, values }), y)
            }
            _ => (self.function(Function::Identity), p),
        }
    }

    /// By how many units arguments are moved, so that an exponential of numbers that are not positive has a whole table of them.
    pub(super) fn one_sided(&self, f: &Unary, range: (f32, f32)) -> i32 {
        let half = 1_i32 << (self.digit_bits - 1);
        if is_exponential(f) && range.1 <= 0.0 && half > 4 * GUARD {
            half - 1 - GUARD
        } else {
            0
        }
    }

    /// `round(f((P - shift)·s_p)/s_y)` for every `P`, ties away from zero.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "tables are computed in f32"
    )]
    fn table(
        &self,
        f: &std::sync::Arc<Unary>,
        (p, shift): (f64, i32),
        seen: (f32, f32),
    ) -> (Vec<i32>, f64) {
        let half = 1_i32 << (self.digit_bits - 1);
        let points: Vec<f32> = (-half..half)
            .map(|q| (f64::from(q - shift) * p) as f32)
            .collect();
        // Evaluated before, on the samples: it cannot fail here.
        let values = f
            .evaluate(&points)
            .unwrap_or_else(|_| vec![0.0; points.len()]);
        let finite = values.iter().filter(|v| v.is_finite());
        let all = finite.fold(0.0_f64, |m, v| m.max(f64::from(v.abs())));
        let seen = f64::from(seen.0.abs().max(seen.1.abs())) * (1.0 + self.headroom);
        // Where a function grows fast beyond what was seen, precision goes to what was seen.
        let largest = if all <= 2.0 * seen { all } else { seen };
        let top = if shift == 0 {
            self.top()
        } else {
            FINE_VALUES.max(self.top())
        };
        let largest = if shift == 0 { largest } else { 1.0 };
        let y = positive(largest / top, 1.0 / top);
        let quantized = |v: &f32| {
            let v = if v.is_nan() { 0.0 } else { f64::from(*v) };
            small((v / y).round().clamp(-top - 1.0, top))
        };
        (values.iter().map(quantized).collect(), y)
    }
}

/// Whether this is `exp x`.
fn is_exponential(f: &Unary) -> bool {
    match f {
        Unary::Apply { name, operands, .. } => {
            name == "Exp"
                && matches!(operands.as_slice(), [Operand::Of(f)] if matches!(f.as_ref(), Unary::Variable))
        }
        Unary::Variable => false,
    }
}
