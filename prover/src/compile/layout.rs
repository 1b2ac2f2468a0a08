//! Where blocks go, and how long a committed row is (PROTOCOL.md §1, §3): `κ` minimises the proof's commitments.

use pleat_verifier::descriptor::Descriptor;
use pleat_verifier::mle::{bits, shape_bits};

/// Row lengths that are tried.
const ROW_BITS: std::ops::RangeInclusive<u32> = 8..=16;
/// Rows of weights that a verifier should not have to load more of: each takes it a square root.
const MOST_WEIGHT_ROWS: usize = 1 << 15;
/// Bytes of a commitment.
const POINT: usize = 32;

/// What a choice of `κ` costs.
struct Choice {
    row_bits: u32,
    nu: usize,
    bytes: usize,
    weight_rows: usize,
}

/// Sets `κ` (the given one, or the best), and all addresses.
pub fn lay_out(descriptor: &mut Descriptor, row_bits: Option<u32>) {
    let row_bits = row_bits.unwrap_or_else(|| choose(descriptor));
    place(descriptor, row_bits);
}

/// The cheapest `κ`; among those within a tenth of it, the one with the shortest trace. One that makes the weights few rows, if
/// there is one.
fn choose(descriptor: &mut Descriptor) -> u32 {
    let mut choices: Vec<Choice> = ROW_BITS.map(|k| cost(descriptor, k)).collect();
    let few = |c: &Choice| c.weight_rows <= MOST_WEIGHT_ROWS;
    if choices.iter().any(few) {
        choices.retain(few);
    } else {
        choices.drain(..choices.len().saturating_sub(1));
    }
    let least = choices.iter().map(|c| c.bytes).min().unwrap_or(0);
    choices
        .iter()
        .filter(|c| c.bytes <= least + least / 10)
        .min_by_key(|c| (c.nu, c.bytes, c.row_bits))
        .map_or(*ROW_BITS.start(), |c| c.row_bits)
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
    Choice {
        weight_rows: weights.unwrap_or(0).div_ceil(cells),
        row_bits,
        nu: bits(end.max(table)).max(kappa),
        bytes: (7 * trace_rows + 2 * table_rows + 10) * POINT + 2 * POINT * kappa,
    }
}

/// Largest first, so that every block is aligned to its own size. Returns the end of the trace.
fn place(descriptor: &mut Descriptor, row_bits: u32) -> usize {
    descriptor.row_bits = row_bits;
    let reserved = |d: &Descriptor| -> Vec<usize> {
        let nodes = d.nodes.iter().enumerate();
        let blocks = nodes.flat_map(|(i, n)| {
            let own = 0..n.operation.blocks();
            own.map(move |block| d.reserved_bits(i, n, block))
        });
        blocks.collect()
    };
    let (addresses, end) = stack(&reserved(descriptor));
    let mut addresses = addresses.into_iter();
    for node in &mut descriptor.nodes {
        let own = addresses.by_ref().take(node.operation.blocks());
        node.blocks = own.collect();
    }
    let shapes = descriptor.weights.iter().map(|b| &b.shape);
    let sizes: Vec<usize> = shapes.map(|s| s.iter().map(|n| bits(*n)).sum()).collect();
    for (block, address) in descriptor.weights.iter_mut().zip(stack(&sizes).0) {
        block.address = address;
    }
    end
}

/// Addresses of blocks of the given sizes (log2), and their end.
fn stack(sizes: &[usize]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(sizes.get(*i).copied()));
    let mut addresses = vec![0; sizes.len()];
    let mut end = 0;
    for i in order {
        if let (Some(address), Some(size)) = (addresses.get_mut(i), sizes.get(i)) {
            *address = end;
            end += 1_usize << size;
        }
    }
    (addresses, end)
}
