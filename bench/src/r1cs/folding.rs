//! Direct folding: each layer is one step of Nova. The state is the digest of the activations and the running digest of the weights;
//! a step opens the former, computes the layer, and closes both again.

use std::sync::Arc;

use ff::Field;
use nova_snark::frontend::num::{AllocatedNum, Num};
use nova_snark::frontend::{ConstraintSystem, SynthesisError};
use nova_snark::nova::{CompressedSNARK, PublicParams, RecursiveSNARK};
use nova_snark::provider::{PallasEngine as Primary, VestaEngine as Secondary};
use nova_snark::traits::circuit::StepCircuit;
use nova_snark::traits::snark::RelaxedR1CSSNARKTrait;
use pleat_nova_circuits::cycle::F;
use pleat_prover::prove::Stage;

use super::gadget::{
    LayerCells, all_signed, digest, digest_gadget, equal, layer, layer_digest, materialize,
};
use super::{Argument, Spartan, encoded_length};
use crate::BenchError;
use crate::measure::{Measured, Meter};
use crate::nets::{Layer, Net, Shape};

/// One layer with its input.
#[derive(Clone, Debug)]
pub struct LayerStep {
    shape: Shape,
    values: Arc<(Layer, Vec<i32>)>,
}

impl LayerStep {
    /// Layer `index` of a network, on what the layers before it give.
    #[must_use]
    pub fn new(net: &Net, index: usize) -> Option<Self> {
        let values = (
            net.layers.get(index)?.clone(),
            net.activations.get(index)?.clone(),
        );
        Some(Self {
            shape: net.shape,
            values: Arc::new(values),
        })
    }
}

impl StepCircuit<F> for LayerStep {
    fn arity(&self) -> usize {
        2
    }

    fn synthesize<CS: ConstraintSystem<F>>(
        &self,
        cs: &mut CS,
        z: &[AllocatedNum<F>],
    ) -> Result<Vec<AllocatedNum<F>>, SynthesisError> {
        let [activations, weights] = z else {
            return Err(SynthesisError::IncompatibleLengthVector("state".to_owned()));
        };
        let (values, input) = &*self.values;
        let input = all_signed(cs, "input", input)?;
        let opened = digest_gadget(&mut cs.namespace(|| "opened"), &input)?;
        equal(cs, "input digest", &opened, activations);
        let cells = LayerCells::new(cs, values)?;
        let before = Num::from(weights.clone());
        let weights = cells.digest(&mut cs.namespace(|| "weights"), &before)?;
        let output = layer(cs, self.shape, &cells, &input)?;
        let activations = digest_gadget(&mut cs.namespace(|| "closed"), &output)?;
        Ok(vec![
            materialize(cs, "activation digest", &activations)?,
            materialize(cs, "weight digest", &weights)?,
        ])
    }
}

/// Folds, compresses and verifies a network; the end state must be that of [`Net`]'s own outputs and weights.
///
/// # Errors
/// Those of nova-snark; [`BenchError::Disagree`].
pub fn run<A: Argument>(net: &Net, meter: &mut Meter) -> Result<Measured, BenchError> {
    type Public = PublicParams<Primary, Secondary, LayerStep>;
    type Compressed<A> = CompressedSNARK<
        Primary,
        Secondary,
        LayerStep,
        Spartan<Primary, <A as Argument>::First>,
        Spartan<Secondary, <A as Argument>::Second>,
    >;
    let depth = net.layers.len();
    let steps: Vec<LayerStep> = (0..depth).filter_map(|l| LayerStep::new(net, l)).collect();
    let first = steps.first().ok_or(BenchError::Empty)?;

    let (public, (prover, verifier)) = meter.setup(|| {
        let public = Public::setup(
            first,
            &*Spartan::<Primary, A::First>::ck_floor(),
            &*Spartan::<Secondary, A::Second>::ck_floor(),
        )?;
        let keys = Compressed::<A>::setup(&public)?;
        Ok::<_, BenchError>((public, keys))
    })?;
    meter.constraints(public.num_constraints().0);

    let start = [digest(net.input()), F::ZERO];
    let folded = meter.stage(Stage::Fold, || {
        let mut folded = RecursiveSNARK::new(&public, first, &start)?;
        for step in &steps {
            folded.prove_step(&public, step)?;
        }
        Ok::<_, BenchError>(folded)
    })?;
    let proof = meter.stage(Stage::Compress, || {
        Compressed::<A>::prove(&public, &prover, &folded)
    })?;
    drop((folded, public, prover));

    let model = net.layers.iter().fold(F::ZERO, layer_digest);
    let end = meter.verify(|| {
        let start = [digest(net.input()), F::ZERO];
        let end = proof.verify(&verifier, depth, &start)?;
        let agrees = end == [digest(net.last()), model];
        if agrees {
            Ok(())
        } else {
            Err(BenchError::Disagree)
        }
    });
    end?;
    // Another answer, and another model, are refused.
    if proof
        .verify(&verifier, depth, &[start[0] + F::ONE, F::ZERO])
        .is_ok()
    {
        return Err(BenchError::Accepted);
    }
    meter.finish(encoded_length(&proof)?)
}
