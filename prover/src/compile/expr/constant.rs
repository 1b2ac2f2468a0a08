//! Known tensors indexed by atoms.

use ndarray::{ArcArray, ArrayD, Axis, IxDyn};

use super::atom::{Atom, Atoms, Rename, renamed};

/// A known tensor, indexed by atoms; it does not vary along others.
#[derive(Clone, Debug)]
pub(in crate::compile) struct Constant {
    pub atoms: Vec<Atom>,
    pub values: ArcArray<f32, IxDyn>,
}

impl Constant {
    pub fn scalar(value: f32) -> Self {
        Self {
            atoms: Vec::new(),
            values: ArcArray::from_elem(IxDyn(&[]), value),
        }
    }

    /// A tensor of logical shape `values.shape()` along `axes`; axes of length 1 broadcast.
    pub fn along(values: &ArrayD<f32>, axes: &[Vec<Atom>], atoms: &Atoms) -> Option<Self> {
        let mut shape = Vec::new();
        let mut names = Vec::new();
        for (len, axis) in values.shape().iter().zip(axes) {
            if *len != 1 {
                if *len != atoms.size(axis) {
                    return None;
                }
                names.extend(axis.iter().copied());
                shape.extend(atoms.lens(axis));
            }
        }
        let flat: Vec<f32> = values.iter().copied().collect();
        let values = ArcArray::from_shape_vec(IxDyn(&shape), flat).ok()?;
        let constant = Self {
            atoms: names,
            values,
        };
        Some(constant.squeezed())
    }

    /// Drops the axes along which the tensor does not vary.
    fn squeezed(mut self) -> Self {
        let mut axis = 0;
        while axis < self.atoms.len() {
            let first = self.values.index_axis(Axis(axis), 0);
            let uniform = self.values.axis_iter(Axis(axis)).all(|v| v == first);
            if uniform {
                self.values = first.to_shared();
                self.atoms.remove(axis);
            } else {
                axis += 1;
            }
        }
        self
    }

    pub(super) fn rename(&self, rename: &Rename, atoms: &Atoms) -> Self {
        let names = renamed(&self.atoms, rename);
        let shape = atoms.lens(&names);
        let flat: Vec<f32> = self.values.iter().copied().collect();
        let values =
            ArcArray::from_shape_vec(IxDyn(&shape), flat).unwrap_or_else(|_| self.values.clone());
        Self {
            atoms: names,
            values,
        }
    }

    /// The same tensor with its axes in `order` (a superset of its atoms); atoms it does not vary along get length 1.
    pub fn ordered(&self, order: &[Atom]) -> ArcArray<f32, IxDyn> {
        let present: Vec<usize> = order
            .iter()
            .filter_map(|a| self.atoms.iter().position(|b| a == b))
            .collect();
        let mut values = self.values.clone().permuted_axes(present);
        for (i, atom) in order.iter().enumerate() {
            if !self.atoms.contains(atom) {
                values = values.insert_axis(Axis(i));
            }
        }
        values
    }

    fn combine(&self, other: &Self, f: impl Fn(&ArrayD<f32>, &ArrayD<f32>) -> ArrayD<f32>) -> Self {
        let mut order = self.atoms.clone();
        order.extend(other.atoms.iter().filter(|a| !self.atoms.contains(a)));
        let values = f(
            &self.ordered(&order).into_owned(),
            &other.ordered(&order).into_owned(),
        );
        Self {
            atoms: order,
            values: values.into_shared(),
        }
    }

    pub fn plus(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a + b)
    }

    pub fn times(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a * b)
    }

    #[expect(clippy::cast_possible_truncation, reason = "constants are f32")]
    pub(super) fn scale(&mut self, factor: f64) {
        self.values.mapv_inplace(|v| (f64::from(v) * factor) as f32);
    }

    /// The tensor in the logical shape of `axes`, broadcast axes written out.
    pub fn dense(&self, axes: &[Vec<Atom>], atoms: &Atoms) -> ArrayD<f32> {
        let order: Vec<Atom> = axes.concat();
        let shape: Vec<usize> = axes.iter().map(|a| atoms.size(a)).collect();
        let values = self.ordered(&order);
        let full = values.broadcast(IxDyn(&atoms.lens(&order)));
        let flat: Vec<f32> = full.iter().flat_map(|v| v.iter().copied()).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), flat).unwrap_or_else(|_| ArrayD::zeros(IxDyn(&shape)))
    }
}
