//! Reading views (PROTOCOL.md §2) row by row: `V[i] = Σ_terms coefficient · Σ_j Π_axes map[i, j]·column_block[j]`, the
//! last ("inner") index axes running through a row while the others ("outer") stand still.
//!
//! Each map becomes a table of cell offsets once per view, so that a row costs additions and loads only. A map that
//! sums inner axes is split into *layers*, one per inner index, each with at most one position per index.

use pleat_verifier::descriptor::{Axis, AxisId, AxisMap, Indices, Inner, Read, Term, View};
use pleat_verifier::mle::bits;

use super::sources::{Integers, Place, Sources};

/// An integer type that rows are read into.
pub(super) trait Integer:
    Copy
    + Default
    + Send
    + Sync
    + From<i32>
    + std::ops::Add<Output = Self>
    + std::ops::AddAssign
    + std::ops::Mul<Output = Self>
{
    /// An integer that fits.
    fn small(value: i64) -> Self;

    /// The cells themselves, if the column's type is this type.
    fn borrow(cells: &[i32]) -> Option<&[Self]> {
        let _ = cells;
        None
    }
}

impl Integer for i32 {
    fn small(value: i64) -> Self {
        value as Self
    }

    fn borrow(cells: &[i32]) -> Option<&[Self]> {
        Some(cells)
    }
}

impl Integer for i64 {
    fn small(value: i64) -> Self {
        value
    }
}

impl Integer for i128 {
    fn small(value: i64) -> Self {
        value.into()
    }
}

/// An integer type of columns.
trait Cell: Copy {
    /// The same integer; the caller knows that it fits.
    fn to<E: Integer>(self) -> E;
}

impl Cell for i32 {
    fn to<E: Integer>(self) -> E {
        E::from(self)
    }
}

impl Cell for i16 {
    fn to<E: Integer>(self) -> E {
        E::from(i32::from(self))
    }
}

impl Cell for u16 {
    fn to<E: Integer>(self) -> E {
        E::from(i32::from(self))
    }
}

impl Cell for i64 {
    fn to<E: Integer>(self) -> E {
        E::small(self)
    }
}

/// Number of index tuples.
pub(super) fn volume(axes: &[Axis]) -> usize {
    axes.iter().map(|a| a.len).product()
}

/// The index tuple of row-major position `flat`.
pub(super) fn unflatten(axes: &[Axis], mut flat: usize, index: &mut [usize]) {
    for (axis, i) in axes.iter().zip(index).rev() {
        *i = flat % axis.len;
        flat /= axis.len;
    }
}

/// No position: the map leaves its source axis.
const NOWHERE: usize = usize::MAX;

/// A view, prepared for reading rows.
pub(super) struct Gather {
    terms: Vec<TermPlan>,
}

struct TermPlan {
    read: Read,
    block: usize,
    coefficient: i64,
    address: usize,
    layers: usize,
    /// Maps that read no inner axis.
    fixed: Vec<Table>,
    /// Maps that read inner axes, but not the last one.
    moving: Vec<Table>,
    /// The map that reads the last inner axis; without one the last axis is broadcast.
    last: Option<(Table, Segments)>,
    /// Index tuples of the inner axes before the last.
    prefixes: usize,
    last_len: usize,
}

/// Cell offsets of one map, by `(layer, outer index, prefix index)`.
struct Table {
    layers: usize,
    /// What each outer axis contributes to the flat index.
    outer: Vec<usize>,
    outer_size: usize,
    /// Flat index of every prefix; empty if no prefix axis is read.
    prefix: Vec<usize>,
    prefix_size: usize,
    /// Offsets; empty in the table of the last axis, which has [`Segments`] instead.
    offsets: Vec<usize>,
}

/// Offsets along the last inner axis.
enum Segments {
    /// One arithmetic progression for each table entry.
    Runs(Vec<Run>),
    /// All offsets, `last_len` for each table entry.
    Scattered(Vec<usize>),
}

/// `offset(skip + i) = start + step·i` for `i < len`, nowhere elsewhere.
#[derive(Clone, Copy)]
struct Run {
    skip: usize,
    len: usize,
    start: usize,
    step: isize,
}

/// Buffers of one thread.
#[derive(Default)]
pub(super) struct Scratch {
    starts: Vec<usize>,
}

