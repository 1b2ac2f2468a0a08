//! OPEN (PROTOCOL.md §4.8): `Σ_x Σ_col col(x)·E_col(x)` over `N = ν'+1` variables, columns with their mask rows.
//!
//! On each block a functional is a sum of few products `high[i]·low[j]` at cell `i·2^h + j`. So no table of a column's size is
//! needed: while the variables below `h` are bound, the block is the short vectors `Σ_i high[i]·col[i, ·]` against `low`; then
//! its cells are read again and become the vector `col[·, z_{<h}]`; when all its variables are bound it is one cell of the
//! column, at its address. Cells outside the blocks are zero.
//!
//! At variable `ν'` the column's upper half is its mask row and the functional's is zero. Variables from `N` on are
//! zero-extended once for the whole sum.

use std::collections::BTreeMap;

use pleat_nova_circuits::cycle::F;
use pleat_nova_circuits::vectors::{add_scaled, eq_table, inner_product, pair_products};
use pleat_verifier::mle::zeros_at;
use rayon::prelude::*;

use super::{Message, Summand, add, bind_table};
use crate::columns::Cells;

/// Columns whose weighted sum is opened.
pub type Source<'a> = Vec<(Cells<'a>, F)>;

/// A functional on a block's cells: `high[i]·low[j]` at cell `i·|low| + j`.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// `2^h` entries.
    pub low: Vec<F>,
    /// An entry for each stretch of `2^h` cells.
    pub high: Vec<F>,
}

/// A block: `2^variables` cells from a multiple of their number on, and the tensors whose sum is the functional there.
/// All tensors have the same `h`, at least 1 unless the block is a single cell.
#[derive(Clone, Debug)]
pub struct OpenBlock {
    /// First cell.
    pub address: usize,
    /// `log2` of the number of cells.
    pub variables: usize,
    /// None if the functional is zero.
    pub tensors: Vec<Tensor>,
}

/// A column and its functional as plain vectors.
#[derive(Clone, Debug)]
pub struct OpenItem {
    /// The column's own cells, without the mask row.
    pub column: Vec<F>,
    /// The functional on them.
    pub functional: Vec<F>,
    /// The mask row's cells from position 0; the rest are zero.
    pub mask: Vec<F>,
}

/// One column, or a weighted sum of columns that share a functional.
#[derive(Clone, Debug, Default)]
pub struct OpenColumn {
    blocks: Vec<Block>,
    /// Values of column and functional of the blocks that are bound, by address in units of the bound variables.
    cells: BTreeMap<usize, [F; 2]>,
    mask: Vec<F>,
}

#[derive(Clone, Debug)]
struct Block {
    address: usize,
    variables: usize,
    state: State,
}

/// A tensor, and `Σ_i high[i]·col[i, ·]`.
#[derive(Clone, Debug)]
struct Product {
    tensor: Tensor,
    column: Vec<F>,
}

#[derive(Clone, Debug)]
enum State {
    Low(Vec<Product>),
    High {
        column: Vec<F>,
        functional: Vec<F>,
    },
    /// The functional is zero. The column, once all variables are bound.
    Unread(F),
}

impl Block {
    fn sum(&self) -> F {
        let of = |product: &Product| inner_product(&product.column, &product.tensor.low);
        match &self.state {
            State::Low(products) => products.iter().map(of).sum(),
            State::High { column, functional } => inner_product(column, functional),
            State::Unread(_) => F::zero(),
        }
    }

    fn message(&self) -> Message {
        match &self.state {
            State::Low(products) => products
                .iter()
                .map(|p| product_message(&p.column, &p.tensor.low))
                .fold([F::zero(); 3], add),
            State::High { column, functional } => product_message(column, functional),
            State::Unread(_) => [F::zero(); 3],
        }
    }

