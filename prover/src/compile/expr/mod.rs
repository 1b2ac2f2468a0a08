//! Affine expressions over materialised tensors: what the importer knows about a tensor before it costs a row.
//!
//! `V[i] = Σ_products Σ_x A[x,i]·K[x,i] + Σ_reads coefficient·T[maps(i)] + constant[i] + Σ_lookups table[k[i], i]`, in real numbers.
//! A logical axis is a list
//! of **atoms** (index axes, last least significant), so regrouping axes only moves atoms between lists; axes of length
//! 1 have none. Atoms that occur in a product but not in the axes are summed over.

mod atom;
mod constant;
mod stored;

pub(super) use atom::{Atom, Atoms, Rename, Unified, renamed};
pub(super) use constant::Constant;
pub(super) use stored::{Matrix, Rows, Stored};

/// How one source axis is read: `j = ⌊(offset + Σ stride·atom + Σ stride·inner) / repeat⌋`, dropped outside
/// `[0, source)`. Views have `repeat = 1`; see [`Sum::repeated`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Map {
    pub source: usize,
    pub offset: i64,
    pub index: Vec<(Atom, i64)>,
    /// Length and stride of axes summed over.
    pub inner: Vec<(usize, i64)>,
    /// If not 1, the only index is one atom of stride 1.
    pub repeat: usize,
    /// If there is one, `j` is what this index port says at the index' atoms, whose strides mean nothing.
    pub gather: Option<usize>,
}

impl Map {
    pub fn identity(source: usize, atom: Atom) -> Self {
        Self {
            source,
            offset: 0,
            index: vec![(atom, 1)],
            inner: Vec::new(),
            repeat: 1,
            gather: None,
        }
    }

    /// Whether this reads the whole of an axis by `atom`, in order.
    fn is_identity(&self, atom: Atom, len: usize) -> bool {
        *self == Self::identity(len, atom)
    }

    fn rename(&self, rename: &Rename, atoms: &Atoms) -> Self {
        let mut index = Vec::new();
        for (atom, stride) in &self.index {
            let new = renamed(&[*atom], rename);
            let mut stride = *stride;
            let mut strided = Vec::new();
            for part in new.iter().rev() {
                strided.insert(0, (*part, stride));
                stride *= signed(atoms.len(*part));
            }
            index.extend(strided);
        }
        Self {
            index,
            ..self.clone()
        }
    }
}

pub(super) fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// `coefficient · T[maps]`, one map per axis of the block of node `node`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    pub coefficient: f64,
    pub node: usize,
    pub maps: Vec<Map>,
}

impl Read {
    fn rename(&self, rename: &Rename, atoms: &Atoms) -> Self {
        Self {
            maps: self.maps.iter().map(|m| m.rename(rename, atoms)).collect(),
            ..*self
        }
    }

    pub fn reads(&self, atom: Atom) -> bool {
        self.maps
            .iter()
            .any(|m| m.index.iter().any(|(a, _)| *a == atom))
    }
}

fn rename_reads(reads: &[Read], rename: &Rename, atoms: &Atoms) -> Vec<Read> {
    reads.iter().map(|r| r.rename(rename, atoms)).collect()
}

fn scale_reads(reads: &mut [Read], factor: f64) {
    for read in reads {
        read.coefficient *= factor;
    }
}

/// Atoms that any of the reads reads, each once, in order of first use.
pub(super) fn atoms_read(reads: &[Read]) -> Vec<Atom> {
    let mut seen = Vec::new();
    for (atom, _) in reads.iter().flat_map(|r| &r.maps).flat_map(|m| &m.index) {
        if !seen.contains(atom) {
            seen.push(*atom);
        }
    }
    seen
}

/// The right factor of a product.
#[derive(Clone, Debug)]
pub(super) enum Factor {
    /// Weights.
    Constant(Constant),
    /// Weights that are in a file.
    Stored(Stored),
    /// Other activations.
    Reads(Vec<Read>),
}

