//! Public integers in a proof's file, each in as few bits as its tensor's values need (docs/formats.md): where `B = 12`, a pixel
//! takes 12 bits.

use crate::descriptor::{Function, Operation, Port};
use crate::error::FormatError;
use crate::network::Network;

/// The integers that a tensor may hold, and how one is written: its distance from the least, in so many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    least: i32,
    largest: i32,
}

impl Packing {
    /// For integers from `least` to `largest`.
    pub const fn new(least: i32, largest: i32) -> Self {
        Self { least, largest }
    }

    /// For the values of an input or output: those of its operation.
    pub fn of(network: &Network, port: &Port) -> Self {
        let signed = network.input_range();
        let signed = Self::new(*signed.start(), *signed.end());
        let descriptor = network.descriptor();
        let node = descriptor.nodes.get(port.node);
        match node.map(|node| &node.operation) {
            Some(Operation::Boolean) => Self::new(0, 1),
            Some(Operation::Map { function }) => match descriptor.functions.get(*function) {
                Some(Function::Relu) => Self::new(0, signed.largest),
                Some(Function::Table { values, .. }) => Self::new(
                    values.iter().copied().min().unwrap_or(0),
                    values.iter().copied().max().unwrap_or(0),
                ),
                _ => signed,
            },
            _ => signed,
        }
    }

    /// How far the largest integer is from the least.
    const fn span(self) -> u32 {
        self.largest.wrapping_sub(self.least).cast_unsigned()
    }

    /// Bits of one integer, 1 to 32.
    pub const fn bits(self) -> u32 {
        match self.span() {
            0 => 1,
            span => u32::BITS.saturating_sub(span.leading_zeros()),
        }
    }

    /// Bits of `n` integers.
    pub fn bits_of(self, n: usize) -> usize {
        usize::try_from(self.bits()).map_or(usize::MAX, |bits| bits.saturating_mul(n))
    }
}

/// Bytes that so many bits take.
pub const fn bytes(bits: usize) -> usize {
    bits.div_ceil(8)
}

/// Writes integers bit by bit, least significant first.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet.
    rest: u64,
    count: u32,
}

impl BitWriter {
    /// Writes integers. One that is not of the packing has no encoding, and what is written for it is another's.
    pub fn write(&mut self, packing: Packing, integers: &[i32]) {
        let mask = 1_u64
            .checked_shl(packing.bits())
            .unwrap_or(0)
            .wrapping_sub(1);
        for integer in integers {
            let distance = integer.wrapping_sub(packing.least).cast_unsigned();
            let bits = u64::from(distance) & mask;
            self.rest |= bits.checked_shl(self.count).unwrap_or(0);
            self.count = self.count.saturating_add(packing.bits());
            while self.count >= 8 {
                let [byte, ..] = self.rest.to_le_bytes();
                self.bytes.push(byte);
                self.rest = self.rest.checked_shr(8).unwrap_or(0);
                self.count = self.count.saturating_sub(8);
            }
        }
    }

    /// All bytes, the last one filled up with zeros.
    pub fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            let [byte, ..] = self.rest.to_le_bytes();
            self.bytes.push(byte);
        }
        self.bytes
    }
}

/// Reads what a [`BitWriter`] wrote.
#[derive(Debug)]
pub struct BitReader<'a> {
    bytes: std::slice::Iter<'a, u8>,
    rest: u64,
    count: u32,
    what: &'static str,
}

