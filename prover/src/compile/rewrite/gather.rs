//! Moving data by constant positions: slices, and contractions with constants where elements are added up.

use ndarray::{ArrayD, Dimension, IxDyn};

use super::rewriter::{Kind, Node, Outcome, Refusal, Rewriter, signed};
use super::tensor::integer;

/// Row-major position of an index.
fn flat(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |flat, (n, i)| flat * n + i)
}

/// All indices of a shape, in order.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    ndarray::indices(IxDyn(shape))
        .into_iter()
        .map(|i| i.slice().to_vec())
}

/// An index with one axis changed.
fn with(index: &[usize], axis: usize, value: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    if let Some(i) = index.get_mut(axis) {
        *i = value;
    }
    index
}

fn at(index: &[usize], axis: usize) -> usize {
    index.get(axis).copied().unwrap_or(0)
}

impl Rewriter {
    /// `Gather`; of a constant by computed indices it stays.
    pub(super) fn gather(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let (x, chosen) = (node.input(0)?, node.input(1)?);
        if !self.is_constant(chosen) {
            return Ok(None);
        }
        let shape = self.shape(x)?;
        let axis = self.axis(x, node.int("axis", 0))?;
        let positions = self.positions(chosen, at(&shape, axis))?;
        let order: Vec<usize> = positions.iter().copied().collect();
        let kind = self.kind(x);
        let taken = self.take(x, axis, &order)?;
        let mut to = shape;
        to.splice(axis..=axis, positions.shape().iter().copied());
        let result = self.reshape(&taken, &to);
        self.mean(&result, kind);
        Ok(Some(vec![result]))
    }

    pub(super) fn gather_elements(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let shape = self.shape(x)?;
        let axis = self.axis(x, node.int("axis", 0))?;
        let positions = self.positions(node.input(1)?, at(&shape, axis))?;
        let outer = |s: &[usize]| {
            let mut s = s.to_vec();
            s.remove(axis);
            s
        };
        if at(positions.shape(), axis) == 1 && outer(&shape) == outer(positions.shape()) {
            // One element per line.
            let one = ArrayD::from_shape_fn(IxDyn(&shape), |i| {
                let line = with(i.slice(), axis, 0);
                let chosen = positions.get(IxDyn(&line)).copied();
                f64::from(u8::from(chosen == Some(at(i.slice(), axis))))
            });
            let one = self.array(one);
            let product = self.mul(x, &one);
            return Ok(self.reduce("ReduceSum", &product, &[axis], true));
        }
        let order: Vec<usize> = positions
            .indexed_iter()
            .map(|(i, p)| flat(&shape, &with(i.slice(), axis, *p)))
            .collect();
        self.pick(x, &order, positions.shape())
    }

    pub(super) fn gather_nd(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let shape = self.shape(x)?;
        let chosen = self.constant(node.input(1)?)?;
        let batch = usize::try_from(node.int("batch_dims", 0)).unwrap_or(0);
        let depth = chosen.values.shape().last().copied().unwrap_or(0);
        let lead = &chosen.values.shape()[..chosen.values.ndim().saturating_sub(1)];
        let rest = shape.get(batch + depth..).unwrap_or_default().to_vec();
        let mut order = Vec::new();
        for index in indices(lead) {
            let mut place: Vec<usize> = index.iter().take(batch).copied().collect();
            place.extend(tuple(&chosen.values, &index, &shape, batch)?);
            for inner in indices(&rest) {
                order.push(flat(&shape, &[place.as_slice(), &inner].concat()));
            }
        }
        let to = [lead, &rest].concat();
        self.pick(x, &order, &to)
    }

    /// `ScatterElements` and the older `Scatter`.
    pub(super) fn scatter_elements(&mut self, node: &Node) -> Outcome<String> {
        let (x, updates) = (node.input(0)?, node.input(2)?);
        let shape = self.shape(x)?;
        let axis = self.axis(x, node.int("axis", 0))?;
        let positions = self.positions(node.input(1)?, at(&shape, axis))?;
        let targets: Vec<usize> = positions
            .indexed_iter()
            .map(|(i, p)| flat(&shape, &with(i.slice(), axis, *p)))
            .collect();
        self.scattered(node, x, updates, &shape, &targets)
    }

