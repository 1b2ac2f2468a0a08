//! Pleat as it is: the library's own `prove` and `verify`.

use ff::Field;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_nova_circuits::cycle::F;
use pleat_prover::model::ProvingModel;
use pleat_prover::prove::{Keys, Request, Visibility, prove, unheard};
use pleat_verifier::descriptor::Node;
use pleat_verifier::pcs::OpeningKey;
use pleat_verifier::verify::verify;
use rand_chacha::ChaCha20Rng;
use rand_core::{OsRng, SeedableRng};

use crate::BenchError;
use crate::measure::{Facts, Measured, Meter};
use crate::nets::Net;

/// A model with an input, and the outputs that every system has to agree with, if they are known.
pub struct Case {
    /// What it is called.
    pub name: String,
    /// The model.
    pub model: ProvingModel,
    /// The input.
    pub input: Vec<i32>,
    /// The outputs.
    pub output: Option<Vec<i32>>,
    /// Features or channels of every layer.
    pub width: Option<usize>,
    /// What a proof shows.
    pub shown: Visibility,
}

impl Case {
    /// A network of [`crate::nets`].
    ///
    /// # Errors
    /// If the model cannot be made.
    pub fn of(net: &Net) -> Result<Self, BenchError> {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let model = ProvingModel::commit(net.descriptor(), net.blocks(), String::new(), &mut rng)?;
        Ok(Self {
            name: net.shape.name(),
            model,
            input: net.input().to_vec(),
            output: Some(net.last().to_vec()),
            width: Some(net.shape.width()),
            shown: Visibility {
                inputs: true,
                outputs: true,
            },
        })
    }

    /// What is known of it without running it.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let network = self.model.network();
        let weights = &network.descriptor().weights;
        Facts {
            network: self.name.clone(),
            depth: network
                .nodes()
                .iter()
                .filter(|n| n.product.is_some())
                .count(),
            width: self.width,
            rows: network.real_rows(),
            weights: weights
                .iter()
                .map(|b| b.shape.iter().product::<usize>())
                .sum(),
            macs: network.nodes().iter().map(Node::macs).sum(),
        }
    }
}

/// Proves and verifies.
///
/// # Errors
/// Those of prover and verifier; [`BenchError::Disagree`], [`BenchError::Accepted`].
pub fn run(case: &Case, meter: &mut Meter) -> Result<Measured, BenchError> {
    let network = case.model.network();
    let (nova, opening) = meter.setup(|| {
        let nova = Parameters::load_or_build(&CacheFolder::from_environment(), &mut |_| {})?;
        Ok::<_, BenchError>((
            nova,
            OpeningKey::load_or_derive(network.row_bits(), &CacheFolder::from_environment()),
        ))
    })?;
    meter.constraints(nova.sizes().primary_constraints);
    let keys = Keys {
        nova: &nova,
        opening: &opening,
    };
    let inputs = [case.input.clone()];
    let request = Request {
        inputs: &inputs,
        visibility: case.shown,
        linked: &[],
    };
    let proved = meter.prove(|| prove(&case.model, keys, &request, &mut OsRng, &mut unheard))?;
    meter.timings(&proved.timings);
    let disagrees = |output: &Vec<i32>| proved.outputs.first() != Some(output);
    if case.output.as_ref().is_some_and(disagrees) {
        return Err(BenchError::Disagree);
    }
    let (key, model) = (nova.verifier_key(), case.model.verification());
    meter.verify(|| verify(key, &opening, model, &proved.proof))?;
    let mut other = proved.proof.clone();
    if let Some(value) = other.messages.values.first_mut() {
        *value += F::ONE;
    }
    if verify(key, &opening, model, &other).is_ok() {
        return Err(BenchError::Accepted);
    }
    meter.finish(proved.proof.to_bytes().len())
}
