//! Multilinear extensions (PROTOCOL.md §0): equality polynomials, indicators and inner products.
//!
//! A point lists one coordinate per variable, variable 0 (bit 0 of the index) first.

use pleat_nova_circuits::cycle::F;
pub use pleat_nova_circuits::vectors::{eq_table, inner_product};

/// Variables that index an axis of `n` values: `⌈log2 n⌉`, 0 for `n ≤ 1`.
pub fn bits(n: usize) -> usize {
    let trailing = n
        .checked_next_power_of_two()
        .map_or(usize::BITS, usize::trailing_zeros);
    usize::try_from(trailing).unwrap_or(usize::MAX)
}

/// Variables that index a tensor of this shape, each axis padded to a power of two.
pub fn shape_bits(shape: &[usize]) -> usize {
    shape.iter().fold(0, |n, len| n.saturating_add(bits(*len)))
}

/// `eq(a, b)` for two points of equal length (surplus coordinates of the longer one are ignored).
pub fn eq(a: &[F], b: &[F]) -> F {
    a.iter().zip(b).fold(F::one(), |product, (x, y)| {
        let xy = x * y;
        product * (F::one() - x - y + xy + xy)
    })
}

/// `eq(point, bits(index))`.
pub fn eq_index(point: &[F], index: usize) -> F {
    let weigh = |(product, rest): (F, usize), p: &F| {
        let factor = if rest & 1 == 1 { *p } else { F::one() - p };
        (product * factor, rest >> 1)
    };
    let (product, rest) = point.iter().fold((F::one(), index), weigh);
    if rest == 0 { product } else { F::zero() }
}

/// `Π_j (1 - point_j)`: the factor of zero-extension.
pub fn zeros_at(point: &[F]) -> F {
    point
        .iter()
        .fold(F::one(), |product, p| product * (F::one() - p))
}

/// `Σ_{i<n} Π_j weight_j(bit j of i)`, in time linear in the number of variables.
fn prefix_sum(weights: &[(F, F)], n: usize) -> F {
    // totals[j]: the same sum over all values of the variables below j.
    let mut totals = vec![F::one()];
    let mut total = F::one();
    for (w0, w1) in weights {
        total *= w0 + w1;
        totals.push(total);
    }
    if bits(n.saturating_add(1)) > weights.len() {
        return total;
    }
    let mut sum = F::zero();
    let mut prefix = F::one();
    for (j, ((w0, w1), below)) in weights.iter().zip(&totals).enumerate().rev() {
        if n >> j & 1 == 1 {
            sum += prefix * w0 * below;
            prefix *= w1;
        } else {
            prefix *= w0;
        }
    }
    sum
}

/// Multilinear extension at `point` of the vector that is 1 on `[0, n)`.
pub fn indicator(n: usize, point: &[F]) -> F {
    let weights: Vec<(F, F)> = point.iter().map(|p| (F::one() - p, *p)).collect();
    prefix_sum(&weights, n)
}

/// `Σ_{i<n} eq(a, i)·eq(b, i)`: the multilinear extension of the identity on the first `n` indices.
pub fn eq_prefix_sum(a: &[F], b: &[F], n: usize) -> F {
    let weights: Vec<(F, F)> = a
        .iter()
        .zip(b)
        .map(|(x, y)| ((F::one() - x) * (F::one() - y), x * y))
        .collect();
    prefix_sum(&weights, n)
}
