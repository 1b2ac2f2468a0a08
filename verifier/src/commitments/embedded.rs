//! The generators that almost every proof needs, as a part of the program: reading 16,385 by both coordinates takes some 2 ms,
//! deriving them a third of a second of one core.
//!
//! Programs have them for `κ` up to 14 by coordinates, 1 MB. Where the code itself is sent to whoever verifies, as to a browser, a
//! megabyte costs more than it saves: there the generators go up to `κ = 12` and are compressed, 131 kB, for a square root each.

use pleat_nova_circuits::cycle::{Affine, Point};
use pleat_nova_circuits::points::Form;

/// A file of generators beside this one, that of blinds first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Its name in `verifier/src/commitments`.
    pub file: &'static str,
    /// How points are written.
    pub form: Form,
    /// The largest `κ` that it is enough for.
    pub row_bits: usize,
}

impl Embedded {
    /// What programs have, which come with the feature `cli`.
    pub const LARGE: Self = Self {
        file: "generators-14.bin",
        form: Form::Coordinates,
        row_bits: 14,
    };
    /// What any other build has.
    pub const SMALL: Self = Self {
        file: "generators-12.bin",
        form: Form::Compressed,
        row_bits: 12,
    };
    /// What this build has.
    pub const OWN: Self = if cfg!(feature = "cli") {
        Self::LARGE
    } else {
        Self::SMALL
    };

    /// The file's bytes, of at least as many generators as it holds; the example `row_generators` writes them.
    #[must_use]
    pub fn bytes(&self, generators: &[Affine]) -> Vec<u8> {
        let own = generators.get(..super::Generators::count(self.row_bits));
        self.form.write::<Point>(own.unwrap_or_default())
    }
}

#[cfg(feature = "cli")]
const BYTES: &[u8] = include_bytes!("generators-14.bin");
#[cfg(not(feature = "cli"))]
const BYTES: &[u8] = include_bytes!("generators-12.bin");

/// The first `count` generators, or as many as are embedded.
pub(super) fn first(count: usize) -> Vec<Affine> {
    let form = Embedded::OWN.form;
    let length = count.saturating_mul(form.bytes()).min(BYTES.len());
    BYTES
        .get(..length)
        .and_then(|bytes| form.read::<Point>(bytes))
        .unwrap_or_default()
}
