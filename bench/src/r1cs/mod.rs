//! The networks of [`crate::nets`] as constraint systems: what one writes who does not have Pleat's reduction.
//!
//! One multiplication constraint per product, requantization and ReLU by bit decomposition with the executor's integer
//! semantics, activations and weights packed and hashed with Poseidon. [`folding`] proves one layer per Nova step, as Zator
//! did; [`monolithic`] the whole network at once. Both use the project's inner-product argument unless told otherwise, so
//! that what differs is the arithmetization and not the speed of the argument.

pub mod count;
pub mod folding;
pub mod gadget;
pub mod monolithic;

use nova_snark::provider::ipa_pc;
use nova_snark::provider::{PallasEngine as Primary, VestaEngine as Secondary};
use nova_snark::spartan::snark::RelaxedR1CSSNARK;
use nova_snark::traits::evaluation::EvaluationEngineTrait;
use pleat_nova_circuits::ipa;

/// An inner-product argument on both curves.
pub trait Argument: Clone + Send + Sync + 'static {
    /// On the primary curve.
    type First: EvaluationEngineTrait<Primary>;
    /// On the secondary one.
    type Second: EvaluationEngineTrait<Secondary>;
}

/// The project's.
#[derive(Clone, Debug)]
pub struct Ours;

/// nova-snark's.
#[derive(Clone, Debug)]
pub struct Novas;

impl Argument for Ours {
    type First = ipa::EvaluationEngine<Primary>;
    type Second = ipa::EvaluationEngine<Secondary>;
}

impl Argument for Novas {
    type First = ipa_pc::EvaluationEngine<Primary>;
    type Second = ipa_pc::EvaluationEngine<Secondary>;
}

type Spartan<E, A> = RelaxedR1CSSNARK<E, A>;

