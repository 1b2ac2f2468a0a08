//! Powers of computed exponents.

use super::rewriter::{Kind, Node, Outcome, Rewriter};

impl Rewriter {
    /// `BitShift` of whole numbers that stay in range: a product with a power of two, or the whole part of a quotient.
    pub(super) fn bit_shift(&mut self, node: &Node) -> Outcome<String> {
        let (x, by) = (self.float(node.input(0)?), self.float(node.input(1)?));
        let exponent = self.times(&by, std::f64::consts::LN_2);
        let result = if node.text("direction").is_some_and(|d| d == "LEFT") {
            let power = self.unary("Exp", &exponent);
            let power = self.unary("Round", &power);
            self.mul(&x, &power)
        } else {
            let exponent = self.unary("Neg", &exponent);
            let power = self.unary("Exp", &exponent);
            // Half a unit below the next whole number, so that no rounding gets there.
            let middle = self.plus(&x, 0.5);
            let quotient = self.mul(&middle, &power);
            self.unary("Floor", &quotient)
        };
        self.mean(&result, Kind::Whole);
        Ok(result)
    }

    /// `Pow` of two tensors: `exp(y·log x)`, for a positive `x`. A constant exponent is a function of `x`.
    pub(super) fn power(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let (x, y) = (self.float(node.input(0)?), self.float(node.input(1)?));
        let kind = self.kind(node.input(0)?);
        if self.is_constant(&y) {
            let values = self.constant(&y)?;
            if values
                .first()
                .is_some_and(|v| values.values.iter().all(|w| *w == v))
            {
                return Ok(None);
            }
        }
        let log = self.unary("Log", &x);
        let exponent = self.mul(&log, &y);
        let result = self.unary("Exp", &exponent);
        self.mean(&result, kind);
        Ok(Some(vec![result]))
    }
}
