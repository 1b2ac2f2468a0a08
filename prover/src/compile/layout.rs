//! Where blocks go, and how long a committed row is (PROTOCOL.md §1, §3): `κ` minimises the proof's commitments and the time that
//! verifying their opening takes.

use pleat_verifier::descriptor::{Descriptor, stack};
use pleat_verifier::mle::{bits, shape_bits};

/// Row lengths that are tried.
const ROW_BITS: std::ops::RangeInclusive<u32> = 8..=16;
/// A longer row, where proofs would be longer than this without: a verifier without a cache takes seconds to derive its generators.
const LONGEST: (u32, usize) = (17, 32_000);
/// What loading and multiplying the commitment to a row of weights costs a verifier, as multiplications: it is a square root.
const LOADED: usize = 5;
/// Bytes of a commitment.
const POINT: usize = 32;
/// What a proof has besides, roughly: bytes, and the verifier's multiplications of points.
const OTHER_BYTES: usize = 5_000;
const OTHER_POINTS: usize = 1 << 12;

/// What a choice of `κ` costs.
struct Choice {
    row_bits: u32,
    nu: usize,
    bytes: usize,
    /// The length's fifth power times the verifier's time: a twentieth of the one is worth a quarter of the other.
    cost: f64,
}

/// Sets `κ` (the given one, or the best), and all addresses.
pub fn lay_out(descriptor: &mut Descriptor, row_bits: Option<u32>) {
    let row_bits = row_bits.unwrap_or_else(|| choose(descriptor));
    place(descriptor, row_bits);
}

/// The cheapest `κ`; among those within a tenth of it, the one with the shortest trace.
fn choose(descriptor: &mut Descriptor) -> u32 {
    let choices: Vec<Choice> = ROW_BITS.map(|k| cost(descriptor, k)).collect();
    let least = choices.iter().map(|c| c.cost).fold(f64::INFINITY, f64::min);
    let chosen = choices
        .iter()
        .filter(|c| c.cost <= 1.1 * least)
        .min_by(|a, b| a.nu.cmp(&b.nu).then(a.cost.total_cmp(&b.cost)));
    let (longest, bytes) = LONGEST;
    match chosen {
        Some(choice) if choice.bytes <= bytes => choice.row_bits,
        Some(choice) if cost(descriptor, longest).cost > choice.cost => choice.row_bits,
        Some(_) => longest,
        None => *ROW_BITS.start(),
    }
}

fn cost(descriptor: &mut Descriptor, row_bits: u32) -> Choice {
    let end = place(descriptor, row_bits);
    let kappa = usize::try_from(row_bits).unwrap_or(0);
    let cells = 1_usize << kappa;
    let table = (descriptor.all_functions().len() + 1) << descriptor.digit_bits;
    let trace_rows = end.div_ceil(cells);
    let table_rows = table.div_ceil(cells);
    let weights = (descriptor.weights.iter())
        .map(|b| b.address + (1 << shape_bits(&b.shape)))
        .max();
    let weight_rows = weights.unwrap_or(0).div_ceil(cells);
    let own = 7 * trace_rows + 2 * table_rows + 10 + 2 * kappa;
    let bytes = own * POINT + OTHER_BYTES;
    let points = own + cells + LOADED * weight_rows + OTHER_POINTS;
    Choice {
        row_bits,
        nu: bits(end.max(table)).max(kappa),
        bytes,
        cost: (bytes as f64).powi(5) * points as f64,
    }
}

/// Returns the end of the trace.
fn place(descriptor: &mut Descriptor, row_bits: u32) -> usize {
    descriptor.row_bits = row_bits;
    let end = descriptor.place_trace();
    let shapes = descriptor.weights.iter().map(|b| &b.shape);
    let sizes: Vec<usize> = shapes.map(|s| s.iter().map(|n| bits(*n)).sum()).collect();
    for (block, address) in descriptor.weights.iter_mut().zip(stack(&sizes).0) {
        block.address = address;
    }
    end
}
