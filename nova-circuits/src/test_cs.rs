//! A constraint system for tests whose wires can be overwritten: change a wire, see which constraint notices, restore it.
//!
//! Wires and constraints are named by their path, `namespace/…/name`. It keeps every linear combination, so it is slow and
//! large; nothing but tests should use it.

use crate::cycle::F;
use ff::Field;
use nova_snark::frontend::{ConstraintSystem, Index, LinearCombination, SynthesisError, Variable};
use std::collections::HashMap;

struct Constraint {
    name: String,
    a: LinearCombination<F>,
    b: LinearCombination<F>,
    c: LinearCombination<F>,
}

struct Wire {
    name: String,
    value: F,
    constraints: Vec<usize>,
}

/// Wires and constraints, by name. An input wire's index comes before all others; input 0 is the constant 1, named `ONE`.
pub struct TestCs {
    inputs: Vec<Wire>,
    aux: Vec<Wire>,
    names: HashMap<String, Index>,
    constraints: Vec<Constraint>,
    namespace: Vec<String>,
}

impl Default for TestCs {
    fn default() -> Self {
        let one = Wire {
            name: "ONE".to_owned(),
            value: F::ONE,
            constraints: Vec::new(),
        };
        Self {
            inputs: vec![one],
            aux: Vec::new(),
            names: HashMap::from([("ONE".to_owned(), Index::Input(0))]),
            constraints: Vec::new(),
            namespace: Vec::new(),
        }
    }
}

impl TestCs {
    /// An empty system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of constraints.
    #[must_use]
    pub fn num_constraints(&self) -> usize {
        self.constraints.len()
    }

    /// The number of wires that are not inputs.
    #[must_use]
    pub fn num_aux(&self) -> usize {
        self.aux.len()
    }

    /// The names of all wires that are not inputs, in the order of their allocation.
    pub fn wires(&self) -> impl Iterator<Item = &str> {
        self.aux.iter().map(|wire| wire.name.as_str())
    }

    /// A wire's value; `None` if there is no such wire.
    #[must_use]
    pub fn get(&self, wire: &str) -> Option<F> {
        Some(self.wire(*self.names.get(wire)?)?.value)
    }

    /// Overwrites a wire and returns its old value; `None`, and no change, if there is no such wire.
    pub fn set(&mut self, wire: &str, value: F) -> Option<F> {
        let wire = match *self.names.get(wire)? {
            Index::Input(i) => self.inputs.get_mut(i)?,
            Index::Aux(i) => self.aux.get_mut(i)?,
        };
        Some(core::mem::replace(&mut wire.value, value))
    }

    /// The first constraint that does not hold, in the order of their making.
    #[must_use]
    pub fn which_unsatisfied(&self) -> Option<&str> {
        self.constraints
            .iter()
            .find(|c| !self.holds(c))
            .map(|c| c.name.as_str())
    }

    /// Those constraints that mention `wire` and do not hold. After overwriting one wire of a satisfied system these are all
    /// that fail, and finding them is much faster than [`TestCs::which_unsatisfied`].
    #[must_use]
    pub fn unsatisfied_at(&self, wire: &str) -> Vec<&str> {
        let touched = self
            .names
            .get(wire)
            .and_then(|index| self.wire(*index))
            .map(|wire| wire.constraints.as_slice());
        touched
            .unwrap_or_default()
            .iter()
            .filter_map(|i| self.constraints.get(*i))
            .filter(|c| !self.holds(c))
            .map(|c| c.name.as_str())
            .collect()
    }

    fn wire(&self, index: Index) -> Option<&Wire> {
        match index {
            Index::Input(i) => self.inputs.get(i),
            Index::Aux(i) => self.aux.get(i),
        }
    }

    fn holds(&self, Constraint { a, b, c, .. }: &Constraint) -> bool {
        self.evaluate(a) * self.evaluate(b) == self.evaluate(c)
    }

    fn evaluate(&self, combination: &LinearCombination<F>) -> F {
        let term = |(variable, coefficient): (Variable, &F)| {
            self.wire(variable.get_unchecked())
                .map_or(F::ZERO, |wire| wire.value)
                * coefficient
        };
        combination.iter().map(term).sum()
    }

    fn path(&self, name: &str) -> String {
        assert!(!name.contains('/'), "'/' separates namespaces: {name}");
        self.namespace
            .iter()
            .map(String::as_str)
            .chain([name])
            .collect::<Vec<_>>()
            .join("/")
    }

