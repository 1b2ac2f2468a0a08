//! What compiling and proving a folder will cost, before anything is done: its network with made-up ranges has the shapes that matter.

use std::path::Path;

use pleat_verifier::descriptor::Limits;
use pleat_verifier::fold::Mode;
use pleat_verifier::network::Network;
use pleat_verifier::places::{Place, Places};
use pleat_verifier::proof::proof_bytes;

use super::error::CompileError;
use super::graph::Graph;
use super::quantize::{Calibration, quantize};
use super::{CompileOptions, huggingface, layout, wish};

/// Bytes of memory for each cell of a trace column while a proof is made: integers, places of fractions, sumcheck tables.
const BYTES_PER_CELL: usize = 200;
/// Times that weights of two bytes are in memory: while they are compiled, and when a file is loaded to prove.
const COPIES: (usize, usize) = (3, 2);
/// What a process needs besides.
const BASE: usize = 96 << 20;
/// Nanoseconds of one core: to commit to a weight; of a proof, for each cell of the trace and each weight.
const NANOSECONDS: (f64, f64, f64) = (700.0, 2_200.0, 25.0);

/// What a folder's network will cost, roughly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Weights that are stored.
    pub weights: usize,
    /// Rows of the trace.
    pub rows: usize,
    /// Seconds to compile, on all cores there are.
    pub compile_seconds: f64,
    /// Bytes of memory to compile.
    pub compile_memory: usize,
    /// Seconds to prove a run.
    pub prove_seconds: f64,
    /// Bytes of memory to prove a run.
    pub prove_memory: usize,
    /// Length of a proof that shows all outputs.
    pub proof_bytes: usize,
}

/// Estimates what a folder will cost with these options; nothing if made-up ranges do not fit its network.
///
/// # Errors
/// If it cannot be compiled, or not with these options.
pub fn estimate(path: &Path, options: &CompileOptions) -> Result<Option<Estimate>, CompileError> {
    let folder = huggingface::Folder::sketch(path)?;
    let graph = folder.graph(&wish(&folder, options)?)?;
    let digit_bits = options.digit_bits.unwrap_or_else(|| graph.digit_bits());
    let Ok(quantized) = quantize(&graph, &made_up(&graph), digit_bits, options.headroom) else {
        return Ok(None);
    };
    let mut descriptor = quantized.descriptor;
    layout::lay_out(&mut descriptor, options.row_bits);
    let network = Network::new(descriptor, &Limits::default())?;
    let weights = stored_weights(&network);
    let cells = 1_usize << network.nu();
    let prove_memory = prove_memory(&network);
    let shown = Places::new(&network, Place::Here, Place::Here);
    let cores = float(rayon::current_num_threads());
    let (commit, cell, weight) = NANOSECONDS;
    Ok(Some(Estimate {
        weights,
        rows: network.real_rows(),
        compile_seconds: float(weights) * commit / 1e9 / cores,
        compile_memory: BASE + 2 * COPIES.0 * weights,
        prove_seconds: (float(cells) * cell + float(weights) * weight) / 1e9 / cores,
        prove_memory,
        proof_bytes: proof_bytes(&network, Mode::shorter(&network), &shown),
    }))
}

/// Bytes of memory that proving a run of a network takes, roughly.
pub fn prove_memory(network: &Network) -> usize {
    let cells = 1_usize << network.nu();
    BASE + 2 * COPIES.1 * stored_weights(network) + BYTES_PER_CELL * cells
}

fn stored_weights(network: &Network) -> usize {
    let blocks = network.descriptor().weights.iter();
    blocks.map(|b| b.shape.iter().product::<usize>()).sum()
}

fn made_up(graph: &Graph) -> Calibration {
    let all = |range| vec![range; graph.nodes.len()];
    Calibration {
        ranges: all((-1.0, 1.0)),
        values: all((-1.0, 1.0)),
        divisors: all((0.25, 1.0)),
        grids: Vec::new(),
        scales: Vec::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
const fn float(n: usize) -> f64 {
    n as f64
}