impl Gather {
    /// Prepares `view`. Axes that the view reads but that are not listed have length 1.
    pub(super) fn new(view: &View, place: &Place<'_>, outer: &[Axis], inner: &[Axis]) -> Self {
        let terms = view.terms.iter();
        let terms = terms.map(|t| TermPlan::new(t, place, outer, inner));
        Self {
            terms: terms.collect(),
        }
    }

    /// Reads the row at outer index `index`. `E` must hold [`bound`] of the view.
    pub(super) fn row<E: Integer>(
        &self,
        sources: &Sources<'_>,
        index: &[usize],
        scratch: &mut Scratch,
        row: &mut [E],
    ) {
        row.fill(E::default());
        for term in &self.terms {
            match sources.cells(term.read, term.block) {
                Integers::Short(cells) => term.add(cells, index, scratch, row),
                Integers::Narrow(cells) => term.add(cells, index, scratch, row),
                Integers::Digit(cells) => term.add(cells, index, scratch, row),
                Integers::Long(cells) => term.add(cells, index, scratch, row),
            }
        }
    }

    /// The row at outer index `index` if it stands in the column as it is.
    pub(super) fn borrow<'a, E: Integer>(
        &self,
        sources: &Sources<'a>,
        index: &[usize],
    ) -> Option<&'a [E]> {
        let [term] = self.terms.as_slice() else {
            return None;
        };
        let Integers::Short(column) = sources.cells(term.read, term.block) else {
            return None;
        };
        let start = term.contiguous(index)?;
        E::borrow(column.get(start..start + term.prefixes * term.last_len)?)
    }
}

impl TermPlan {
    fn new(term: &Term, place: &Place<'_>, outer: &[Axis], inner: &[Axis]) -> Self {
        let (address, shape) = place.of(term);
        let (prefix, last) = match inner.split_last() {
            Some((last, prefix)) => (prefix, Some(*last)),
            None => (inner, None),
        };
        let mut plan = Self {
            read: term.read,
            block: term.block,
            coefficient: term.coefficient,
            // Weights are read from their block's first cell on.
            address: if term.read == Read::Weight {
                0
            } else {
                address
            },
            layers: 1,
            fixed: Vec::new(),
            moving: Vec::new(),
            last: None,
            prefixes: volume(prefix),
            last_len: last.map_or(1, |a| a.len),
        };
        let mut shift: usize = shape.iter().map(|n| bits(*n)).sum();
        for (map, len) in term.maps.iter().zip(&shape) {
            shift -= bits(*len);
            let axes = map.axes();
            let last = last.filter(|a| axes.contains(&a.id));
            let (mut table, offsets) = Table::new(map, place.indices, (shift, outer), prefix, last);
            plan.layers = plan.layers.saturating_mul(table.layers);
            if last.is_some() {
                plan.last = Some((table, Segments::new(offsets, plan.last_len)));
            } else {
                table.offsets = offsets;
                let moves = prefix.iter().any(|a| axes.contains(&a.id));
                let list = if moves {
                    &mut plan.moving
                } else {
                    &mut plan.fixed
                };
                list.push(table);
            }
        }
        plan
    }

    /// Where the maps without inner axes put the row; `starts` receives the positions of the others' tables.
    fn base(&self, mut layers: usize, index: &[usize], starts: &mut Vec<usize>) -> Option<usize> {
        let mut layer = |table: &Table| {
            let layer = layers % table.layers;
            layers /= table.layers;
            layer
        };
        let mut base = self.address;
        for table in &self.fixed {
            let offset = table.offsets[table.start(layer(table), index)];
            if offset == NOWHERE {
                return None;
            }
            base += offset;
        }
        starts.clear();
        for table in self.moving.iter().chain(self.last.iter().map(|l| &l.0)) {
            starts.push(table.start(layer(table), index));
        }
        Some(base)
    }