    fn add_wire(&mut self, name: &str, index: Index, value: F) -> Variable {
        let name = self.path(name);
        let earlier = self.names.insert(name.clone(), index);
        assert!(earlier.is_none(), "two wires of the same name: {name}");
        let wire = Wire {
            name,
            value,
            constraints: Vec::new(),
        };
        match index {
            Index::Input(_) => self.inputs.push(wire),
            Index::Aux(_) => self.aux.push(wire),
        }
        Variable::new_unchecked(index)
    }
}

impl ConstraintSystem<F> for TestCs {
    type Root = Self;

    fn alloc<V, A, N>(&mut self, annotation: A, value: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> N,
        N: Into<String>,
    {
        let value = value()?;
        Ok(self.add_wire(&annotation().into(), Index::Aux(self.aux.len()), value))
    }

    fn alloc_input<V, A, N>(&mut self, annotation: A, value: V) -> Result<Variable, SynthesisError>
    where
        V: FnOnce() -> Result<F, SynthesisError>,
        A: FnOnce() -> N,
        N: Into<String>,
    {
        let value = value()?;
        Ok(self.add_wire(&annotation().into(), Index::Input(self.inputs.len()), value))
    }

    fn enforce<A, N, LA, LB, LC>(&mut self, annotation: A, a: LA, b: LB, c: LC)
    where
        A: FnOnce() -> N,
        N: Into<String>,
        LA: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LB: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
        LC: FnOnce(LinearCombination<F>) -> LinearCombination<F>,
    {
        let name = self.path(&annotation().into());
        let zero = LinearCombination::zero;
        let constraint = Constraint {
            name,
            a: a(zero()),
            b: b(zero()),
            c: c(zero()),
        };
        let index = self.constraints.len();
        for (variable, _) in constraint
            .a
            .iter()
            .chain(constraint.b.iter())
            .chain(constraint.c.iter())
        {
            let wire = match variable.get_unchecked() {
                Index::Input(i) => self.inputs.get_mut(i),
                Index::Aux(i) => self.aux.get_mut(i),
            };
            if let Some(wire) = wire
                && wire.constraints.last() != Some(&index)
            {
                wire.constraints.push(index);
            }
        }
        self.constraints.push(constraint);
    }

    fn push_namespace<N, A>(&mut self, name: A)
    where
        N: Into<String>,
        A: FnOnce() -> N,
    {
        let name = name().into();
        assert!(!name.contains('/'), "'/' separates namespaces: {name}");
        self.namespace.push(name);
    }

    fn pop_namespace(&mut self) {
        self.namespace.pop();
    }

    fn get_root(&mut self) -> &mut Self::Root {
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use nova_snark::frontend::num::AllocatedNum;

    /// `y = x²`, `z = x·y`
    fn cube() -> TestCs {
        let mut cs = TestCs::new();
        let x = AllocatedNum::alloc_input(cs.namespace(|| "x"), || Ok(F::from(3))).unwrap();
        let y = x.square(cs.namespace(|| "square")).unwrap();
        x.mul(cs.namespace(|| "cube"), &y).unwrap();
        cs
    }

    #[test]
    fn wires_can_be_overwritten() {
        let mut cs = cube();
        assert_eq!(
            (cs.num_constraints(), cs.num_aux(), cs.which_unsatisfied()),
            (2, 2, None)
        );
        assert_eq!(
            cs.wires().collect::<Vec<_>>(),
            ["square/squared num", "cube/product num"]
        );
        assert_eq!(cs.get("cube/product num"), Some(F::from(27)));

        assert_eq!(cs.set("square/squared num", F::from(8)), Some(F::from(9)));
        let (square, cube) = (
            "square/squaring constraint",
            "cube/multiplication constraint",
        );
        assert_eq!(cs.which_unsatisfied(), Some(square));
        assert_eq!(cs.unsatisfied_at("square/squared num"), [square, cube]);
        assert_eq!(cs.unsatisfied_at("cube/product num"), [cube]);
        cs.set("square/squared num", F::from(9)).unwrap();
        assert_eq!(cs.which_unsatisfied(), None);

        cs.set("x/input num", F::from(2)).unwrap();
        assert_eq!(cs.unsatisfied_at("x/input num"), [square, cube]);
        assert_eq!((cs.get("y"), cs.set("y", F::ONE)), (None, None));
    }

    #[test]
    #[should_panic(expected = "two wires of the same name: x/input num")]
    fn names_are_unique() {
        let mut cs = cube();
        let _ = AllocatedNum::alloc_input(cs.namespace(|| "x"), || Ok(F::ONE));
    }
}
