//! The step as the circuit that Nova folds: words and witness become wires, the lanes constrain them.

use super::{Check, STATE, State, Witness, Words, lanes, lanes::StepAlgebra};
use crate::{algebra::Algebra, chain::hash, cycle::F};
use ff::Field;
use nova_snark::{
    frontend::{
        Boolean, ConstraintSystem, SynthesisError,
        num::{AllocatedNum, Num},
    },
    traits::circuit::StepCircuit,
};
use std::sync::Arc;

/// One step's words and witness as Nova's step circuit; its constraints are the same for all of them.
#[derive(Clone, Debug)]
pub struct UniversalStep {
    values: Arc<(Words<F, F>, Witness)>,
}

impl UniversalStep {
    /// For setting up parameters, where only the constraints count.
    #[must_use]
    pub fn blank() -> Self {
        Self::new(&Words::zero(), &Witness::zero())
    }

    /// A step to prove.
    #[must_use]
    pub fn new(words: &Words, witness: &Witness) -> Self {
        Self {
            values: Arc::new((words.numeric(), *witness)),
        }
    }
}

impl StepCircuit<F> for UniversalStep {
    fn arity(&self) -> usize {
        STATE
    }

    fn synthesize<CS: ConstraintSystem<F>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<F>],
    ) -> Result<Vec<AllocatedNum<F>>, SynthesisError> {
        let state: [&AllocatedNum<F>; STATE] =
            z.iter().collect::<Vec<_>>().try_into().map_err(|_| {
                SynthesisError::IncompatibleLengthVector(format!("a state has {STATE} elements"))
            })?;
        let state = State::from_array(state.map(|element| Num::from(element.clone())));
        let (words, witness) = *self.values;
        let words = words.map(|name, value| wire(cs, format!("word {name}"), value));
        let witness = witness.map(|name, value| wire(cs, format!("witness {name}"), value));

        let end = lanes::run(&mut Synthesis { cs: &mut *cs }, state, &words, &witness)?;
        let names = [
            "t_Z", "t_AB", "dig", "claim", "σ^l", "ρ^4l", "balZ", "balS", "balF", "balV",
        ];
        names
            .into_iter()
            .zip(end.to_array())
            .map(|(name, value)| output(cs, name, &value))
            .collect()
    }
}

fn wire<CS: ConstraintSystem<F>>(cs: &mut CS, name: String, value: F) -> Num<F> {
    AllocatedNum::alloc_infallible(cs.namespace(|| name), || value).into()
}

/// A wire that equals a linear combination.
fn output<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &'static str,
    value: &Num<F>,
) -> Result<AllocatedNum<F>, SynthesisError> {
    let mut cs = cs.namespace(|| format!("next {name}"));
    let wire = AllocatedNum::alloc(cs.namespace(|| "wire"), || {
        value.get_value().ok_or(SynthesisError::AssignmentMissing)
    })?;
    cs.enforce(
        || "equals",
        |_| value.lc(F::ONE),
        |lc| lc + CS::one(),
        |lc| lc + wire.get_variable(),
    );
    Ok(wire)
}

/// Linear combinations of wires; a product is a new wire.
struct Synthesis<'a, CS: ConstraintSystem<F>> {
    cs: &'a mut CS,
}

impl<CS: ConstraintSystem<F>> Algebra for Synthesis<'_, CS> {
    type Value = Num<F>;
    type Error = SynthesisError;

    fn constant(&self, value: F) -> Num<F> {
        if value == F::ZERO {
            return Num::zero();
        }
        Num::zero().add_bool_with_coeff(CS::one(), &Boolean::Constant(true), value)
    }

    fn add(&self, a: &Num<F>, b: &Num<F>) -> Num<F> {
        a.clone().add(b)
    }

    fn sub(&self, a: &Num<F>, b: &Num<F>) -> Num<F> {
        a.clone().add(&b.clone().scale(-F::ONE))
    }

    fn mul(
        &mut self,
        name: &'static str,
        a: &Num<F>,
        b: &Num<F>,
    ) -> Result<Num<F>, SynthesisError> {
        let mut cs = self.cs.namespace(|| name);
        let product = AllocatedNum::alloc(cs.namespace(|| "wire"), || {
            match (a.get_value(), b.get_value()) {
                (Some(a), Some(b)) => Ok(a * b),
                _ => Err(SynthesisError::AssignmentMissing),
            }
        })?;
        cs.enforce(
            || "product",
            |_| a.lc(F::ONE),
            |_| b.lc(F::ONE),
            |lc| lc + product.get_variable(),
        );
        Ok(product.into())
    }

    // Not `namespace`, whose guard would change the type of `Self`.
    fn enter(&mut self, name: impl FnOnce() -> String) {
        self.cs.get_root().push_namespace(name);
    }

    fn leave(&mut self) {
        self.cs.get_root().pop_namespace();
    }
}

impl<CS: ConstraintSystem<F>> StepAlgebra for Synthesis<'_, CS> {
    fn hash(&mut self, t: &Num<F>, m: [&Num<F>; 3], n: &Num<F>) -> Result<Num<F>, SynthesisError> {
        hash::hash_gadget(self.cs, t, m, n)
    }

    fn hash_words(&mut self, dig: &Num<F>, words: &[Num<F>]) -> Result<Num<F>, SynthesisError> {
        hash::hash_words_gadget(self.cs, dig, words)
    }

    fn require_equal(
        &mut self,
        check: Check,
        flag: &Num<F>,
        left: &Num<F>,
        right: &Num<F>,
    ) -> Result<(), SynthesisError> {
        let difference = self.sub(left, right);
        self.cs.enforce(
            || check.to_string(),
            |_| flag.lc(F::ONE),
            |_| difference.lc(F::ONE),
            |lc| lc,
        );
        Ok(())
    }
}
