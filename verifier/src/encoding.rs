//! Strict reading and writing of Pleat's files: magic, version, exact lengths, canonical field elements and points.

use pleat_nova_circuits::cycle::{EncodedPoint, F, POINT_BYTES, field_from_bytes, field_to_bytes};
use rayon::prelude::*;

use crate::error::FormatError;

/// Points that one thread decodes.
const SMALL: usize = 8;

/// Length of magic and version.
pub const HEADER_BYTES: usize = 10;

/// Writes a file of ours.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Starts with magic and version.
    pub fn new(magic: [u8; 8], version: u16) -> Self {
        let mut out = Self(magic.to_vec());
        out.bytes(&version.to_le_bytes());
        out
    }

    /// Raw bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes with their length, 8 bytes little-endian.
    pub fn prefixed(&mut self, bytes: &[u8]) {
        self.bytes(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.bytes(bytes);
    }

    /// Field elements, 32 bytes each.
    pub fn fields(&mut self, values: &[F]) {
        for v in values {
            self.bytes(&field_to_bytes(v));
        }
    }

    /// Signed 32-bit integers.
    pub fn integers(&mut self, values: &[i32]) {
        self.0.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }

    /// All bytes written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a file of ours; never allocates for more than the bytes that are there.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Demands magic and version. `what` names the kind of file in errors.
    ///
    /// # Errors
    /// If the bytes are some other file.
    pub fn new(
        bytes: &'a [u8],
        magic: [u8; 8],
        version: u16,
        what: &'static str,
    ) -> Result<Self, FormatError> {
        let mut reader = Self { rest: bytes, what };
        if reader.bytes(8).ok() != Some(magic.as_slice()) {
            return Err(FormatError::Magic { what });
        }
        let got = u16::from_le_bytes(reader.array()?);
        if got == version {
            Ok(reader)
        } else {
            Err(FormatError::Version {
                what,
                got,
                expected: version,
            })
        }
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], FormatError> {
        let (head, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or(FormatError::Truncated { what: self.what })?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let what = self.what;
        <[u8; N]>::try_from(self.bytes(N)?).map_err(|_| FormatError::Truncated { what })
    }

    /// Bytes with their length before them, at most `limit`.
    ///
    /// # Errors
    /// If the length is over the limit or over what is left.
    pub fn prefixed(&mut self, limit: usize) -> Result<&'a [u8], FormatError> {
        let length = u64::from_le_bytes(self.array()?);
        match usize::try_from(length) {
            Ok(n) if n <= limit => self.bytes(n),
            _ => Err(FormatError::TooLong {
                what: self.what,
                length,
                limit,
            }),
        }
    }

    /// One canonical field element.
    ///
    /// # Errors
    /// If the bytes are none.
    pub fn field(&mut self) -> Result<F, FormatError> {
        field_from_bytes(&self.array()?).ok_or(FormatError::Field { what: self.what })
    }

    /// `n` canonical field elements.
    ///
    /// # Errors
    /// If fewer are left, or one is not canonical.
    pub fn fields(&mut self, n: usize) -> Result<Vec<F>, FormatError> {
        self.demand(n)?;
        (0..n).map(|_| self.field()).collect()
    }

    /// As many canonical field elements as the array has.
    ///
    /// # Errors
    /// If fewer are left, or one is not canonical.
    pub fn field_array<const N: usize>(&mut self) -> Result<[F; N], FormatError> {
        let mut values = [F::zero(); N];
        for value in &mut values {
            *value = self.field()?;
        }
        Ok(values)
    }

    /// `n` canonical points.
    ///
    /// # Errors
    /// If fewer are left, or one is not canonical.
    pub fn points(&mut self, n: usize) -> Result<Vec<EncodedPoint>, FormatError> {
        self.demand(n)?;
        let what = self.what;
        let (points, _) = self.bytes(n.saturating_mul(POINT_BYTES))?.as_chunks();
        // Ordinates are square roots.
        points
            .par_iter()
            .with_min_len(SMALL)
            .map(|bytes| EncodedPoint::from_bytes(*bytes).ok_or(FormatError::Point { what }))
            .collect()
    }

    /// A canonical point.
    ///
    /// # Errors
    /// If too few bytes are left, or it is not canonical.
    pub fn point(&mut self) -> Result<EncodedPoint, FormatError> {
        let what = self.what;
        EncodedPoint::from_bytes(self.array()?).ok_or(FormatError::Point { what })
    }

    /// `n` signed 32-bit integers.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn integers(&mut self, n: usize) -> Result<Vec<i32>, FormatError> {
        let bytes = n.checked_mul(4).filter(|bytes| *bytes <= self.left());
        bytes.ok_or(FormatError::Truncated { what: self.what })?;
        let mut integers = vec![0; n];
        self.integers_into(&mut integers)?;
        Ok(integers)
    }

    /// `n` unsigned 32-bit integers.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn indices(&mut self, n: usize) -> Result<Vec<u32>, FormatError> {
        let (words, _) = self.bytes(n.saturating_mul(4))?.as_chunks();
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// As many signed 32-bit integers as the slice has.
    ///
    /// # Errors
    /// If fewer are left; the slice is as it was.
    pub fn integers_into(&mut self, integers: &mut [i32]) -> Result<(), FormatError> {
        let (words, _) = self.bytes(size_of_val(integers))?.as_chunks();
        let pairs = integers.par_iter_mut().with_min_len(1 << 14).zip(words);
        pairs.for_each(|(integer, word)| *integer = i32::from_le_bytes(*word));
        Ok(())
    }

    /// Bytes left.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Demands that nothing is left.
    ///
    /// # Errors
    /// If something is.
    pub fn finish(self) -> Result<(), FormatError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(FormatError::Trailing {
                what: self.what,
                bytes: self.rest.len(),
            })
        }
    }

    fn demand(&self, elements: usize) -> Result<(), FormatError> {
        let enough = elements
            .checked_mul(32)
            .is_some_and(|n| n <= self.rest.len());
        if enough {
            Ok(())
        } else {
            Err(FormatError::Truncated { what: self.what })
        }
    }
}