    fn add<C: Cell, E: Integer>(
        &self,
        column: &[C],
        index: &[usize],
        scratch: &mut Scratch,
        row: &mut [E],
    ) {
        let coefficient = E::small(self.coefficient);
        let starts = &mut scratch.starts;
        for layers in 0..self.layers {
            let Some(base) = self.base(layers, index, starts) else {
                continue;
            };
            'prefixes: for (prefix, piece) in row.chunks_exact_mut(self.last_len).enumerate() {
                let mut at = base;
                for (table, start) in self.moving.iter().zip(starts.iter()) {
                    let offset = table.offsets[start + table.prefix[prefix]];
                    if offset == NOWHERE {
                        continue 'prefixes;
                    }
                    at += offset;
                }
                let Some((table, segments)) = &self.last else {
                    let value = coefficient * column[at].to::<E>();
                    piece.iter_mut().for_each(|v| *v += value);
                    continue;
                };
                let entry = starts[self.moving.len()] + table.prefix.get(prefix).unwrap_or(&0);
                segments.add(entry, coefficient, &column[at..], piece);
            }
        }
    }

    /// First cell of the row, if the row is a stretch of the column.
    fn contiguous(&self, index: &[usize]) -> Option<usize> {
        if self.coefficient != 1 || self.layers != 1 {
            return None;
        }
        let mut starts = Vec::new();
        let base = self.base(0, index, &mut starts)?;
        let mut first = None;
        for prefix in 0..self.prefixes {
            let mut at = base;
            for (table, start) in self.moving.iter().zip(&starts) {
                let offset = table.offsets[start + table.prefix[prefix]];
                at = at.checked_add(offset)?;
            }
            if let Some((table, segments)) = &self.last {
                let Segments::Runs(runs) = segments else {
                    return None;
                };
                let entry = starts[self.moving.len()] + table.prefix.get(prefix).unwrap_or(&0);
                let run = runs[entry];
                if run.len != self.last_len || (run.step != 1 && run.len > 1) {
                    return None;
                }
                at += run.start;
            } else if self.last_len > 1 {
                return None;
            }
            let first = *first.get_or_insert(at);
            if at != first + prefix * self.last_len {
                return None;
            }
        }
        first
    }
}

impl Table {
    /// The table without its offsets, and the offsets (with an index along `last`, if any, least significant).
    fn new(
        map: &AxisMap,
        indices: &Indices,
        (shift, outer): (usize, &[Axis]),
        prefix: &[Axis],
        last: Option<Axis>,
    ) -> (Self, Vec<usize>) {
        let axes = map.axes();
        let read = |of: &[Axis]| -> Vec<Axis> {
            of.iter()
                .filter(|a| axes.contains(&a.id))
                .copied()
                .collect()
        };
        let (outer_read, prefix_read) = (read(outer), read(prefix));
        let mut order = [outer_read.as_slice(), prefix_read.as_slice()].concat();
        order.extend(last);
        let mut offsets = Vec::new();
        let maps = layers(map);
        for map in &maps {
            let mut index = vec![0; order.len()];
            let mut taken = vec![0; axes.len()];
            for flat in 0..volume(&order) {
                unflatten(&order, flat, &mut index);
                for (slot, id) in taken.iter_mut().zip(&axes) {
                    *slot = position(&order, *id).map_or(0, |i| index[i]);
                }
                let position = map.positions(&taken, indices).first().copied();
                offsets.push(position.map_or(NOWHERE, |j| j << shift));
            }
        }
        let prefix_weights = weights(prefix, &axes);
        let mut flats = Vec::new();
        if !prefix_read.is_empty() {
            let mut index = vec![0; prefix.len()];
            for flat in 0..volume(prefix) {
                unflatten(prefix, flat, &mut index);
                flats.push(index.iter().zip(&prefix_weights).map(|(i, w)| i * w).sum());
            }
        }
        let table = Self {
            layers: maps.len(),
            outer: weights(outer, &axes),
            outer_size: volume(&outer_read),
            prefix: flats,
            prefix_size: volume(&prefix_read),
            offsets: Vec::new(),
        };
        (table, offsets)
    }

    /// Table position of `(layer, outer index)` and the first prefix.
    fn start(&self, layer: usize, index: &[usize]) -> usize {
        let outer: usize = index.iter().zip(&self.outer).map(|(i, w)| i * w).sum();
        (layer * self.outer_size + outer) * self.prefix_size
    }
}

impl Segments {
    fn new(offsets: Vec<usize>, len: usize) -> Self {
        let runs: Option<Vec<Run>> = offsets.chunks_exact(len).map(Run::of).collect();
        runs.map_or(Self::Scattered(offsets), Self::Runs)
    }

