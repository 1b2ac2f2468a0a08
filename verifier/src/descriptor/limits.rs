//! Sizes that a verifier accepts, over and above the rules of the protocol.

/// Sizes that a verifier accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `ν` and `νW`.
    pub column_bits: usize,
    /// `k_l`.
    pub contraction_bits: usize,
    /// `κ`.
    pub row_bits: u32,
    /// Nodes, weight blocks, functions and ports, each.
    pub items: usize,
    /// Terms of a view.
    pub terms: usize,
    /// Axes of a block, a node or a map.
    pub axes: usize,
    /// Total work of evaluating all maps, in index tuples.
    pub map_work: usize,
    /// Bytes of an encoded descriptor.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            column_bits: 28,
            contraction_bits: 28,
            row_bits: 18,
            items: 1 << 16,
            terms: 1 << 12,
            axes: 16,
            map_work: 1 << 28,
            bytes: 1 << 26,
        }
    }
}
