//! Where blocks go, and how long a committed row is (PROTOCOL.md §1, §3): `κ` keeps the proof's commitments few.

use pleat_verifier::descriptor::Descriptor;
use pleat_verifier::mle::{bits, shape_bits};

/// Row lengths that are tried.
const ROW_BITS: std::ops::RangeInclusive<u32> = 8..=16;
/// Bytes of a commitment.
const POINT: usize = 32;

/// What a choice of `κ` costs.
struct Choice {
    row_bits: u32,
    nu: usize,
    /// Commitments of a proof.
    bytes: usize,
    /// Committed rows of weights.
    weight_rows: usize,
}

/// Sets `κ` (the given one, or the best), and all addresses.
pub fn lay_out(descriptor: &mut Descriptor, row_bits: Option<u32>) {
    let row_bits = row_bits.unwrap_or_else(|| choose(descriptor));
    place(descriptor, row_bits);
}

/// What a proof may be longer for shorter rows, beyond a tenth: the argument that opens a row is what takes the time of small proofs.
const SLACK: usize = 512;

/// Among the `κ` whose proofs are about the shortest, and with the shortest trace, the least; rows of weights, which are not in a
/// proof but cost its verifier, are not made more numerous than the proof's own for it.
fn choose(descriptor: &mut Descriptor) -> u32 {
    let choices: Vec<Choice> = ROW_BITS.map(|k| cost(descriptor, k)).collect();
    let least = choices.iter().map(|c| c.bytes).min().unwrap_or(0);
    let near = |slack: usize| {
        let most = least + least / 10 + slack;
        choices.iter().filter(move |c| c.bytes <= most)
    };
    let shortest = near(0).min_by_key(|c| (c.nu, c.bytes, c.row_bits));
    let quicker =
        |c: &&Choice| shortest.is_none_or(|s| c.nu <= s.nu) && c.weight_rows * POINT <= c.bytes;
    near(SLACK)
        .filter(quicker)
        .chain(shortest)
        .map(|c| c.row_bits)
        .min()
        .unwrap_or(*ROW_BITS.start())
}

fn cost(descriptor: &mut Descriptor, row_bits: u32) -> Choice {
    let end = place(descriptor, row_bits);
    let kappa = usize::try_from(row_bits).unwrap_or(0);
    let cells = 1_usize << kappa;
    let table = (descriptor.functions.len() + 1) << descriptor.digit_bits;
    let trace_rows = end.div_ceil(cells);
    let table_rows = table.div_ceil(cells);
    let weights = descriptor.weights.iter();
    let weights = weights.map(|b| b.address + (1 << shape_bits(&b.shape)));
    Choice {
        row_bits,
        weight_rows: weights.max().unwrap_or(0).div_ceil(cells),
        nu: bits(end.max(table)).max(kappa),
        bytes: (7 * trace_rows + 2 * table_rows + 10) * POINT + 2 * POINT * kappa,
    }
}

/// Largest first, so that every block is aligned to its own size. Returns the end of the trace.
fn place(descriptor: &mut Descriptor, row_bits: u32) -> usize {
    descriptor.row_bits = row_bits;
    let reserved = |d: &Descriptor| -> Vec<usize> {
        let nodes = d.nodes.iter().enumerate();
        nodes.map(|(i, n)| d.reserved_bits(i, n)).collect()
    };
    let (addresses, end) = stack(&reserved(descriptor));
    for (node, address) in descriptor.nodes.iter_mut().zip(addresses) {
        node.address = address;
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
