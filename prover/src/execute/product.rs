//! The contraction of a node: `Σ_{x: batch(x)=batch(o)} A[x,o]·K[x,o]` for every output index `o`.
//!
//! Output axes fall into batch axes, those that `A` owns (left) and those that `K` owns (right), so for every batch
//! index this is a matrix product over the remaining axes of `x`: rows of `A` are gathered as im2col does, once each,
//! and dotted with rows of `K`, which are read in place when they lie whole in the column.

use pleat_verifier::descriptor::{Axis, Product, Role, Slot};
use rayon::prelude::*;

use super::gather::{Gather, Integer, Scratch, unflatten, volume};
use super::sources::{Place, Sources};

/// Rows of `A` that share one pass over the rows of `K`, so that a large `K` is read from memory less often.
const GROUP: usize = 8;
/// Cells of a factor that are gathered at once.
const MOST_GATHERED: usize = 1 << 20;
/// Products that are worth a task of their own.
const TASK: usize = 1 << 15;

/// The roles of a node's index axes in its contraction.
pub(super) struct Split {
    pub(super) batch: Vec<Axis>,
    pub(super) left: Vec<Axis>,
    pub(super) right: Vec<Axis>,
    pub(super) summed: Vec<Axis>,
}

impl Split {
    pub(super) fn new(slot: &Slot<'_>) -> Self {
        let among = |axes: &[Axis], axis: &Axis| axes.iter().any(|a| a.id == axis.id);
        let free = |role| -> Vec<Axis> {
            let owned = slot.owned(role).into_iter();
            owned.filter(|a| !among(slot.contraction(), a)).collect()
        };
        let summed = slot.contraction().iter();
        let summed = summed.filter(|a| !among(&slot.relation.out, a));
        Self {
            batch: slot.batch().copied().collect(),
            left: free(Role::A),
            right: free(Role::K),
            summed: summed.copied().collect(),
        }
    }

    /// The order in which the products stand.
    pub(super) fn order(&self) -> Vec<Axis> {
        [self.batch.as_slice(), &self.left, &self.right].concat()
    }
}

/// A product prepared for running.
pub(super) struct Contraction {
    split: Split,
    a: Gather,
    k: Gather,
}

impl Contraction {
    pub(super) fn new(product: &Product, split: Split, place: &Place<'_>) -> Self {
        let outer = |free: &[Axis]| [split.batch.as_slice(), free].concat();
        let a = Gather::new(&product.a, place, &outer(&split.left), &split.summed);
        let k = Gather::new(&product.k, place, &outer(&split.right), &split.summed);
        Self { split, a, k }
    }

    /// All sums, in the order of [`Split::order`]. `E` must hold the rows, `T` the sums.
    pub(super) fn run<E: Integer, T: Integer + From<E>>(&self, sources: &Sources<'_>) -> Vec<T> {
        let split = &self.split;
        let (left, right) = (volume(&split.left), volume(&split.right));
        let depth = volume(&split.summed);
        let mut sums = vec![T::default(); volume(&split.batch) * left * right];
        let one_batch = left * right;
        let at_once = TASK.div_ceil(one_batch * depth);
        sums.par_chunks_mut(one_batch)
            .enumerate()
            .with_min_len(at_once)
            .for_each(|(batch, sums)| {
                let mut index = vec![0; split.batch.len()];
                unflatten(&split.batch, batch, &mut index);
                self.multiply::<E, T>(sources, &index, depth, sums);
            });
        sums
    }

    /// The matrix product of one batch index.
    fn multiply<E: Integer, T: Integer + From<E>>(
        &self,
        sources: &Sources<'_>,
        batch: &[usize],
        depth: usize,
        sums: &mut [T],
    ) {
        let (left, right) = (volume(&self.split.left), volume(&self.split.right));
        if left > 1 && right * depth > MOST_GATHERED && left * depth <= MOST_GATHERED {
            self.multiply_by_stretches::<E, T>(sources, batch, depth, sums);
            return;
        }
        let group = left.div_ceil(rayon::current_num_threads()).clamp(1, GROUP);
        let k = Factor::<E>::new(
            &self.k,
            sources,
            batch,
            &self.split.right,
            depth,
            left > group,
        );
        sums.par_chunks_mut(group * right)
            .enumerate()
            .with_min_len(TASK.div_ceil(group * right * depth))
            .for_each_init(
                || (Scratch::default(), vec![E::default(); group * depth]),
                |(scratch, rows), (first, sums)| {
                    let rows = &mut rows[..sums.len() / right * depth];
                    self.gather_a(sources, batch, first * group, depth, scratch, rows);
                    if sums.len() == right {
                        sums.par_iter_mut()
                            .enumerate()
                            .with_min_len(TASK.div_ceil(depth))
                            .for_each_init(Row::default, |row, (j, sum)| {
                                *sum = dot(rows, k.row(j, row));
                            });
                        return;
                    }
                    let mut buffer = Row::default();
                    for j in 0..right {
                        let k = k.row(j, &mut buffer);
                        let sums = sums[j..].iter_mut().step_by(right);
                        for (a, sum) in rows.chunks_exact(depth).zip(sums) {
                            *sum = dot(a, k);
                        }
                    }
                },
            );
    }

