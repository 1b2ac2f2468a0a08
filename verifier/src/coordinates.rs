//! Points by axes.

use pleat_nova_circuits::cycle::F;

use crate::descriptor::{Axis, AxisId};
use crate::mle::bits;

/// A point for the index axes of a node: each axis' coordinates and true length.
#[derive(Clone, Debug, Default)]
pub struct Coordinates<'a> {
    axes: Vec<(Axis, &'a [F])>,
}

impl<'a> Coordinates<'a> {
    /// Splits `point` over `axes`, the last axis taking the first coordinates.
    pub fn split(axes: &[Axis], point: &'a [F]) -> Self {
        let mut rest = point;
        let mut split = Vec::with_capacity(axes.len());
        for axis in axes.iter().rev() {
            let (own, others) = rest.split_at_checked(bits(axis.len)).unwrap_or((rest, &[]));
            split.push((*axis, own));
            rest = others;
        }
        Self { axes: split }
    }

    /// Adds `other`'s axes, which replace axes of the same name.
    pub fn with(mut self, other: Self) -> Self {
        self.axes
            .retain(|(a, _)| other.axes.iter().all(|(b, _)| b.id != a.id));
        self.axes.extend(other.axes);
        self
    }

    /// Coordinates of an axis; empty if there is none of that name.
    pub fn of(&self, axis: AxisId) -> &'a [F] {
        self.axes
            .iter()
            .find(|(a, _)| a.id == axis)
            .map_or(&[], |(_, c)| c)
    }

    /// True length of an axis; 1 if there is none of that name.
    pub fn len(&self, axis: AxisId) -> usize {
        self.axes
            .iter()
            .find(|(a, _)| a.id == axis)
            .map_or(1, |(a, _)| a.len)
    }
}