    pub(super) fn scatter_nd(&mut self, node: &Node) -> Outcome<String> {
        let (x, updates) = (node.input(0)?, node.input(2)?);
        let shape = self.shape(x)?;
        let chosen = self.constant(node.input(1)?)?;
        let depth = chosen.values.shape().last().copied().unwrap_or(0);
        let lead = &chosen.values.shape()[..chosen.values.ndim().saturating_sub(1)];
        let rest = shape.get(depth..).unwrap_or_default().to_vec();
        let mut targets = Vec::new();
        for index in indices(lead) {
            let place = tuple(&chosen.values, &index, &shape, 0)?;
            for inner in indices(&rest) {
                targets.push(flat(&shape, &[place.as_slice(), &inner].concat()));
            }
        }
        self.scattered(node, x, updates, &shape, &targets)
    }

    /// Puts the `i`th update at `targets[i]`; updates of one target follow one another.
    fn scattered(
        &mut self,
        node: &Node,
        x: &str,
        updates: &str,
        shape: &[usize],
        targets: &[usize],
    ) -> Outcome<String> {
        let total: usize = shape.iter().product();
        let reduction = node.text("reduction").unwrap_or_else(|| "none".to_owned());
        let operator = match reduction.as_str() {
            "none" => "",
            "add" => "Add",
            "mul" => "Mul",
            "max" => "Max",
            "min" => "Min",
            other => return Err(Refusal::new(format!("reduction {other} is not supported"))),
        };
        let (x, updates) = (self.float(x), self.float(updates));
        let count = targets.len();
        let mut result = self.reshape(&x, &[total]);
        let updates = self.reshape(&updates, &[count]);
        // The updates that are the first, second, … of their targets.
        let mut rounds: Vec<Vec<(usize, usize)>> = Vec::new();
        let mut seen = vec![0; total];
        for (i, target) in targets.iter().enumerate() {
            let Some(round) = seen.get_mut(*target) else {
                return Err(Refusal::new("an index is beyond its axis"));
            };
            if rounds.len() <= *round {
                rounds.push(Vec::new());
            }
            if let Some(updates) = rounds.get_mut(*round) {
                updates.push((*target, i));
            }
            *round += 1;
        }
        for round in rounds {
            let mut order: Vec<usize> = (0..total).collect();
            for (target, i) in &round {
                if let Some(place) = order.get_mut(*target) {
                    *place = total + i;
                }
            }
            if operator.is_empty() {
                let all = self.concat(&[result, updates.clone()], 0);
                result = self.take(&all, 0, &order)?;
                continue;
            }
            let targets: Vec<usize> = round.iter().map(|(t, _)| *t).collect();
            let sources: Vec<usize> = round.iter().map(|(_, i)| *i).collect();
            let old = self.take(&result, 0, &targets)?;
            let new = self.take(&updates, 0, &sources)?;
            let both = self.binary(operator, &old, &new);
            for (k, (target, _)) in round.iter().enumerate() {
                if let Some(place) = order.get_mut(*target) {
                    *place = total + k;
                }
            }
            let all = self.concat(&[result, both], 0);
            result = self.take(&all, 0, &order)?;
        }
        Ok(self.reshape(&result, shape))
    }

    pub(super) fn compress(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let condition = self.constant(node.input(1)?)?.flat();
        let kept: Vec<usize> = (condition.iter().enumerate())
            .filter(|(_, c)| **c != 0.0)
            .map(|(i, _)| i)
            .collect();
        match node.ints("axis") {
            Some(_) => {
                let axis = self.axis(x, node.int("axis", 0))?;
                self.take(x, axis, &kept)
            }
            None => {
                let len = kept.len();
                self.pick(x, &kept, &[len])
            }
        }
    }

