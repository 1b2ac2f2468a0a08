//! `v = ⌊√Z⌋`.

use super::{BLOCKS, Misfit, Row, digits};

pub(super) fn rows(digit_bits: u32, z: i128) -> Result<[Row; BLOCKS], Misfit> {
    if z < 0 {
        return Err(Misfit::Radicand(z));
    }
    let v = z.isqrt();
    if v >= 1 << (3 * digit_bits - 1) {
        return Err(Misfit::Radicand(z));
    }
    let low = z - v * v;
    Ok([v, low, 2 * v - low].map(|value| digits(digit_bits, value)))
}