    /// Gathers rows of `A`, from this one on.
    fn gather_a<E: Integer>(
        &self,
        sources: &Sources<'_>,
        batch: &[usize],
        first: usize,
        depth: usize,
        scratch: &mut Scratch,
        rows: &mut [E],
    ) {
        let mut index = [batch, &vec![0; self.split.left.len()]].concat();
        for (i, row) in rows.chunks_exact_mut(depth).enumerate() {
            unflatten(&self.split.left, first + i, &mut index[batch.len()..]);
            self.a.row(sources, &index, scratch, row);
        }
    }

    /// The same for a `K` that is large and an `A` that is not: every row of `K` is gathered once, and nothing of it is kept.
    fn multiply_by_stretches<E: Integer, T: Integer + From<E>>(
        &self,
        sources: &Sources<'_>,
        batch: &[usize],
        depth: usize,
        sums: &mut [T],
    ) {
        let (left, right) = (volume(&self.split.left), volume(&self.split.right));
        let mut rows = vec![E::default(); left * depth];
        rows.par_chunks_mut(depth).enumerate().for_each_init(
            Scratch::default,
            |scratch, (i, row)| {
                self.gather_a(sources, batch, i, depth, scratch, row);
            },
        );
        let k = Factor::<E>::new(&self.k, sources, batch, &self.split.right, depth, false);
        let stretch = (TASK / depth).max(1);
        // By rows of K, then by those of A.
        let columns: Vec<Vec<T>> = (0..right.div_ceil(stretch))
            .into_par_iter()
            .map_init(Row::<E>::default, |buffer, part| {
                let rows_of_k = part * stretch..((part + 1) * stretch).min(right);
                let mut sums = Vec::with_capacity(rows_of_k.len() * left);
                for j in rows_of_k {
                    let k = k.row(j, buffer);
                    sums.extend(rows.chunks_exact(depth).map(|a| dot::<E, T>(a, k)));
                }
                sums
            })
            .collect();
        for (j, column) in columns
            .iter()
            .flat_map(|c| c.chunks_exact(left))
            .enumerate()
        {
            for (sum, value) in sums[j..].iter_mut().step_by(right).zip(column) {
                *sum = *value;
            }
        }
    }
}

fn dot<E: Integer, T: Integer + From<E>>(a: &[E], k: &[E]) -> T {
    let products = a.iter().zip(k).map(|(a, k)| T::from(*a) * T::from(*k));
    products.fold(T::default(), |sum, product| sum + product)
}

/// Buffers for one row of `K`.
struct Row<E> {
    scratch: Scratch,
    index: Vec<usize>,
    cells: Vec<E>,
}

impl<E> Default for Row<E> {
    fn default() -> Self {
        Self {
            scratch: Scratch::default(),
            index: Vec::new(),
            cells: Vec::new(),
        }
    }
}

/// The rows of `K` at one batch index.
struct Factor<'a, E> {
    gather: &'a Gather,
    sources: &'a Sources<'a>,
    batch: &'a [usize],
    right: &'a [Axis],
    depth: usize,
    /// All rows, if they are read often and do not stand in the column as they are.
    gathered: Vec<E>,
}

impl<'a, E: Integer> Factor<'a, E> {
    fn new(
        gather: &'a Gather,
        sources: &'a Sources<'a>,
        batch: &'a [usize],
        right: &'a [Axis],
        depth: usize,
        read_often: bool,
    ) -> Self {
        let mut factor = Self {
            gather,
            sources,
            batch,
            right,
            depth,
            gathered: Vec::new(),
        };
        let mut first: Row<E> = Row::default();
        factor.index(0, &mut first.index);
        let in_place = gather.borrow::<E>(sources, &first.index).is_some();
        if read_often && !in_place {
            let mut gathered = vec![E::default(); volume(right) * depth];
            gathered
                .par_chunks_mut(depth)
                .enumerate()
                .with_min_len(TASK.div_ceil(depth))
                .for_each_init(Row::<E>::default, |buffer, (j, row)| {
                    factor.index(j, &mut buffer.index);
                    gather.row(sources, &buffer.index, &mut buffer.scratch, row);
                });
            factor.gathered = gathered;
        }
        factor
    }

    fn index(&self, j: usize, index: &mut Vec<usize>) {
        index.clear();
        index.extend_from_slice(self.batch);
        index.resize(self.batch.len() + self.right.len(), 0);
        unflatten(self.right, j, &mut index[self.batch.len()..]);
    }

    fn row<'b>(&'b self, j: usize, buffer: &'b mut Row<E>) -> &'b [E] {
        if !self.gathered.is_empty() {
            return &self.gathered[j * self.depth..][..self.depth];
        }
        self.index(j, &mut buffer.index);
        if let Some(row) = self.gather.borrow(self.sources, &buffer.index) {
            return row;
        }
        buffer.cells.resize(self.depth, E::default());
        let cells = &mut buffer.cells;
        self.gather
            .row(self.sources, &buffer.index, &mut buffer.scratch, cells);
        cells
    }
}
