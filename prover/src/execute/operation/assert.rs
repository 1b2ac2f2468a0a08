//! `Z = 0`.

use super::{BLOCKS, Misfit, Row};

pub(super) fn rows(z: i128) -> Result<[Row; BLOCKS], Misfit> {
    if z == 0 {
        Ok([Row::default(); BLOCKS])
    } else {
        Err(Misfit::Assertion(z))
    }
}