    pub(super) fn reverse_sequence(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let shape = self.shape(x)?;
        let batch = self.axis(x, node.int("batch_axis", 1))?;
        let time = self.axis(x, node.int("time_axis", 0))?;
        let lens = self.constant(node.input(1)?)?.as_ints();
        let mut parts = Vec::new();
        for (b, len) in lens.iter().enumerate() {
            let len = usize::try_from(*len).unwrap_or(0);
            let order: Vec<usize> = (0..len).rev().chain(len..at(&shape, time)).collect();
            let line = self.slice(x, batch, b, b + 1);
            parts.push(self.take(&line, time, &order)?);
        }
        Ok(self.concat(&parts, batch))
    }

    pub(super) fn tile(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let repeats = self.constant(node.input(1)?)?.as_ints();
        let mut result = x.to_owned();
        for (axis, count) in repeats.iter().enumerate() {
            let count = usize::try_from(*count).unwrap_or(0);
            if count == 0 {
                return Err(Refusal::new("its result is empty"));
            }
            result = self.concat(&vec![result; count], axis);
        }
        Ok(result)
    }

    /// Zeros above or below a diagonal.
    pub(super) fn trilu(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        let shape = self.shape(&x)?;
        let shift = match node.optional(1) {
            Some(name) => self.constant(name)?.as_ints().first().copied().unwrap_or(0),
            None => 0,
        };
        let upper = node.int("upper", 1) != 0;
        let matrix = shape
            .get(shape.len().saturating_sub(2)..)
            .unwrap_or_default();
        let mask = ArrayD::from_shape_fn(IxDyn(matrix), |i| {
            let (row, column) = (signed(at(i.slice(), 0)), signed(at(i.slice(), 1)));
            let kept = if upper {
                column >= row + shift
            } else {
                column <= row + shift
            };
            f64::from(u8::from(kept))
        });
        let mask = self.array(mask);
        Ok(self.mul(&x, &mask))
    }

    /// A product with a triangular matrix of ones.
    pub(super) fn cumsum(&mut self, node: &Node) -> Outcome<String> {
        let x = self.float(node.input(0)?);
        let shape = self.shape(&x)?;
        let named = self.constant(node.input(1)?)?.as_ints();
        let axis = self.axis(&x, named.first().copied().unwrap_or(0))?;
        let (exclusive, reverse) = (node.flag("exclusive"), node.flag("reverse"));
        let len = at(&shape, axis);
        let ones = ArrayD::from_shape_fn(IxDyn(&[len, len]), |i| {
            let (from, to) = (at(i.slice(), 0), at(i.slice(), 1));
            let (early, late) = if reverse { (to, from) } else { (from, to) };
            f64::from(u8::from(early < late || (early == late && !exclusive)))
        });
        let ones = self.array(ones);
        Ok(self.along_axis(&x, axis, &ones, len))
    }

    /// `Σ_i x[…, i, …]·m[i, j]`.
    pub(super) fn along_axis(&mut self, x: &str, axis: usize, m: &str, len: usize) -> String {
        let shape = self.shape(x).unwrap_or_default();
        let before: usize = shape.iter().take(axis).product();
        let after: usize = shape.iter().skip(axis + 1).product();
        let flat = self.reshape(x, &[before, at(&shape, axis), after]);
        let result = self.einsum("bia,ij->bja", &[&flat, m]);
        self.reshape(&result, &with(&shape, axis, len))
    }

