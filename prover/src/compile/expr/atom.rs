//! Atoms: the index axes that expressions share, and the renames that make two expressions share them.

use std::collections::HashMap;

/// An index axis; its length is in [`Atoms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::compile) struct Atom(u32);

/// Lengths of all atoms of a graph.
#[derive(Clone, Debug, Default)]
pub(in crate::compile) struct Atoms(Vec<usize>);

impl Atoms {
    /// A new atom of `len` indices.
    pub fn fresh(&mut self, len: usize) -> Atom {
        let atom = Atom(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        self.0.push(len);
        atom
    }

    /// A logical axis of its own: no atom if its length is 1.
    pub fn axis(&mut self, len: usize) -> Vec<Atom> {
        if len == 1 {
            Vec::new()
        } else {
            vec![self.fresh(len)]
        }
    }

    pub fn len(&self, atom: Atom) -> usize {
        usize::try_from(atom.0)
            .ok()
            .and_then(|i| self.0.get(i).copied())
            .unwrap_or(1)
    }

    /// Length of a logical axis.
    pub fn size(&self, atoms: &[Atom]) -> usize {
        atoms.iter().map(|a| self.len(*a)).product()
    }

    pub fn lens(&self, atoms: &[Atom]) -> Vec<usize> {
        atoms.iter().map(|a| self.len(*a)).collect()
    }
}

/// A simultaneous substitution: an atom becomes several, the last least significant.
pub(in crate::compile) type Rename = HashMap<Atom, Vec<Atom>>;

pub(in crate::compile) fn renamed(atoms: &[Atom], rename: &Rename) -> Vec<Atom> {
    let one = |a: &Atom| rename.get(a).cloned().unwrap_or_else(|| vec![*a]);
    atoms.iter().flat_map(one).collect()
}

/// Renames that give two axes of equal length the same atoms.
#[derive(Default)]
pub(in crate::compile) struct Unified {
    pub left: Rename,
    pub right: Rename,
}

impl Unified {
    /// Refines `left` and `right` to their coarsest common splitting and names it afresh; `None` if there is none.
    pub fn axis(&mut self, atoms: &mut Atoms, left: &[Atom], right: &[Atom]) -> Option<Vec<Atom>> {
        let fresh = |atoms: &mut Atoms, side: &[Atom], rename: &mut Rename| {
            let mut axis = Vec::new();
            for atom in side {
                let new = atoms.fresh(atoms.len(*atom));
                rename.insert(*atom, vec![new]);
                axis.push(new);
            }
            axis
        };
        if left.is_empty() {
            return Some(fresh(atoms, right, &mut self.right));
        }
        if right.is_empty() {
            return Some(fresh(atoms, left, &mut self.left));
        }
        let mut result = Vec::new();
        let (mut l, mut r) = (left.iter().rev(), right.iter().rev());
        let (mut a, mut b) = (l.next(), r.next());
        let mut rest = (a.map(|a| atoms.len(*a)), b.map(|b| atoms.len(*b)));
        while let (Some(atom_l), Some(atom_r), (Some(n), Some(m))) = (a, b, rest) {
            let shared = n.min(m);
            if n % shared != 0 || m % shared != 0 {
                return None;
            }
            let new = atoms.fresh(shared);
            result.insert(0, new);
            self.left.entry(*atom_l).or_default().insert(0, new);
            self.right.entry(*atom_r).or_default().insert(0, new);
            rest = (Some(n / shared), Some(m / shared));
            if n == shared {
                a = l.next();
                rest.0 = a.map(|a| atoms.len(*a));
            }
            if m == shared {
                b = r.next();
                rest.1 = b.map(|b| atoms.len(*b));
            }
        }
        (a.is_none() && b.is_none()).then_some(result)
    }
}