    fn add<C: Cell, E: Integer>(&self, entry: usize, coefficient: E, cells: &[C], row: &mut [E]) {
        match self {
            Self::Runs(runs) => {
                let run = runs[entry];
                let row = &mut row[run.skip..run.skip + run.len];
                if run.step == 1 {
                    let cells = &cells[run.start..run.start + run.len];
                    for (v, cell) in row.iter_mut().zip(cells) {
                        *v += coefficient * cell.to::<E>();
                    }
                } else {
                    let mut at = run.start;
                    for v in row {
                        *v += coefficient * cells[at].to::<E>();
                        at = at.wrapping_add_signed(run.step);
                    }
                }
            }
            Self::Scattered(offsets) => {
                let offsets = &offsets[entry * row.len()..][..row.len()];
                for (v, at) in row.iter_mut().zip(offsets) {
                    if *at != NOWHERE {
                        *v += coefficient * cells[*at].to::<E>();
                    }
                }
            }
        }
    }
}

impl Run {
    /// The progression that these offsets are, if they are one.
    fn of(offsets: &[usize]) -> Option<Self> {
        let somewhere = |o: &usize| *o != NOWHERE;
        let Some(skip) = offsets.iter().position(somewhere) else {
            return Some(Self {
                skip: 0,
                len: 0,
                start: 0,
                step: 1,
            });
        };
        let stretch = &offsets[skip..];
        let len = stretch.iter().take_while(|o| somewhere(o)).count();
        if stretch[len..].iter().any(somewhere) {
            return None;
        }
        let stretch = &stretch[..len];
        let step = match stretch {
            [a, b, ..] => *b as isize - *a as isize,
            _ => 1,
        };
        let even = stretch
            .windows(2)
            .all(|w| w[0].wrapping_add_signed(step) == w[1]);
        even.then_some(Self {
            skip,
            len,
            start: stretch[0],
            step,
        })
    }
}

fn position(axes: &[Axis], id: AxisId) -> Option<usize> {
    axes.iter().position(|a| a.id == id)
}

/// Row-major weights among the axes that are in `read`; 0 for the others.
fn weights(axes: &[Axis], read: &[AxisId]) -> Vec<usize> {
    let mut weight = 1;
    let mut out: Vec<usize> = axes
        .iter()
        .rev()
        .map(|a| {
            if !read.contains(&a.id) {
                return 0;
            }
            let own = weight;
            weight *= a.len;
            own
        })
        .collect();
    out.reverse();
    out
}

/// The map with each inner index fixed in turn: their positions together are the map's.
fn layers(map: &AxisMap) -> Vec<AxisMap> {
    let AxisMap::Affine {
        source,
        offset,
        index,
        inner,
    } = map
    else {
        return vec![map.clone()];
    };
    let mut offsets = vec![*offset];
    for Inner { len, stride } in inner {
        let steps =
            |o: i64| (0..*len).map(move |u| o.saturating_add(stride.saturating_mul(u as i64)));
        offsets = offsets.into_iter().flat_map(steps).collect();
    }
    let fixed = |offset| AxisMap::Affine {
        source: *source,
        offset,
        index: index.clone(),
        inner: Vec::new(),
    };
    offsets.into_iter().map(fixed).collect()
}

/// A bound on `|V[i]|`, `cells(term)` bounding what a term reads. Also bounds every partial sum.
pub(super) fn bound(view: &View, cells: &dyn Fn(&Term) -> u128) -> u128 {
    let visits = |map: &AxisMap| match map {
        AxisMap::Affine { inner, .. } => inner
            .iter()
            .fold(1, |n: u128, a| n.saturating_mul(a.len as u128)),
        AxisMap::Repeat { .. } | AxisMap::Gather { .. } => 1,
    };
    view.terms.iter().fold(0, |sum: u128, term| {
        let visits = term
            .maps
            .iter()
            .fold(1, |n: u128, m| n.saturating_mul(visits(m)));
        let term = u128::from(term.coefficient.unsigned_abs())
            .saturating_mul(visits)
            .saturating_mul(cells(term));
        sum.saturating_add(term)
    })
}
