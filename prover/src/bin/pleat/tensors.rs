//! From DATA to the integers of a network's inputs.

use ndarray::ArrayD;
use pleat_prover::data::{DataError, InputSpec, Samples, load_inputs};
use pleat_prover::inputs::{Given, given, wanted};
use pleat_verifier::command;
use pleat_verifier::descriptor::Port;
use pleat_verifier::network::Network;

use crate::error::CliError;

/// Samples of DATA, side by side: a row-major list per tensor. `specs` are of one sample.
pub fn sample(
    spec: &str,
    specs: &[InputSpec],
    index: command::Samples,
) -> Result<Vec<Vec<f64>>, DataError> {
    let stacks: Vec<Samples> = load_inputs(spec, specs)?;
    let sample = |stack: &Samples| {
        let mut values = Vec::new();
        for i in (index.first..).take(index.count) {
            values.extend(stack.get(i)?.iter().map(|v| f64::from(*v)));
        }
        Ok(values)
    };
    stacks.iter().map(sample).collect()
}

/// All samples of DATA: one tensor per input.
pub fn all_samples(
    flag: &'static str,
    spec: &str,
    specs: &[InputSpec],
) -> Result<Vec<Vec<ArrayD<f32>>>, CliError> {
    let error = |source| CliError::Data { flag, source };
    let stacks = load_inputs(spec, specs).map_err(error)?;
    let count = stacks.first().map_or(0, Samples::len);
    (0..count)
        .map(|i| stacks.iter().map(|s| s.get(i)).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()
        .map_err(error)
}

/// `--input`, for every input of the network.
pub fn quantized_input(
    network: &Network,
    spec: &str,
    index: command::Samples,
) -> Result<Given, CliError> {
    let ports: Vec<&Port> = network.descriptor().inputs.iter().collect();
    quantized(network, &ports, spec, index)
}

/// `--input`, which gives these inputs and, after them, the indices. The network's tensors have an axis for as many samples as
/// `index` says, if it says more than one.
pub fn quantized(
    network: &Network,
    ports: &[&Port],
    spec: &str,
    index: command::Samples,
) -> Result<Given, CliError> {
    let flag = "--input";
    let wanted = wanted(network, ports, index.count);
    let values = sample(spec, &wanted, index).map_err(|source| CliError::Data { flag, source })?;
    given(network, ports, &values).map_err(|source| CliError::Quantize { flag, source })
}
