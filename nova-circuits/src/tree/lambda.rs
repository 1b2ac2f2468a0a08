//! `Λ` as a linear form in the nine evaluations and in those products of two of them that it contains. It is the relation's own
//! definition ([`crate::relation::lambda`]), computed over forms.

use super::step::{FACTORS, PRODUCTS};
use crate::{
    algebra::Algebra,
    cycle::F,
    relation::{LookupRow, LookupScalars, PUBLIC_COLUMNS, WITNESS_COLUMNS, lambda},
};
use ff::Field;

/// `constant + Σ evaluations·e + Σ products·q`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Of the form without messages.
    pub constant: F,
    /// Coefficients of the evaluations.
    pub evaluations: [F; WITNESS_COLUMNS],
    /// Coefficients of the products of [`FACTORS`].
    pub products: [F; PRODUCTS],
}

impl Form {
    fn constant(constant: F) -> Self {
        Self {
            constant,
            evaluations: [F::ZERO; WITNESS_COLUMNS],
            products: [F::ZERO; PRODUCTS],
        }
    }

    /// The evaluation number `i` itself.
    fn evaluation(i: usize) -> Self {
        let mut form = Self::constant(F::ZERO);
        form.evaluations[i] = F::ONE;
        form
    }

    fn coefficients_mut(&mut self) -> impl Iterator<Item = &mut F> {
        let constant = core::iter::once(&mut self.constant);
        constant
            .chain(&mut self.evaluations)
            .chain(&mut self.products)
    }

    fn zip(mut self, other: &Self, f: impl Fn(&mut F, &F)) -> Self {
        let mut other = *other;
        let pairs = self.coefficients_mut().zip(other.coefficients_mut());
        pairs.for_each(|(a, b)| f(a, b));
        self
    }

    fn times(mut self, factor: &F) -> Self {
        self.coefficients_mut().for_each(|c| *c *= factor);
        self
    }

    /// The form's value where the evaluations are these.
    #[must_use]
    pub fn at(&self, evaluations: &[F; WITNESS_COLUMNS]) -> F {
        let linear = self.evaluations.iter().zip(evaluations);
        let linear: F = linear.map(|(c, e)| *c * e).sum();
        let products = self.products.iter().zip(FACTORS);
        let products: F = products
            .map(|(c, [f, g])| *c * evaluations[f] * evaluations[g])
            .sum();
        self.constant + linear + products
    }
}

/// A product of messages that the step does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the step has no such product")]
pub struct NoSuchProduct;

/// Arithmetic of forms.
struct Forms;

impl Algebra for Forms {
    type Value = Form;
    type Error = NoSuchProduct;

    fn constant(&self, value: F) -> Form {
        Form::constant(value)
    }

    fn add(&self, a: &Form, b: &Form) -> Form {
        a.zip(b, |a, b| *a += b)
    }

    fn sub(&self, a: &Form, b: &Form) -> Form {
        a.zip(b, |a, b| *a -= b)
    }

    fn mul(&mut self, _: &'static str, a: &Form, b: &Form) -> Result<Form, NoSuchProduct> {
        let mut product = b.times(&a.constant);
        let messages = a.zip(&Form::constant(a.constant), |a, b| *a -= b);
        product = self.add(&product, &messages.times(&b.constant));
        for (i, left) in messages.evaluations.iter().enumerate() {
            for (j, right) in b.evaluations.iter().enumerate() {
                let coefficient = *left * right;
                if coefficient == F::ZERO {
                    continue;
                }
                let place = FACTORS.iter().position(|f| *f == [i, j] || *f == [j, i]);
                product.products[place.ok_or(NoSuchProduct)?] += coefficient;
            }
        }
        let is_linear = |form: &Form| form.products.iter().all(|p| *p == F::ZERO);
        let is_constant =
            |form: &Form| is_linear(form) && form.evaluations.iter().all(|e| *e == F::ZERO);
        let known = is_linear(a) && is_linear(b) || is_constant(a) || is_constant(b);
        known.then_some(product).ok_or(NoSuchProduct)
    }
}

/// `Λ` where `eq_r` is `eq(r, u)` and the public columns have these values at `u`.
///
/// # Errors
/// [`NoSuchProduct`] if `Λ` contained a product that the step does not have; it does not.
pub fn lambda_form(
    eq_r: &F,
    public: [F; PUBLIC_COLUMNS],
    scalars: &LookupScalars,
) -> Result<Form, NoSuchProduct> {
    let mut column = 0..;
    let witness = [(); WITNESS_COLUMNS].map(|()| Form::evaluation(column.next().unwrap_or(0)));
    let row = LookupRow::new(witness, public.map(Form::constant));
    let LookupScalars {
        alpha,
        beta,
        beta2,
        gamma,
        delta,
        two_2b,
        two_b,
        rng,
    } = *scalars;
    let scalars = LookupScalars {
        alpha: Form::constant(alpha),
        beta: Form::constant(beta),
        beta2: Form::constant(beta2),
        gamma: Form::constant(gamma),
        delta: Form::constant(delta),
        two_2b: Form::constant(two_2b),
        two_b: Form::constant(two_b),
        rng: Form::constant(rng),
    };
    lambda(&mut Forms, &Form::constant(*eq_r), &row, &scalars)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::relation::lambda_at;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    #[test]
    fn the_form_is_the_relation() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        for _ in 0..10 {
            let mut random = || F::random(&mut rng);
            let scalars = LookupScalars {
                alpha: random(),
                beta: random(),
                beta2: random(),
                gamma: random(),
                delta: random(),
                two_2b: random(),
                two_b: random(),
                rng: random(),
            };
            let eq = random();
            let public = [(); PUBLIC_COLUMNS].map(|()| random());
            let witness = [(); WITNESS_COLUMNS].map(|()| random());
            let form = lambda_form(&eq, public, &scalars).unwrap();
            let row = LookupRow::new(witness, public);
            assert_eq!(form.at(&witness), lambda_at(&eq, &row, &scalars));
        }
    }

    #[test]
    fn other_products_are_refused() {
        let [y, p, f0] = [0, 1, 4].map(Form::evaluation);
        let good = Forms.mul("", &f0, &p).unwrap();
        assert_eq!(Forms.mul("", &y, &p), Err(NoSuchProduct));
        assert_eq!(Forms.mul("", &good, &p), Err(NoSuchProduct));
        assert_eq!(Forms.mul("", &y, &good), Err(NoSuchProduct));
        let two = Form::constant(F::from(2));
        assert_eq!(Forms.mul("", &good, &two), Ok(good.times(&F::from(2))));
        assert_eq!(Forms.mul("", &two, &good), Ok(good.times(&F::from(2))));
    }
}
