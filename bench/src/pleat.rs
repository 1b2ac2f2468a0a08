//! Pleat as it is: the library's own `prove` and `verify`.

use ff::Field;
use pleat_nova_circuits::cache::CacheFolder;
use pleat_nova_circuits::chain::params::Parameters;
use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::tree::step::CONSTRAINTS;
use pleat_prover::model::ProvingModel;
use pleat_prover::prove::{Folding, Keys, Request, Visibility, prove, unheard};
use pleat_verifier::descriptor::Node;
use pleat_verifier::fold::Mode;
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
    pub fn of(net: &Net, shown: Visibility) -> Result<Self, BenchError> {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let model = ProvingModel::commit(net.descriptor(), net.blocks(), String::new(), &mut rng)?;
        Ok(Self {
            name: net.shape.name(),
            model,
            input: net.input().to_vec(),
            output: Some(net.last().to_vec()),
            width: Some(net.shape.width()),
            shown,
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
                .filter(|n| !n.products.is_empty())
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

/// Proves and verifies, in one of the modes.
///
/// # Errors
/// Those of prover and verifier; [`BenchError::Disagree`], [`BenchError::Accepted`].
pub fn run(case: &Case, mode: Mode, meter: &mut Meter) -> Result<Measured, BenchError> {
    let network = case.model.network();
    let cache = CacheFolder::from_environment();
    let (chain, opening) = meter.setup(|| {
        let chain = match mode {
            Mode::Tree => None,
            Mode::Chain => Some(Parameters::load_or_build(&cache, &mut |_| {})?),
        };
        let opening = OpeningKey::load_or_derive(network.row_bits(), &cache);
        Ok::<_, BenchError>((chain, opening))
    })?;
    meter.constraints(match &chain {
        Some(parameters) => parameters.sizes().primary_constraints,
        None => CONSTRAINTS,
    });
    let keys = Keys {
        opening: &opening,
        folding: chain.as_ref().map_or(Folding::Tree, Folding::Chain),
    };
    let inputs = [case.input.clone()];
    let request = Request {
        inputs: &inputs,
        indices: &[],
        visibility: case.shown,
        linked: &[],
    };
    let proved = meter.prove(|| prove(&case.model, keys, &request, &mut OsRng, &mut unheard))?;
    meter.timings(&proved.timings);
    let disagrees = |output: &Vec<i32>| proved.outputs.first() != Some(output);
    if case.output.as_ref().is_some_and(disagrees) {
        return Err(BenchError::Disagree);
    }
    let keys = pleat_verifier::Keys {
        opening: &opening,
        chain: chain.as_ref().map(Parameters::verifier_key),
    };
    let model = case.model.verification();
    meter.verify(|| verify(keys, model, &proved.proof))?;
    let mut other = proved.proof.clone();
    if let Some(value) = other.messages.values.first_mut() {
        *value += F::ONE;
    }
    if verify(keys, model, &other).is_ok() {
        return Err(BenchError::Accepted);
    }
    meter.finish(proved.proof.to_bytes(case.model.network()).len())
}