impl<'a> BitReader<'a> {
    /// `what` names the kind of file in errors.
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self {
            bytes: bytes.iter(),
            rest: 0,
            count: 0,
            what,
        }
    }

    /// The next `n` integers.
    ///
    /// # Errors
    /// If fewer are left, or one is not of the packing.
    pub fn read(&mut self, packing: Packing, n: usize) -> Result<Vec<i32>, FormatError> {
        let left = self.bytes.len().saturating_add(8).saturating_mul(8);
        if packing.bits_of(n) > left {
            return Err(FormatError::Truncated { what: self.what });
        }
        (0..n).map(|_| self.integer(packing)).collect()
    }

    fn integer(&mut self, packing: Packing) -> Result<i32, FormatError> {
        let bits = packing.bits();
        while self.count < bits {
            let byte = self.bytes.next();
            let byte = byte.ok_or(FormatError::Truncated { what: self.what })?;
            self.rest |= u64::from(*byte).checked_shl(self.count).unwrap_or(0);
            self.count = self.count.saturating_add(8);
        }
        let mask = 1_u64.checked_shl(bits).unwrap_or(0).wrapping_sub(1);
        let distance = u32::try_from(self.rest & mask).unwrap_or(u32::MAX);
        self.rest = self.rest.checked_shr(bits).unwrap_or(0);
        self.count = self.count.saturating_sub(bits);
        if distance > packing.span() {
            return Err(FormatError::Value { what: self.what });
        }
        Ok(packing.least.wrapping_add(distance.cast_signed()))
    }

    /// Demands that only the zeros that fill the last byte are left.
    ///
    /// # Errors
    /// If something else is.
    pub fn finish(self) -> Result<(), FormatError> {
        if self.rest == 0 && self.bytes.len() == 0 {
            Ok(())
        } else {
            Err(FormatError::Value { what: self.what })
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(parts: &[(Packing, Vec<i32>)]) -> Vec<u8> {
        let mut out = BitWriter::default();
        for (packing, integers) in parts {
            out.write(*packing, integers);
        }
        out.finish()
    }

    fn unpacked(bytes: &[u8], parts: &[(Packing, Vec<i32>)]) -> Result<Vec<Vec<i32>>, FormatError> {
        let mut input = BitReader::new(bytes, "test");
        let read = |(packing, integers): &(Packing, Vec<i32>)| input.read(*packing, integers.len());
        let read = parts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        input.finish().map(|()| read)
    }

    #[test]
    fn widths() {
        let bits = |least, largest| Packing::new(least, largest).bits();
        assert_eq!(
            [
                bits(0, 0),
                bits(0, 1),
                bits(-8, 7),
                bits(3, 8),
                bits(i32::MIN, i32::MAX)
            ],
            [1, 1, 4, 3, 32]
        );
    }

    fn part() -> impl Strategy<Value = (Packing, Vec<i32>)> {
        let bounds = (any::<i32>(), 0_u32..=32, any::<u32>());
        let packing = bounds.prop_map(|(least, bits, more)| {
            let span = u64::from(more) & ((1_u64 << bits) - 1);
            let largest = i64::from(least).saturating_add(i64::try_from(span).unwrap());
            Packing::new(least, i32::try_from(largest).unwrap_or(i32::MAX))
        });
        packing.prop_flat_map(|packing| {
            let integers = packing.least..=packing.largest;
            (Just(packing), prop::collection::vec(integers, 0..20))
        })
    }

    proptest! {
        /// One list of integers has one encoding, of the length that its packings say.
        #[test]
        fn there_and_back(parts in prop::collection::vec(part(), 0..5)) {
            let written = packed(&parts);
            let bits: usize = parts.iter().map(|(p, v)| p.bits_of(v.len())).sum();
            prop_assert_eq!(written.len(), bytes(bits));
            let integers: Vec<Vec<i32>> = parts.iter().map(|(_, v)| v.clone()).collect();
            prop_assert_eq!(&unpacked(&written, &parts).unwrap(), &integers);
            let mut longer = written.clone();
            longer.push(0);
            prop_assert!(unpacked(&longer, &parts).is_err());
            prop_assert!(written.is_empty() || unpacked(&written[1..], &parts).is_err());
            // Every other string of bytes of this length is refused, or is that of other integers.
            for bit in 0..8 * written.len() {
                let mut other = written.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                if let Ok(read) = unpacked(&other, &parts) {
                    prop_assert_ne!(&read, &integers);
                    let parts: Vec<_> = parts.iter().zip(read).map(|((p, _), v)| (*p, v)).collect();
                    prop_assert_eq!(packed(&parts), other);
                }
            }
        }
    }
}