/// `coefficient · table[k[i…], i…]`: rows of a known table, by an index port.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub coefficient: f64,
    /// The index port, and the atoms that index it.
    pub port: usize,
    pub index: Vec<Atom>,
    /// The axis of the table that it selects along; no axis of the tensor.
    pub along: Atom,
    pub table: Table,
}

/// What rows are looked up in.
#[derive(Clone, Debug)]
pub(super) enum Table {
    Known(Constant),
    /// Its row is the axis selected along.
    Stored(Stored),
}

impl Table {
    /// Its axes.
    pub fn atoms(&self) -> Vec<Atom> {
        match self {
            Self::Known(c) => c.atoms.clone(),
            Self::Stored(s) => s.atoms(),
        }
    }
}

/// `Σ_x A·K`.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub a: Vec<Read>,
    pub k: Factor,
}

impl Product {
    /// Atoms of both factors, each once.
    pub fn atoms(&self) -> Vec<Atom> {
        let mut all = atoms_read(&self.a);
        let right = match &self.k {
            Factor::Constant(c) => c.atoms.clone(),
            Factor::Stored(s) => s.atoms(),
            Factor::Reads(reads) => atoms_read(reads),
        };
        all.extend(
            right
                .into_iter()
                .filter(|a| !all.contains(a))
                .collect::<Vec<_>>(),
        );
        all
    }
}

/// The expression of one tensor.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub axes: Vec<Vec<Atom>>,
    pub products: Vec<Product>,
    pub reads: Vec<Read>,
    pub constant: Option<Constant>,
    pub lookups: Vec<Lookup>,
}

impl Sum {
    /// The block of node `node`, read whole.
    pub fn block(node: usize, axes: Vec<Vec<Atom>>, atoms: &Atoms) -> Self {
        let maps = axes
            .iter()
            .flatten()
            .map(|a| Map::identity(atoms.len(*a), *a))
            .collect();
        let read = Read {
            coefficient: 1.0,
            node,
            maps,
        };
        Self {
            reads: vec![read],
            ..Self::zero(axes)
        }
    }

    /// Zeros.
    pub const fn zero(axes: Vec<Vec<Atom>>) -> Self {
        Self {
            axes,
            products: Vec::new(),
            reads: Vec::new(),
            constant: None,
            lookups: Vec::new(),
        }
    }

    /// Whether it is a view: reads and a constant, nothing that has to become a node before it is transformed.
    pub const fn is_view(&self) -> bool {
        self.products.is_empty() && self.lookups.is_empty()
    }

    /// Whether it is a view times a constant, element by element, and a constant: several readers may take it as it is, most of them
    /// into their weights.
    pub fn is_scaled(&self) -> bool {
        let out = self.atoms();
        match self.products.as_slice() {
            [product] => {
                let constant = matches!(product.k, Factor::Constant(_));
                let alone = self.reads.is_empty() && self.lookups.is_empty();
                constant && alone && product.atoms().iter().all(|a| out.contains(a))
            }
            _ => false,
        }
    }

    /// All atoms that index the tensor, in order.
    pub fn atoms(&self) -> Vec<Atom> {
        self.axes.concat()
    }

    pub fn shape(&self, atoms: &Atoms) -> Vec<usize> {
        self.axes.iter().map(|a| atoms.size(a)).collect()
    }

    pub fn rename(&self, rename: &Rename, atoms: &Atoms) -> Self {
        let product = |p: &Product| Product {
            a: rename_reads(&p.a, rename, atoms),
            k: match &p.k {
                Factor::Constant(c) => Factor::Constant(c.rename(rename, atoms)),
                Factor::Stored(s) => Factor::Stored(s.rename(rename)),
                Factor::Reads(r) => Factor::Reads(rename_reads(r, rename, atoms)),
            },
        };
        let lookup = |l: &Lookup| Lookup {
            index: renamed(&l.index, rename),
            table: match &l.table {
                Table::Known(c) => Table::Known(c.rename(rename, atoms)),
                Table::Stored(s) => Table::Stored(s.rename(rename)),
            },
            ..l.clone()
        };
        Self {
            axes: self.axes.iter().map(|a| renamed(a, rename)).collect(),
            products: self.products.iter().map(product).collect(),
            reads: rename_reads(&self.reads, rename, atoms),
            constant: self.constant.as_ref().map(|c| c.rename(rename, atoms)),
            lookups: self.lookups.iter().map(lookup).collect(),
        }
    }