/// Length of a proof, in the encoding that Pleat uses for Nova's.
fn encoded_length(proof: &impl serde::Serialize) -> Result<usize, crate::BenchError> {
    Ok(bincode::serde::encode_to_vec(proof, bincode::config::standard())?.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use ff::Field;
    use nova_snark::frontend::ConstraintSystem;
    use nova_snark::frontend::num::AllocatedNum;
    use nova_snark::traits::circuit::StepCircuit;
    use pleat_nova_circuits::cycle::F;
    use pleat_nova_circuits::test_cs::TestCs;

    use super::Ours;
    use super::count::Counter;
    use super::folding::{self, LayerStep};
    use super::gadget::{digest, layer_digest};
    use super::monolithic::{self, Whole};
    use crate::BenchError;
    use crate::measure::{Event, Meter};
    use crate::nets::{Net, Shape};

    const SHAPES: [Shape; 3] = [
        Shape::Dense { batch: 1, width: 4 },
        Shape::Dense { batch: 2, width: 3 },
        Shape::Conv {
            channels: 2,
            side: 3,
        },
    ];

    /// Synthesizes a circuit on a state; gives the system and the next state.
    fn synthesized(circuit: &impl StepCircuit<F>, state: [F; 2]) -> (TestCs, Vec<F>) {
        let mut cs = TestCs::new();
        let wire = |(i, v): (usize, F)| {
            AllocatedNum::alloc(cs.namespace(|| format!("state {i}")), || Ok(v)).unwrap()
        };
        let wires: Vec<_> = state.into_iter().enumerate().map(wire).collect();
        let end = circuit.synthesize(&mut cs, &wires).unwrap();
        (cs, end.iter().map(|n| n.get_value().unwrap()).collect())
    }

    fn whole(net: &Net) -> (TestCs, Vec<F>) {
        synthesized(
            &Whole(Arc::new(net.clone())),
            [digest(net.input()), F::ZERO],
        )
    }

    #[test]
    fn circuits_give_what_the_network_gives() {
        for shape in SHAPES {
            let net = Net::new(shape, 3);
            let mut state = [digest(net.input()), F::ZERO];
            for l in 0..3 {
                let (cs, end) = synthesized(&LayerStep::new(&net, l).unwrap(), state);
                assert_eq!(cs.which_unsatisfied(), None, "{}", shape.name());
                let weights = layer_digest(state[1], &net.layers[l]);
                assert_eq!(end, [digest(&net.activations[l + 1]), weights]);
                state = end.try_into().unwrap();
            }
            let (cs, end) = whole(&net);
            assert_eq!((cs.which_unsatisfied(), end), (None, state.to_vec()));
            // State and results are made public by four constraints more.
            let counted = monolithic::constraints(&Arc::new(net.clone())).unwrap();
            assert_eq!(counted, cs.num_constraints() + 4);
            let mut counter = Counter::default();
            let step = LayerStep::new(&net, 0).unwrap();
            let wires = [0, 1].map(|i| {
                AllocatedNum::alloc(counter.namespace(|| format!("{i}")), || Ok(F::ZERO)).unwrap()
            });
            step.synthesize(&mut counter, &wires).unwrap();
            let (cs, _) = synthesized(&step, [F::ZERO; 2]);
            assert_eq!(counter.constraints(), cs.num_constraints());
        }
    }

    /// Whatever wire is changed, a constraint notices.
    #[test]
    fn every_wire_is_constrained() {
        for shape in SHAPES {
            let net = Net::new(shape, 1);
            let state = [digest(net.input()), F::from(7)];
            let (mut cs, _) = synthesized(&LayerStep::new(&net, 0).unwrap(), state);
            let wires: Vec<String> = cs.wires().map(str::to_owned).collect();
            for wire in wires {
                let value = cs.get(&wire).unwrap();
                // Flipped if it is a bit, so that it stays one.
                let other = if value == F::ZERO {
                    F::ONE
                } else {
                    value - F::ONE
                };
                for other in [other, value + F::from(1 << 20)] {
                    cs.set(&wire, other);
                    assert!(
                        !cs.unsatisfied_at(&wire).is_empty(),
                        "{}: {wire}",
                        shape.name()
                    );
                }
                cs.set(&wire, value);
            }
            assert_eq!(cs.which_unsatisfied(), None);
        }
    }

    /// A prover who computes everything honestly from a wrong activation or weight.
    #[test]
    fn wrong_activations_and_weights_do_not_fit() {
        let net = Net::new(SHAPES[0], 2);
        let state = [digest(net.input()), F::ZERO];
        let honest = synthesized(&LayerStep::new(&net, 0).unwrap(), state);
        let mut wrong = net.clone();
        wrong.activations[0][0] += 1;
        let (cs, _) = synthesized(&LayerStep::new(&wrong, 0).unwrap(), state);
        assert_eq!(cs.which_unsatisfied(), Some("input digest"));
        // Another weight is consistent, but its digest is another model's.
        let mut wrong = net.clone();
        wrong.layers[0].weights[0] ^= 1;
        let (cs, end) = synthesized(&LayerStep::new(&wrong, 0).unwrap(), state);
        assert_eq!(cs.which_unsatisfied(), None);
        assert_ne!(end[1], honest.1[1]);
        // A weight of more than B bits.
        wrong.layers[0].weights[0] = 5000;
        let (cs, _) = synthesized(&LayerStep::new(&wrong, 0).unwrap(), state);
        assert_eq!(cs.which_unsatisfied(), Some("weight 0/range"));
    }

    #[test]
    fn a_quotient_out_of_range_cannot_be_proved() {
        let mut net = Net::new(SHAPES[0], 1);
        net.layers[0].biases[2] = 2047;
        net.layers[0].weights = vec![0; 16];
        let state = [digest(net.input()), F::ZERO];
        let (cs, _) = synthesized(&LayerStep::new(&net, 0).unwrap(), state);
        assert_eq!(cs.which_unsatisfied(), None);
        // One unit more than the largest quotient.
        net.layers[0].weights[8..12].copy_from_slice(&net.activations[0].clone());
        let (cs, _) = synthesized(&LayerStep::new(&net, 0).unwrap(), state);
        assert_eq!(cs.which_unsatisfied(), Some("output 2/division"));
    }

    /// Proofs that the two systems make are accepted for the right statement and refused for a wrong one.
    #[test]
    fn proofs_agree_with_the_executor() {
        let net = Net::new(SHAPES[0], 2);
        let mut events = Vec::new();
        let mut report = |event| events.push(event);
        let mut meter = Meter::new(&mut report);
        folding::run::<Ours>(&net, &mut meter).unwrap();
        monolithic::run::<Ours>(&Arc::new(net.clone()), &mut meter).unwrap();
        assert!(matches!(events[0], Event::Doing(_)));

        // A layer that goes on with another activation than the one before it gave.
        let mut wrong = net.clone();
        wrong.activations[1][0] += 1;
        let mut ignore = |_| {};
        let result = folding::run::<Ours>(&wrong, &mut Meter::new(&mut ignore));
        assert!(matches!(result, Err(BenchError::Nova(_))), "{result:?}");
        let mut wrong = net.clone();
        wrong.activations[2][0] += 1;
        let mut ignore = |_| {};
        let result = monolithic::run::<Ours>(&Arc::new(wrong), &mut Meter::new(&mut ignore));
        assert!(matches!(result, Err(BenchError::Nova(_))), "{result:?}");
    }
}
