//! The whole network as one constraint system, proved once by Spartan. Inner activations need no digest; the input's, the output's
//! and that of the weights are public.

use std::sync::Arc;

use ff::Field;
use nova_snark::frontend::num::{AllocatedNum, Num};
use nova_snark::frontend::{Circuit, ConstraintSystem, SynthesisError};
use nova_snark::provider::PallasEngine as Primary;
use nova_snark::spartan::direct::{DirectCircuit, DirectSNARK};
use nova_snark::traits::circuit::StepCircuit;
use pleat_nova_circuits::cycle::F;
use pleat_prover::prove::Stage;

use super::count::Counter;
use super::gadget::{
    LayerCells, all_signed, digest, digest_gadget, equal, layer, layer_digest, materialize,
};
use super::{Argument, Spartan, encoded_length};
use crate::BenchError;
use crate::measure::{Measured, Meter};
use crate::nets::Net;

/// A network with its input.
#[derive(Clone, Debug)]
pub struct Whole(pub Arc<Net>);

impl StepCircuit<F> for Whole {
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
        let net = &*self.0;
        let mut last = all_signed(cs, "input", net.input())?;
        let opened = digest_gadget(&mut cs.namespace(|| "opened"), &last)?;
        equal(cs, "input digest", &opened, activations);
        let mut digest = Num::from(weights.clone());
        for (index, values) in net.layers.iter().enumerate() {
            let mut cs = cs.namespace(|| format!("layer {index}"));
            let cells = LayerCells::new(&mut cs, values)?;
            digest = cells.digest(&mut cs.namespace(|| "weights"), &digest)?;
            // A wire, so that the next layer's hash does not drag this one's along.
            digest = materialize(&mut cs, "running digest", &digest)?.into();
            last = layer(&mut cs, net.shape, &cells, &last)?;
        }
        let activations = digest_gadget(&mut cs.namespace(|| "closed"), &last)?;
        Ok(vec![
            materialize(cs, "activation digest", &activations)?,
            materialize(cs, "weight digest", &digest)?,
        ])
    }
}

/// The number of constraints, public inputs and outputs included.
///
/// # Errors
/// Those of the constraint system.
pub fn constraints(net: &Arc<Net>) -> Result<usize, BenchError> {
    let mut cs = Counter::default();
    let circuit = DirectCircuit::<Primary, _>::new(None, Whole(net.clone()));
    Circuit::synthesize(circuit, &mut cs)?;
    Ok(cs.constraints())
}

/// Proves and verifies a network; the verifier computes the digests of [`Net`]'s own input and outputs.
///
/// # Errors
/// Those of nova-snark; [`BenchError::Accepted`].
pub fn run<A: Argument>(net: &Arc<Net>, meter: &mut Meter) -> Result<Measured, BenchError> {
    type Direct<A> = DirectSNARK<Primary, Spartan<Primary, <A as Argument>::First>, Whole>;
    meter.constraints(constraints(net)?);
    let circuit = Whole(net.clone());
    let (prover, verifier) = meter.setup(|| Direct::<A>::setup(circuit.clone()))?;
    let start = [digest(net.input()), F::ZERO];
    let proof = meter.stage(Stage::Compress, || {
        Direct::<A>::prove(&prover, circuit, &start)
    })?;
    drop(prover);

    let model = net.layers.iter().fold(F::ZERO, layer_digest);
    meter.verify(|| {
        let public = [digest(net.input()), F::ZERO, digest(net.last()), model];
        proof.verify(&verifier, &public)
    })?;
    let other = [start[0], F::ZERO, digest(net.last()) + F::ONE, model];
    if proof.verify(&verifier, &other).is_ok() {
        return Err(BenchError::Accepted);
    }
    meter.finish(encoded_length(&proof)?)
}