    /// One-hot vectors of computed whole numbers: a comparison with every position.
    pub(super) fn one_hot(&mut self, node: &Node) -> Outcome<String> {
        let indices = self.float(node.input(0)?);
        let shape = self.shape(&indices)?;
        let depth = self.constant(node.input(1)?)?.first().unwrap_or(0.0);
        let values = self.constant(node.input(2)?)?.flat();
        let [off, on] = values.as_slice() else {
            return Err(Refusal::new("it needs a value for off and one for on"));
        };
        let rank = signed(shape.len()) + 1;
        let axis = node.int("axis", -1);
        let axis = if axis < 0 { axis + rank } else { axis };
        let axis = usize::try_from(axis).unwrap_or(0);
        let mut long = shape;
        long.insert(axis.min(long.len()), 1);
        let indices = self.reshape(&indices, &long);
        let count = usize::try_from(integer(depth)).unwrap_or(0);
        let positions = |shift: f64| {
            let line = with(&vec![1; long.len()], axis, count);
            #[expect(clippy::cast_precision_loss, reason = "positions")]
            ArrayD::from_shape_fn(IxDyn(&line), |i| at(i.slice(), axis) as f64 - shift)
        };
        let (here, wrapped) = (self.array(positions(0.0)), self.array(positions(depth)));
        let whole = self.truncated(&indices);
        let hit = self.write("Equal", &[&whole, &here], &[]);
        let negative = self.write("Equal", &[&whole, &wrapped], &[]);
        let either = self.add(&hit, &negative);
        let scaled = self.times(&either, on - off);
        let result = self.plus(&scaled, *off);
        self.mean(&result, Kind::Real);
        Ok(result)
    }

    pub(super) fn eye_like(&mut self, node: &Node) -> Outcome<String> {
        let shape = self.shape(node.input(0)?)?;
        let shift = node.int("k", 0);
        let eye = ArrayD::from_shape_fn(IxDyn(&shape), |i| {
            let diagonal = signed(at(i.slice(), 1)) - signed(at(i.slice(), 0)) == shift;
            f64::from(u8::from(diagonal))
        });
        Ok(self.array(eye))
    }

    /// `DepthToSpace` and `SpaceToDepth`.
    pub(super) fn depth_space(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let shape = self.shape(x)?;
        let [n, c, h, w] = *shape.as_slice() else {
            return Err(Refusal::new("its operand has not four axes"));
        };
        let b = usize::try_from(node.int("blocksize", 1))
            .unwrap_or(1)
            .max(1);
        if node.operator() == "SpaceToDepth" {
            let split = self.reshape(x, &[n, c, h / b, b, w / b, b]);
            let moved = self.transpose(&split, &[0, 3, 5, 1, 2, 4]);
            return Ok(self.reshape(&moved, &[n, c * b * b, h / b, w / b]));
        }
        let moved = if node.text("mode").is_some_and(|m| m == "CRD") {
            let split = self.reshape(x, &[n, c / (b * b), b, b, h, w]);
            self.transpose(&split, &[0, 1, 4, 2, 5, 3])
        } else {
            let split = self.reshape(x, &[n, b, b, c / (b * b), h, w]);
            self.transpose(&split, &[0, 3, 4, 1, 5, 2])
        };
        Ok(self.reshape(&moved, &[n, c / (b * b), h * b, w * b]))
    }

