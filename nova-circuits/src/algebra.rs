//! One trait over "field element or circuit variable", so that each relation is written once and used by prover,
//! verifier and circuit: addition is free, multiplication may cost a constraint and so has a name and may fail.
//!
//! [`Native`] computes in `F`; the circuit's implementation is private to [`crate::chain::step`].

use crate::cycle::F;
use core::convert::Infallible;
use ff::Field;

/// Arithmetic in `F`, on values or on circuit variables.
pub trait Algebra: Sized {
    /// A field element, or a linear combination of circuit variables.
    type Value: Clone;
    /// Why a multiplication can fail: never natively, by a synthesis error in a circuit.
    type Error;

    /// A constant.
    fn constant(&self, value: F) -> Self::Value;
    /// `a + b`
    fn add(&self, a: &Self::Value, b: &Self::Value) -> Self::Value;
    /// `a - b`
    fn sub(&self, a: &Self::Value, b: &Self::Value) -> Self::Value;
    /// `a·b`; `name` names the product among those of the enclosing [`Algebra::within`].
    ///
    /// # Errors
    /// A synthesis error, in a circuit.
    fn mul(
        &mut self,
        name: &'static str,
        a: &Self::Value,
        b: &Self::Value,
    ) -> Result<Self::Value, Self::Error>;

    /// Opens a namespace; only circuits have them.
    #[inline]
    fn enter(&mut self, _name: impl FnOnce() -> String) {}

    /// Closes the innermost namespace.
    #[inline]
    fn leave(&mut self) {}

    /// Runs `body` in a namespace.
    ///
    /// # Errors
    /// Those of `body`.
    #[inline]
    fn within<T>(
        &mut self,
        name: impl FnOnce() -> String,
        body: impl FnOnce(&mut Self) -> Result<T, Self::Error>,
    ) -> Result<T, Self::Error> {
        self.enter(name);
        let result = body(self);
        self.leave();
        result
    }

    /// Zero.
    #[inline]
    fn zero(&self) -> Self::Value {
        self.constant(F::ZERO)
    }

    /// `chosen` if `flag` is 1, `otherwise` if it is 0. A flag that is neither selects nonsense: flags are words, and the
    /// verifier computes them.
    ///
    /// # Errors
    /// A synthesis error, in a circuit.
    #[inline]
    fn select(
        &mut self,
        name: &'static str,
        flag: &Self::Value,
        chosen: &Self::Value,
        otherwise: &Self::Value,
    ) -> Result<Self::Value, Self::Error> {
        let difference = self.sub(chosen, otherwise);
        let step = self.mul(name, flag, &difference)?;
        Ok(self.add(otherwise, &step))
    }

    /// `Σ_i point^i·coefficients[i]` by Horner's rule; `names[i]` names the product that precedes coefficient `i`.
    ///
    /// # Errors
    /// A synthesis error, in a circuit.
    #[inline]
    fn horner<const N: usize>(
        &mut self,
        names: [&'static str; N],
        coefficients: [&Self::Value; N],
        point: &Self::Value,
    ) -> Result<Self::Value, Self::Error> {
        let mut sum: Option<Self::Value> = None;
        for (name, coefficient) in names.into_iter().zip(coefficients).rev() {
            sum = Some(match sum {
                None => coefficient.clone(),
                Some(sum) => {
                    let product = self.mul(name, &sum, point)?;
                    self.add(&product, coefficient)
                }
            });
        }
        Ok(sum.unwrap_or_else(|| self.zero()))
    }
}

/// The field itself; nothing fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct Native;

impl Algebra for Native {
    type Value = F;
    type Error = Infallible;

    #[inline]
    fn constant(&self, value: F) -> F {
        value
    }
    #[inline]
    fn add(&self, a: &F, b: &F) -> F {
        *a + *b
    }
    #[inline]
    fn sub(&self, a: &F, b: &F) -> F {
        *a - *b
    }
    #[inline]
    fn mul(&mut self, _: &'static str, a: &F, b: &F) -> Result<F, Infallible> {
        Ok(*a * *b)
    }
}
