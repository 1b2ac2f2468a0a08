//! From DATA to the integers of a network's inputs.

use ndarray::ArrayD;
use pleat_prover::data::{DataError, InputSpec, Samples, load_inputs};
use pleat_verifier::descriptor::Port;
use pleat_verifier::network::Network;
use pleat_verifier::quantize::quantize;

use crate::error::CliError;

/// What DATA must fit.
pub fn specs<'p>(ports: impl IntoIterator<Item = &'p Port>) -> Vec<InputSpec> {
    let spec = |port: &Port| InputSpec {
        name: port.name.clone(),
        shape: port.shape.clone(),
    };
    ports.into_iter().map(spec).collect()
}

/// One sample of DATA: a row-major list per tensor.
pub fn sample(spec: &str, specs: &[InputSpec], index: usize) -> Result<Vec<Vec<f64>>, DataError> {
    let stacks: Vec<Samples> = load_inputs(spec, specs)?;
    let sample = |stack: &Samples| Ok(stack.get(index)?.iter().map(|v| f64::from(*v)).collect());
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

/// The integers of `--input`, per input of the network.
pub fn quantized_input(
    network: &Network,
    spec: &str,
    index: usize,
) -> Result<Vec<Vec<i32>>, CliError> {
    let ports: Vec<&Port> = network.descriptor().inputs.iter().collect();
    quantized(network, &ports, spec, index)
}

/// The integers of `--input`, which gives these inputs.
pub fn quantized(
    network: &Network,
    ports: &[&Port],
    spec: &str,
    index: usize,
) -> Result<Vec<Vec<i32>>, CliError> {
    let flag = "--input";
    let values = sample(spec, &specs(ports.iter().copied()), index)
        .map_err(|source| CliError::Data { flag, source })?;
    let range = network.input_range();
    let pairs = ports.iter().zip(&values);
    pairs
        .map(|(port, values)| quantize(port, &range, values))
        .collect::<Result<_, _>>()
        .map_err(|source| CliError::Quantize { flag, source })
}
