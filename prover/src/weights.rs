//! Column `W` (PROTOCOL.md §1) as the prover holds it: 16-bit integers wherever they fit, and nothing for cells that no block covers.

use std::ops::Range;

use pleat_verifier::mle::shape_bits;
use pleat_verifier::network::Network;

use crate::execute::error::ExecuteError;
use crate::execute::layout::runs;

/// A tensor of integers, as narrow as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integers {
    /// All of at most 16 bits.
    Narrow(Vec<i16>),
    /// Others.
    Wide(Vec<i32>),
}

impl Integers {
    /// Values.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Narrow(v) => v.len(),
            Self::Wide(v) => v.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them as 32-bit integers.
    #[must_use]
    pub fn to_wide(&self) -> Vec<i32> {
        match self {
            Self::Narrow(v) => v.iter().map(|v| i32::from(*v)).collect(),
            Self::Wide(v) => v.clone(),
        }
    }

    const fn is_narrow(&self) -> bool {
        matches!(self, Self::Narrow(_))
    }

    fn get(&self, i: usize) -> Option<i32> {
        match self {
            Self::Narrow(v) => v.get(i).map(|v| i32::from(*v)),
            Self::Wide(v) => v.get(i).copied(),
        }
    }

    /// As many zeros.
    fn zeros(narrow: bool, len: usize) -> Self {
        if narrow {
            Self::Narrow(vec![0; len])
        } else {
            Self::Wide(vec![0; len])
        }
    }

    /// Copies `from[own]` to `self[to]`; wide integers do not go into narrow ones.
    fn copy(&mut self, to: Range<usize>, from: &Self, own: Range<usize>) {
        match (self, from) {
            (Self::Narrow(to_cells), Self::Narrow(from)) => {
                if let (Some(to), Some(from)) = (to_cells.get_mut(to), from.get(own)) {
                    to.copy_from_slice(from);
                }
            }
            (Self::Wide(to_cells), Self::Wide(from)) => {
                if let (Some(to), Some(from)) = (to_cells.get_mut(to), from.get(own)) {
                    to.copy_from_slice(from);
                }
            }
            (Self::Wide(to_cells), Self::Narrow(from)) => {
                if let (Some(to), Some(from)) = (to_cells.get_mut(to), from.get(own)) {
                    for (to, from) in to.iter_mut().zip(from) {
                        *to = i32::from(*from);
                    }
                }
            }
            (Self::Narrow(_), Self::Wide(_)) => {}
        }
    }
}

impl From<Vec<i32>> for Integers {
    fn from(values: Vec<i32>) -> Self {
        let narrow: Option<Vec<i16>> = values.iter().map(|v| i16::try_from(*v).ok()).collect();
        narrow.map_or(Self::Wide(values), Self::Narrow)
    }
}

/// Cells of the column that lie side by side.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// Of at most 16 bits.
    Narrow(&'a [i16]),
    /// Others.
    Wide(&'a [i32]),
}

/// Rows of the column that lie side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    start: usize,
    cells: Integers,
}

/// Column `W`, of length `2^νW`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    len: usize,
    /// Ascending and disjoint; each begins and ends at a multiple of `2^κ`, so that every row and every block is in one.
    segments: Vec<Segment>,
}

