//! The long sums eight at a time.

use super::{Small, TOGETHER};
use crate::cycle::F;
use pleat_lanes::{Element, Kernel, LANES, Limbs, Modulus, TERMS, Vector, added, limbs_of, run};

/// `sums[i] += Σ_rows (row[i] + shift)·factor`; the rows are as long as the sums, a multiple of [`LANES`].
pub(super) fn combine<T: Small>(rows: &[(&[T], F)], sums: &mut [F]) {
    let cells = sums.len();
    for rows in rows.chunks(TERMS) {
        let more = run::<<F as Element>::Modulus, _>(Combine { rows, cells });
        for (sum, limbs) in sums.iter_mut().zip(more.as_flattened()) {
            *sum += F::from_limbs(*limbs);
        }
    }
}

struct Combine<'a, T> {
    rows: &'a [(&'a [T], F)],
    cells: usize,
}

impl<M: Modulus, T: Small> Kernel<M> for Combine<'_, T> {
    type Output = Vec<[Limbs; LANES]>;

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let mut sums = vec![V::multiples(); self.cells / LANES];
        let (groups, rest) = self.rows.as_chunks::<TOGETHER>();
        for group in groups {
            let mut weights = [V::splat(&M::ONE); TOGETHER];
            let mut rows: [&[[T; LANES]]; TOGETHER] = [&[]; TOGETHER];
            for (k, (row, weight)) in group.iter().enumerate() {
                weights[k] = V::splat(&weight.limbs());
                rows[k] = row.as_chunks().0;
            }
            for (i, sum) in sums.iter_mut().enumerate() {
                let mut own = *sum;
                for (weight, row) in weights.iter().zip(rows) {
                    if let Some(cells) = row.get(i) {
                        V::add_multiple(&mut own, *weight, T::eight::<M, V>(cells));
                    }
                }
                *sum = own;
            }
        }
        for (row, weight) in rest {
            let weight = V::splat(&weight.limbs());
            for (sum, cells) in sums.iter_mut().zip(row.as_chunks::<LANES>().0) {
                V::add_multiple(sum, weight, T::eight::<M, V>(cells));
            }
        }
        let mut out = Vec::with_capacity(sums.len());
        for sum in sums {
            out.push(V::multiplied(sum).reduced().lanes());
        }
        out
    }
}

/// `Σ_i (cells[i] + shift)·weights[i]` of each row; rows are as long as the weights, a multiple of [`LANES`].
pub(super) fn dots<T: Small>(rows: &[&[T]], weights: &[F]) -> Vec<F> {
    let mut out = vec![F::zero(); rows.len()];
    for (k, weights) in weights.chunks(TERMS * LANES).enumerate() {
        let sums = run::<<F as Element>::Modulus, _>(Dots {
            rows,
            start: k * TERMS * LANES,
            weights: limbs_of(weights),
        });
        for (out, sum) in out.iter_mut().zip(sums) {
            *out += added::<F>(sum);
        }
    }
    out
}

struct Dots<'a, T> {
    rows: &'a [&'a [T]],
    start: usize,
    weights: &'a [Limbs],
}

impl<M: Modulus, T: Small> Kernel<M> for Dots<'_, T> {
    type Output = Vec<[Limbs; LANES]>;

    #[inline(always)]
    fn run<V: Vector<M>>(self) -> Self::Output {
        let (weights, _) = self.weights.as_chunks::<LANES>();
        let mut own: Vec<V> = Vec::with_capacity(weights.len());
        for weight in weights {
            own.push(V::load(weight));
        }
        let mut out = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let (cells, _) = row[self.start..].as_chunks::<LANES>();
            let mut sum = V::multiples();
            for (weight, cells) in own.iter().zip(cells) {
                V::add_multiple(&mut sum, *weight, T::eight::<M, V>(cells));
            }
            out.push(V::multiplied(sum).reduced().lanes());
        }
        out
    }
}
