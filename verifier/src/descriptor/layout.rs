//! Where blocks go in a column: largest first, so that every block is aligned to its own size. Any places that keep the rules of
//! PROTOCOL.md §3 will do; these are those that compiling and [`Descriptor::batched`] choose.

use super::Descriptor;

/// Addresses of blocks of the given sizes (`log2`), and their end; saturating, which no rule lets pass.
pub fn stack(sizes: &[usize]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(sizes.get(*i).copied()));
    let mut addresses = vec![0; sizes.len()];
    let mut end = 0_usize;
    for i in order {
        if let (Some(address), Some(size)) = (addresses.get_mut(i), sizes.get(i)) {
            *address = end;
            let size = u32::try_from(*size).ok();
            let cells = size.and_then(|bits| 1_usize.checked_shl(bits));
            end = end.saturating_add(cells.unwrap_or(usize::MAX));
        }
    }
    (addresses, end)
}

impl Descriptor {
    /// Sets the addresses of all trace blocks. Returns the end of the last.
    pub fn place_trace(&mut self) -> usize {
        let all = &*self;
        let sizes = all.nodes.iter().enumerate().flat_map(|(i, node)| {
            let blocks = 0..node.operation.blocks();
            blocks.map(move |block| all.reserved_bits(i, node, block))
        });
        let (addresses, end) = stack(&sizes.collect::<Vec<_>>());
        let mut addresses = addresses.into_iter();
        for node in &mut self.nodes {
            let own = addresses.by_ref().take(node.operation.blocks());
            node.blocks = own.collect();
        }
        end
    }
}