    /// `self·factor + shift`.
    #[expect(clippy::cast_possible_truncation, reason = "constants are f32")]
    pub fn affine(mut self, factor: f64, shift: f64) -> Self {
        if factor != 1.0 {
            scale_reads(&mut self.reads, factor);
            for p in &mut self.products {
                scale_reads(&mut p.a, factor);
            }
            for l in &mut self.lookups {
                l.coefficient *= factor;
            }
            if let Some(c) = &mut self.constant {
                c.scale(factor);
            }
        }
        if shift != 0.0 {
            self.add_constant(&Constant::scalar(shift as f32));
        }
        self
    }

    pub fn add_constant(&mut self, constant: &Constant) {
        let sum = match &self.constant {
            Some(c) => c.plus(constant),
            None => constant.clone(),
        };
        self.constant = Some(sum);
    }

    /// Adds a sum with the same axes.
    pub fn add(&mut self, other: Self) {
        for read in other.reads {
            let same = self
                .reads
                .iter_mut()
                .find(|r| r.node == read.node && r.maps == read.maps);
            match same {
                Some(r) => r.coefficient += read.coefficient,
                None => self.reads.push(read),
            }
        }
        self.reads.retain(|r| r.coefficient != 0.0);
        self.products.extend(other.products);
        self.lookups.extend(other.lookups);
        if let Some(c) = other.constant {
            self.add_constant(&c);
        }
    }

    /// Gives both sums the same atoms along every axis, broadcasting axes of length 1. `None` if an axis cannot be
    /// refined to a common splitting.
    pub fn unify(&self, other: &Self, atoms: &mut Atoms) -> Option<(Self, Self)> {
        let mut unified = Unified::default();
        let mut axes = Vec::new();
        for (left, right) in self.axes.iter().zip(&other.axes) {
            axes.push(unified.axis(atoms, left, right)?);
        }
        let mut left = self.rename(&unified.left, atoms);
        let mut right = other.rename(&unified.right, atoms);
        left.axes.clone_from(&axes);
        right.axes = axes;
        Some((left, right))
    }

    /// Splits the atoms of one logical axis so that it falls into consecutive groups of the given lengths.
    pub fn regroup(
        &self,
        axis: &[Atom],
        lens: &[usize],
        atoms: &mut Atoms,
    ) -> Option<(Rename, Vec<Vec<Atom>>)> {
        let target: Vec<Vec<Atom>> = lens.iter().map(|n| atoms.axis(*n)).collect();
        let mut unified = Unified::default();
        unified.axis(atoms, axis, &target.concat())?;
        let groups = target.iter().map(|g| renamed(g, &unified.right)).collect();
        Some((unified.left, groups))
    }

    /// Replaces the index of logical axis `axis` by `offset + Σ stride·atom` over new atoms; positions outside the
    /// axis become 0. The new axis is `axis_atoms`, a subset of the new atoms. `None` if the zeros cannot be expressed.
    pub fn window(
        &self,
        axis: usize,
        offset: i64,
        index: &[(Atom, i64)],
        new_axis: Vec<Atom>,
        atoms: &Atoms,
    ) -> Option<Self> {
        let old = self.axes.get(axis)?;
        let len = signed(atoms.size(old));
        let (mut low, mut high) = (offset, offset);
        for (atom, stride) in index {
            let reach = stride * signed(atoms.len(*atom).saturating_sub(1));
            low += reach.min(0);
            high += reach.max(0);
        }
        let leaves = low < 0 || high >= len;
        let reads = self
            .reads
            .iter()
            .map(|r| window_read(r, old, offset, index, leaves.then_some((low, high)), atoms))
            .collect::<Option<Vec<_>>>()?;
        let mut axes = self.axes.clone();
        *axes.get_mut(axis)? = new_axis;
        Some(Self {
            reads,
            ..Self::zero(axes)
        })
    }

