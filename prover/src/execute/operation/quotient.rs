//! `Y = ⌊(2Z + D)/(2D)⌋`.

use super::{BLOCKS, Misfit, Row, digits};

pub(super) fn rows(digit_bits: u32, z: i128, divisor: i128) -> Result<[Row; BLOCKS], Misfit> {
    if divisor < 1 || divisor > 1 << (2 * digit_bits - 1) {
        return Err(Misfit::Divisor(divisor));
    }
    let dividend = 2 * z + divisor;
    let quotient = dividend.div_euclid(2 * divisor);
    let half = 1 << (digit_bits - 1);
    if !(-half..half).contains(&quotient) {
        return Err(Misfit::Quotient(quotient));
    }
    let low = dividend.rem_euclid(2 * divisor);
    let first = Row {
        y: quotient as i32,
        ..digits(digit_bits, low)
    };
    let second = digits(digit_bits, 2 * divisor - 1 - low);
    Ok([first, second, Row::default()])
}
