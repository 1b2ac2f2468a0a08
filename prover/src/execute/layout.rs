//! Where a block's real rows stand in its column (PROTOCOL.md §1), and moving values in and out.

use std::ops::Range;

use pleat_verifier::mle::bits;

/// Column positions of a block's real rows, in row-major order of their indices.
#[derive(Clone, Debug)]
pub struct Cells {
    /// Per axis, outermost first: true length, cells per step, current index.
    axes: Vec<(usize, usize, usize)>,
    next: usize,
    left: usize,
}

impl Cells {
    /// The cells of a block at `address` whose axes have these true lengths.
    pub fn new(address: usize, shape: &[usize]) -> Self {
        let mut shift: usize = shape.iter().map(|n| bits(*n)).sum();
        let axis = |n: &usize| {
            shift -= bits(*n);
            (*n, 1 << shift, 0)
        };
        Self {
            axes: shape.iter().map(axis).collect(),
            next: address,
            left: shape.iter().product(),
        }
    }
}

/// The same cells as ranges, as long as neighbours stand side by side, in the same order.
pub fn runs(address: usize, shape: &[usize]) -> impl Iterator<Item = Range<usize>> + use<> {
    // Full axes join the one before them.
    let full = shape.iter().rev().take_while(|n| n.is_power_of_two());
    let split = shape.len().saturating_sub(full.count() + 1);
    let (outer, inner) = shape.split_at(split);
    let length: usize = inner.iter().product();
    let outer = if length == 0 { &[0][..] } else { outer };
    Cells::new(0, outer).map(move |run| {
        let first = address + run * length.next_power_of_two();
        first..first + length
    })
}

impl Iterator for Cells {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let cell = self.next;
        for (len, step, index) in self.axes.iter_mut().rev() {
            *index += 1;
            self.next += *step;
            if *index < *len {
                break;
            }
            self.next -= *step * *len;
            *index = 0;
        }
        Some(cell)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Cells {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_the_cells(address in 0_usize..3, shape in prop::collection::vec(0_usize..6, 0..4)) {
            let cells: Vec<usize> = Cells::new(64 * address, &shape).collect();
            prop_assert_eq!(runs(64 * address, &shape).flatten().collect::<Vec<_>>(), cells);
        }
    }
}
