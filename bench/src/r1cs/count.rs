//! A constraint system that only counts.

use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use pleat_nova_circuits::cycle::F;

/// Counts wires and constraints; keeps nothing.
#[derive(Debug, Default)]
pub struct Counter {
    inputs: usize,
    aux: usize,
    constraints: usize,
}

impl Counter {
    /// Constraints so far.
    #[must_use]
    pub const fn constraints(&self) -> usize {
        self.constraints
    }
}

impl ConstraintSystem<F> for Counter {
    type Root = Self;

    fn alloc<V, A, N>(&mut self, _: A, _: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> N,
        N: Into<String>,
    {
        self.aux += 1;
        Ok(Variable::new_unchecked(Index::Aux(self.aux - 1)))
    }

    fn alloc_input<V, A, N>(&mut self, _: A, _: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> N,
        N: Into<String>,
    {
        self.inputs += 1;
        Ok(Variable::new_unchecked(Index::Input(self.inputs)))
    }

    fn enforce<A, N, LA, LB, LC>(&mut self, _: A, _: LA, _: LB, _: LC)
    where
        A: FnOnce() -> N,
        N: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        self.constraints += 1;
    }

    fn push_namespace<N, A>(&mut self, _: A)
    where
        N: Into<String>,
        A: FnOnce() -> N,
    {
    }

    fn pop_namespace(&mut self) {}

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}