    /// Joins the atoms of one logical axis to a single one, if all but the first only repeat it (nearest-neighbour
    /// upsampling). The result can be a node, but is no view that can be transformed further.
    pub fn repeated(&self, axis: usize, atoms: &mut Atoms) -> Option<Self> {
        let (first, rest) = self.axes.get(axis)?.split_first()?;
        let len = atoms.len(*first);
        let unread = |r: &Read| !rest.iter().any(|a| r.reads(*a));
        let whole = |r: &Read| {
            let mut maps = r.maps.iter();
            maps.all(|m| m.index.iter().all(|(a, _)| a != first) || m.is_identity(*first, len))
        };
        if !self.is_view() || !self.reads.iter().all(|r| unread(r) && whole(r)) {
            return None;
        }
        let repeat = atoms.size(rest);
        let joined = atoms.fresh(len * repeat);
        let first = *first;
        let mut sum = self.clone();
        for map in sum.reads.iter_mut().flat_map(|r| &mut r.maps) {
            if map.is_identity(first, len) {
                map.index = vec![(joined, 1)];
                map.repeat = repeat;
            }
        }
        *sum.axes.get_mut(axis)? = vec![joined];
        Some(sum)
    }

    /// Sums over atoms, which leave their axes (views only).
    pub fn total(&self, summed: &[Atom], atoms: &Atoms) -> Self {
        let mut sum = self.clone();
        for axis in &mut sum.axes {
            axis.retain(|a| !summed.contains(a));
        }
        for read in &mut sum.reads {
            for atom in summed {
                let len = atoms.len(*atom);
                if !read.reads(*atom) {
                    #[expect(clippy::cast_precision_loss, reason = "axis lengths are small")]
                    let times = len as f64;
                    read.coefficient *= times;
                }
                for map in &mut read.maps {
                    for (_, stride) in map.index.iter().filter(|(a, _)| a == atom) {
                        map.inner.push((len, *stride));
                    }
                    map.index.retain(|(a, _)| a != atom);
                }
            }
        }
        sum
    }
}

/// One read under [`Sum::window`]; `leaves` gives the extreme positions if they leave the axis.
fn window_read(
    read: &Read,
    old: &[Atom],
    offset: i64,
    index: &[(Atom, i64)],
    leaves: Option<(i64, i64)>,
    atoms: &Atoms,
) -> Option<Read> {
    let [old] = old else {
        // An axis of length 1, or of several atoms: only position 0 of the former is certain to exist.
        let whole = old.is_empty() && leaves.is_none();
        return whole.then(|| read.clone());
    };
    if leaves.is_some() && !read.reads(*old) {
        return None;
    }
    let mut read = read.clone();
    for map in &mut read.maps {
        let Some(at) = map.index.iter().position(|(a, _)| a == old) else {
            continue;
        };
        if map.repeat != 1 || map.gather.is_some() {
            return None;
        }
        let (_, stride) = map.index.remove(at);
        if let Some((low, high)) = leaves {
            let alone = map.index.is_empty() && map.inner.is_empty();
            let len = signed(atoms.len(*old));
            let dropped = !meets(map, stride, low, -1) && !meets(map, stride, len, high);
            if !alone || !dropped {
                return None;
            }
        }
        map.offset += stride * offset;
        map.index
            .extend(index.iter().map(|(a, s)| (*a, s * stride)));
    }
    Some(read)
}

/// Whether some index in `first..=last` is at a position inside the map's axis.
fn meets(map: &Map, stride: i64, first: i64, last: i64) -> bool {
    if first > last {
        return false;
    }
    let top = signed(map.source) - 1;
    let (a, b) = (map.offset + stride * first, map.offset + stride * last);
    let (low, high) = (a.min(b), a.max(b));
    if high < 0 || low > top {
        return false;
    }
    if stride == 0 {
        return true;
    }
    // The first position of the progression that is not below 0.
    let step = stride.abs();
    let at = if low >= 0 {
        low
    } else {
        low + (-low + step - 1) / step * step
    };
    at <= high.min(top)
}