    /// A letter twice in one operand reads a diagonal, which is picked first.
    pub(super) fn diagonals(&mut self, node: &Node) -> Outcome<Option<Vec<String>>> {
        let equation: String = node.text("equation").unwrap_or_default();
        let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = match equation.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (equation.as_str(), None),
        };
        let mut operands: Vec<String> = Vec::new();
        let mut terms: Vec<String> = Vec::new();
        let mut changed = false;
        for (term, x) in left.split(',').zip(node.inputs()) {
            let shape = self.shape(x)?;
            let dots = shape.len().saturating_sub(term.replace("...", "").len());
            // Letters per axis; those of the dots are none.
            let letters: Vec<Option<char>> = match term.split_once("...") {
                Some((a, b)) => {
                    let dots = std::iter::repeat_n(None, dots);
                    (a.chars().map(Some))
                        .chain(dots)
                        .chain(b.chars().map(Some))
                        .collect()
                }
                None => term.chars().map(Some).collect(),
            };
            let first = |axis: usize| {
                let letter = letters.get(axis).copied().flatten();
                letter
                    .and_then(|l| letters.iter().position(|o| *o == Some(l)))
                    .unwrap_or(axis)
            };
            if (0..shape.len()).all(|axis| first(axis) == axis) {
                operands.push(x.to_owned());
                terms.push(term.to_owned());
                continue;
            }
            changed = true;
            let kept: Vec<usize> = (0..shape.len()).filter(|a| first(*a) == *a).collect();
            let short: Vec<usize> = kept.iter().map(|a| at(&shape, *a)).collect();
            let order: Vec<usize> = indices(&short)
                .map(|index| {
                    let place = |axis: usize| {
                        let k = kept.iter().position(|a| *a == first(axis)).unwrap_or(0);
                        at(&index, k)
                    };
                    let whole: Vec<usize> = (0..shape.len()).map(place).collect();
                    flat(&shape, &whole)
                })
                .collect();
            operands.push(self.pick(x, &order, &short)?);
            let mut seen = String::new();
            for c in term.chars() {
                if c == '.' || !seen.contains(c) {
                    seen.push(c);
                }
            }
            terms.push(seen);
        }
        if !changed {
            return Ok(None);
        }
        let mut equation = terms.join(",");
        if let Some(right) = right {
            equation = format!("{equation}->{right}");
        }
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        Ok(Some(vec![self.einsum(&equation, &operands)]))
    }

    /// Determinants of two or three rows, by the rule of Sarrus.
    pub(super) fn determinant(&mut self, node: &Node) -> Outcome<String> {
        let x = node.input(0)?;
        let shape = self.shape(x)?;
        let [outer @ .., n, m] = shape.as_slice() else {
            return Err(Refusal::new("its operand is no matrix"));
        };
        if n != m || !(1..=3).contains(n) {
            return Err(Refusal::new(
                "determinants of more than three rows are not supported",
            ));
        }
        let count: usize = outer.iter().product();
        let flat = self.reshape(x, &[count, n * n]);
        let mut cell = |row: usize, column: usize| {
            let place = row * n + column % n;
            self.slice(&flat, 1, place, place + 1)
        };
        let cells: Vec<Vec<String>> = (0..*n)
            .map(|r| (0..*n).map(|c| cell(r, c)).collect())
            .collect();
        let cell = |row: usize, column: usize| {
            let row = cells.get(row);
            row.and_then(|r| r.get(column % n))
                .cloned()
                .unwrap_or_default()
        };
        let result = match n {
            1 => cell(0, 0),
            2 => {
                let (a, b) = (
                    self.mul(&cell(0, 0), &cell(1, 1)),
                    self.mul(&cell(0, 1), &cell(1, 0)),
                );
                self.sub(&a, &b)
            }
            _ => {
                let mut sum: Option<String> = None;
                for c in 0..3 {
                    let right = self.mul(&cell(1, c + 1), &cell(2, c + 2));
                    let left = self.mul(&cell(1, c + 2), &cell(2, c + 1));
                    let minor = self.sub(&right, &left);
                    let term = self.mul(&cell(0, c), &minor);
                    sum = Some(match sum {
                        Some(sum) => self.add(&sum, &term),
                        None => term,
                    });
                }
                sum.unwrap_or_default()
            }
        };
        Ok(self.reshape(&result, outer))
    }
}

/// The index tuple at `index` of a tensor of tuples, which names axes from `first` on.
fn tuple(
    values: &ArrayD<f64>,
    index: &[usize],
    shape: &[usize],
    first: usize,
) -> Outcome<Vec<usize>> {
    let depth = values.shape().last().copied().unwrap_or(0);
    (0..depth)
        .map(|k| {
            let place = [index, &[k]].concat();
            let value = values.get(IxDyn(&place)).copied().unwrap_or(0.0);
            let len = signed(at(shape, first + k));
            let value = integer(value);
            let value = if value < 0 { value + len } else { value };
            usize::try_from(value)
                .ok()
                .filter(|v| signed(*v) < len)
                .ok_or_else(|| Refusal::new("an index is beyond its axis"))
        })
        .collect()
}