    /// Binds the next variable; the last of `bound` is its challenge.
    fn bind(&mut self, bound: &[F], source: &[(Cells<'_>, F)]) {
        let challenge = bound.last().copied().unwrap_or(F::zero());
        match &mut self.state {
            State::Low(products) => {
                for Product { tensor, column } in products.iter_mut() {
                    bind_table(&mut tensor.low, challenge);
                    bind_table(column, challenge);
                }
                if bound.len() < self.variables && products.iter().all(|p| p.tensor.low.len() == 1)
                {
                    self.state = State::High {
                        column: rows_at(source, self.address, self.variables, bound),
                        functional: high_functional(products),
                    };
                }
            }
            State::High { column, functional } => {
                bind_table(column, challenge);
                bind_table(functional, challenge);
            }
            State::Unread(value) => {
                if bound.len() == self.variables {
                    *value = rows_at(source, self.address, self.variables, bound)
                        .into_iter()
                        .sum();
                }
            }
        }
    }

    /// Column and functional once all variables are bound.
    fn value(&self) -> [F; 2] {
        let single = |v: &[F]| v.first().copied().unwrap_or(F::zero());
        match &self.state {
            State::Low(products) => match products.as_slice() {
                [Product { tensor, column }] => {
                    [single(column), single(&tensor.low) * single(&tensor.high)]
                }
                _ => [F::zero(); 2],
            },
            State::High { column, functional } => [single(column), single(functional)],
            State::Unread(value) => [*value, F::zero()],
        }
    }
}

/// `[Σ_j eq(point, j)·cell[i, j]]` of a block.
fn rows_at(source: &[(Cells<'_>, F)], address: usize, variables: usize, point: &[F]) -> Vec<F> {
    let bits = point.len();
    let first = address >> bits;
    let rows = first..first + (1 << (variables - bits));
    let eq = eq_table(point);
    let mut out = vec![F::zero(); rows.len()];
    for (cells, weight) in source {
        let dots = cells.dots(rows.clone(), bits, &eq);
        add_scaled(&mut out, *weight, &dots);
    }
    out
}

/// `Σ_t low_t·high_t`, where only one entry is left of each `low`.
fn high_functional(products: &[Product]) -> Vec<F> {
    let len = products.first().map_or(0, |p| p.tensor.high.len());
    let mut functional = vec![F::zero(); len];
    for Product { tensor, .. } in products {
        let low = tensor.low.first().copied().unwrap_or(F::zero());
        add_scaled(&mut functional, low, &tensor.high);
    }
    functional
}

/// The sum of tensors that have all variables in `low`.
fn joined(tensors: &[Tensor]) -> Tensor {
    let len = tensors.first().map_or(0, |t| t.low.len());
    let mut low = vec![F::zero(); len];
    for tensor in tensors {
        let factor = tensor.high.first().copied().unwrap_or(F::zero());
        add_scaled(&mut low, factor, &tensor.low);
    }
    Tensor {
        low,
        high: vec![F::one()],
    }
}

/// The round polynomial of `Σ_x c(x)·e(x)`.
fn product_message(column: &[F], functional: &[F]) -> Message {
    const CHUNK: usize = 1 << 11;
    let part = |(column, functional): (&[F], &[F])| -> Message {
        let [constant, square] = pair_products(column, functional);
        [constant, square, F::zero()]
    };
    if column.len() <= CHUNK {
        return part((column, functional));
    }
    let parts = column.par_chunks(CHUNK).zip(functional.par_chunks(CHUNK));
    parts.map(part).reduce(|| [F::zero(); 3], add)
}

impl OpenColumn {
    /// From all blocks of a column; reads the cells once for each of their tensors. `mask` are the mask row's cells from position 0.
    pub fn new(source: &[(Cells<'_>, F)], blocks: Vec<OpenBlock>, mask: Vec<F>) -> Self {
        let product = |block: &OpenBlock, tensor: Tensor| {
            let bits = pleat_verifier::mle::bits(tensor.low.len());
            let first = block.address >> bits;
            let rows = (first..).zip(tensor.high.iter().copied());
            // Of a table, few rows are looked up.
            let rows: Vec<(usize, F)> = rows.filter(|(_, w)| *w != F::zero()).collect();
            let mut column = vec![F::zero(); tensor.low.len()];
            for (cells, weight) in source {
                let sums = cells.combine(&rows, bits);
                add_scaled(&mut column, *weight, &sums);
            }
            Product { tensor, column }
        };
        let block = |mut block: OpenBlock| {
            let mut tensors = std::mem::take(&mut block.tensors);
            let OpenBlock {
                address, variables, ..
            } = block;
            if tensors.iter().any(|t| t.high.len() == 1) {
                tensors = vec![joined(&tensors)];
            }
            let state = if !tensors.is_empty() {
                State::Low(tensors.into_iter().map(|t| product(&block, t)).collect())
            } else if variables == 0 {
                State::Unread(rows_at(source, address, 0, &[]).into_iter().sum())
            } else {
                State::Unread(F::zero())
            };
            Block {
                address,
                variables,
                state,
            }
        };
        Self::of(blocks.into_par_iter().map(block).collect(), mask)
    }

    /// A column of which the first variables' sums are known: a single block over the whole of it.
    pub fn whole(variables: usize, tensor: Tensor, sums: Vec<F>, mask: Vec<F>) -> Self {
        let product = Product {
            tensor,
            column: sums,
        };
        let block = Block {
            address: 0,
            variables,
            state: State::Low(vec![product]),
        };
        Self::of(vec![block], mask)
    }

    fn of(blocks: Vec<Block>, mask: Vec<F>) -> Self {
        let mut column = Self {
            blocks,
            cells: BTreeMap::new(),
            mask,
        };
        column.collect(0);
        column
    }

    fn sum(&self) -> F {
        let cells = self.cells.values().map(|[c, e]| c * e);
        self.blocks.iter().map(Block::sum).chain(cells).sum()
    }

    /// Makes cells of the blocks that have as many variables as are bound.
    fn collect(&mut self, bound: usize) {
        let done = self.blocks.extract_if(.., |b| b.variables <= bound);
        for block in done {
            let [column, functional] = block.value();
            let cell = self.cells.entry(block.address >> bound).or_default();
            // Blocks are disjoint.
            *cell = [column, functional];
        }
    }

    fn message(&self) -> Message {
        let zero = [F::zero(); 3];
        let blocks = self.blocks.par_iter().map(Block::message);
        let blocks = blocks.reduce(|| zero, add);
        let cell = |(i, [c, e]): (&usize, &[F; 2])| match self.cells.get(&(i ^ 1)) {
            Some(_) if i & 1 == 1 => zero,
            None if i & 1 == 1 => [F::zero(), c * e, F::zero()],
            above => {
                let [c1, e1] = above.copied().unwrap_or_default();
                [c * e, (c1 - c) * (e1 - e), F::zero()]
            }
        };
        self.cells.iter().map(cell).fold(blocks, add)
    }

    fn bind(&mut self, bound: &[F], source: &[(Cells<'_>, F)]) {
        self.blocks
            .par_iter_mut()
            .for_each(|block| block.bind(bound, source));
        let challenge = bound.last().copied().unwrap_or(F::zero());
        for (i, [c, e]) in std::mem::take(&mut self.cells) {
            let factor = if i & 1 == 1 {
                challenge
            } else {
                F::one() - challenge
            };
            let [column, functional] = self.cells.entry(i >> 1).or_default();
            *column += c * factor;
            *functional += e * factor;
        }
        self.collect(bound.len());
    }
}

/// All of OPEN's columns.
#[derive(Clone, Debug, Default)]
pub struct Open {
    columns: Vec<OpenColumn>,
    /// `κ`.
    row_bits: usize,
    /// `ν'`.
    mask_variable: usize,
}

impl Open {
    /// From columns of at most `2^mask_variable` cells.
    pub fn of(columns: Vec<OpenColumn>, row_bits: usize, mask_variable: usize) -> Self {
        Self {
            columns,
            row_bits,
            mask_variable,
        }
    }

    /// From plain vectors, each of the column's own length, a power of two; needs no sources.
    pub fn new(items: Vec<OpenItem>, row_bits: usize, mask_variable: usize) -> Self {
        let column = |item: OpenItem| {
            let tensor = Tensor {
                low: item.functional,
                high: vec![F::one()],
            };
            let variables = pleat_verifier::mle::bits(item.column.len());
            OpenColumn::whole(variables, tensor, item.column, item.mask)
        };
        Self::of(
            items.into_iter().map(column).collect(),
            row_bits,
            mask_variable,
        )
    }

    /// The true sum.
    pub fn sum(&self) -> F {
        self.columns.iter().map(OpenColumn::sum).sum()
    }

    /// Ready to be bound; `sources` are the columns that this was made from, in the same order.
    pub fn over(self, sources: Vec<Source<'_>>) -> OpenRounds<'_> {
        OpenRounds {
            open: self,
            sources,
            bound: Vec::new(),
        }
    }
}

/// [`Open`] while it is bound.
pub struct OpenRounds<'a> {
    open: Open,
    sources: Vec<Source<'a>>,
    /// Challenges so far.
    bound: Vec<F>,
}

impl OpenRounds<'_> {
    /// The mask row's part at the challenges so far, its own variable apart.
    fn mask_at(&self, mask: &[F]) -> F {
        let (low, high) = self
            .bound
            .split_at_checked(self.open.row_bits)
            .unwrap_or((&self.bound, &[]));
        inner_product(mask, &eq_table(low)) * zeros_at(high)
    }
}

impl Summand for OpenRounds<'_> {
    fn message(&self) -> Message {
        let round = self.bound.len();
        let own = |column: &OpenColumn| {
            if round < self.open.mask_variable {
                return column.message();
            }
            // All variables of the column are bound.
            let [c, e] = column.cells.get(&0).copied().unwrap_or_default();
            if round == self.open.mask_variable {
                // (c + (mask - c)·X)·e·(1-X)
                return [c * e, (c - self.mask_at(&column.mask)) * e, F::zero()];
            }
            // c·e·(1-X)
            [c * e, F::zero(), F::zero()]
        };
        self.open.columns.iter().map(own).fold([F::zero(); 3], add)
    }

    fn bind(&mut self, challenge: F) {
        let round = self.bound.len();
        if round < self.open.mask_variable {
            self.bound.push(challenge);
            for (i, column) in self.open.columns.iter_mut().enumerate() {
                let source = self.sources.get(i).map_or(&[][..], Vec::as_slice);
                column.bind(&self.bound, source);
            }
            return;
        }
        let masks: Vec<F> = if round == self.open.mask_variable {
            let mask = |column: &OpenColumn| self.mask_at(&column.mask);
            self.open.columns.iter().map(mask).collect()
        } else {
            Vec::new()
        };
        let shrink = F::one() - challenge;
        for (i, column) in self.open.columns.iter_mut().enumerate() {
            if let Some([c, e]) = column.cells.get_mut(&0) {
                *e *= shrink;
                if let Some(mask) = masks.get(i) {
                    *c = *c * shrink + challenge * mask;
                }
            }
        }
        self.bound.push(challenge);
    }
}