impl Weights {
    /// From one tensor per weight block, row-major over its true shape.
    ///
    /// # Errors
    /// Tensors of another number or length.
    pub fn new(network: &Network, blocks: Vec<Integers>) -> Result<Self, ExecuteError> {
        let places = &network.descriptor().weights;
        if blocks.len() != places.len() {
            return Err(ExecuteError::Count {
                what: "weight tensors",
                got: blocks.len(),
                expected: places.len(),
            });
        }
        for (i, (place, values)) in places.iter().zip(&blocks).enumerate() {
            let expected = place.shape.iter().product();
            if values.len() != expected {
                return Err(ExecuteError::Length {
                    what: format!("weight tensor {i}"),
                    got: values.len(),
                    expected,
                });
            }
        }
        let row_bits = network.row_bits();
        let cells = |block: usize| {
            let place = places.get(block);
            place.map_or(0..0, |b| {
                b.address..b.address + (1_usize << shape_bits(&b.shape))
            })
        };
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|b| cells(*b).start);
        // Blocks that share rows.
        let mut groups: Vec<(Range<usize>, Vec<usize>)> = Vec::new();
        for block in order {
            let own = cells(block);
            let rows =
                own.start >> row_bits << row_bits..own.end.div_ceil(1 << row_bits) << row_bits;
            match groups.last_mut() {
                Some((all, members)) if rows.start < all.end => {
                    all.end = all.end.max(rows.end);
                    members.push(block);
                }
                _ => groups.push((rows, vec![block])),
            }
        }
        let mut blocks: Vec<Option<Integers>> = blocks.into_iter().map(Some).collect();
        let segments = groups.into_iter().map(|(range, members)| {
            let start = range.start;
            if let [only] = members.as_slice()
                && let Some(block) = blocks.get_mut(*only)
                && let Some(values) = block.take_if(|v| v.len() == range.len())
            {
                return Segment {
                    start,
                    cells: values,
                };
            }
            let narrow = |b: &usize| {
                let values = blocks.get(*b).and_then(Option::as_ref);
                values.is_none_or(Integers::is_narrow)
            };
            let mut cells = Integers::zeros(members.iter().all(narrow), range.len());
            for member in members {
                let values = blocks.get_mut(member).and_then(Option::take);
                let (Some(values), Some(place)) = (values, places.get(member)) else {
                    continue;
                };
                let mut done = 0;
                for run in runs(place.address, &place.shape) {
                    let own = done..done + run.len();
                    done = own.end;
                    cells.copy(run.start - start..run.end - start, &values, own);
                }
            }
            Segment { start, cells }
        });
        Ok(Self {
            segments: segments.collect(),
            len: 1 << network.nu_w(),
        })
    }

    /// From all cells of the column.
    #[must_use]
    pub fn from_cells(cells: Vec<i32>) -> Self {
        Self {
            len: cells.len(),
            segments: vec![Segment {
                start: 0,
                cells: cells.into(),
            }],
        }
    }

    /// Cells of the column.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the column has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that the cells take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |s: &Segment| match &s.cells {
            Integers::Narrow(v) => size_of_val(v.as_slice()),
            Integers::Wide(v) => size_of_val(v.as_slice()),
        };
        self.segments.iter().map(of).sum()
    }

    fn segment(&self, cell: usize) -> Option<&Segment> {
        let after = self.segments.partition_point(|s| s.start <= cell);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        (cell < segment.start + segment.cells.len()).then_some(segment)
    }

    /// The cells of a range that lies in a block, or in a row; fewer, or none, where no block is.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Part<'_> {
        let Some(segment) = self.segment(range.start) else {
            return Part::Narrow(&[]);
        };
        let end = range.end.min(segment.start + segment.cells.len());
        let own = range.start - segment.start..end.saturating_sub(segment.start);
        match &segment.cells {
            Integers::Narrow(v) => Part::Narrow(v.get(own).unwrap_or_default()),
            Integers::Wide(v) => Part::Wide(v.get(own).unwrap_or_default()),
        }
    }

    /// The cells from the first of a block on.
    #[must_use]
    pub fn from(&self, first: usize) -> Part<'_> {
        self.part(first..usize::MAX)
    }

    /// A cell.
    #[must_use]
    pub fn get(&self, cell: usize) -> i32 {
        let segment = self.segment(cell);
        segment
            .and_then(|s| s.cells.get(cell - s.start))
            .unwrap_or(0)
    }

    /// Sets a cell of a block; narrow ones take what fits.
    #[doc(hidden)]
    pub fn set(&mut self, cell: usize, value: i32) {
        let after = self.segments.partition_point(|s| s.start <= cell);
        let segment = after
            .checked_sub(1)
            .and_then(|i| self.segments.get_mut(i))
            .filter(|s| cell < s.start + s.cells.len());
        let Some(Segment { start, cells }) = segment else {
            return;
        };
        if let (Integers::Narrow(v), Err(_)) = (&*cells, i16::try_from(value)) {
            *cells = Integers::Wide(v.iter().map(|v| i32::from(*v)).collect());
        }
        match cells {
            Integers::Wide(v) => v[cell - *start] = value,
            Integers::Narrow(v) => {
                if let Ok(value) = i16::try_from(value) {
                    v[cell - *start] = value;
                }
            }
        }
    }
}

/// Column `W` of tensors that stay the caller's.
///
/// # Errors
/// Tensors of another number or length.
pub fn weight_column<B: Clone + Into<Integers>>(
    network: &Network,
    blocks: &[B],
) -> Result<Weights, ExecuteError> {
    Weights::new(network, blocks.iter().cloned().map(Into::into).collect())
}
