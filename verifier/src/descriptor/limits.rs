//! Sizes that a verifier accepts, over and above the rules of the protocol.
//!
//! They bound what a descriptor can make a verifier do before, and while, it checks a proof. A column's length does not: each of its
//! variables is a round of two sumchecks, a coordinate of a few points, and nothing that grows faster. What grows with the cells are
//! committed rows, which are listed in the files and bounded by [`Limits::rows`], and maps, whose index tuples are bounded by
//! [`Limits::map_work`]. Both are counted along axes, never over whole blocks. A column of `2^31` cells, weights of two billion
//! parameters, is the longest whose addresses fit 32 bits, so that a verifier in a browser reads the same models.

/// Sizes that a verifier accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `ν` and `νW`: rounds, not work.
    pub column_bits: usize,
    /// `k_l`.
    pub contraction_bits: usize,
    /// `κ`.
    pub row_bits: u32,
    /// Nodes, weight blocks, functions and ports, each.
    pub items: usize,
    /// Products of a node.
    pub products: usize,
    /// Terms of a view.
    pub terms: usize,
    /// Axes of a block, a node or a map.
    pub axes: usize,
    /// Committed rows of a column.
    pub rows: usize,
    /// `N_T`; evaluating the table takes that many field elements of memory.
    pub table_rows: usize,
    /// Total work of evaluating all maps, in index tuples; evaluating one takes as much memory.
    pub map_work: usize,
    /// Bytes of an encoded descriptor.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            column_bits: 31,
            contraction_bits: 28,
            row_bits: 18,
            items: 1 << 16,
            products: 1 << 8,
            terms: 1 << 12,
            axes: 16,
            rows: 1 << 20,
            table_rows: 1 << 22,
            map_work: 1 << 24,
            bytes: 1 << 26,
        }
    }
}
