//! Where a block's real rows stand in its column (PROTOCOL.md §1), and moving values in and out.

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
