//! A layer as constraints. The relation is the protocol's (PROTOCOL.md §1): `Z + 2^(2B-1) = 2^(2B)·P + R` with `R` of `2B` bits, `P`
//! a signed `B`-bit integer and `Y = max(P, 0)`.

use ff::{Field, PrimeField};
use nova_snark::frontend::num::{AllocatedNum, Num};
use nova_snark::frontend::{
    AllocatedBit, Boolean, ConstraintSystem, LinearCombination, SynthesisError,
};
use pleat_nova_circuits::chain::hash::{hash_words, hash_words_gadget};
use pleat_nova_circuits::cycle::{F, field_from_i64};

use crate::nets::{BIAS_MULTIPLIER, DIGIT_BITS, HALF, Layer, Shape, quotient};

/// Values in one field element: 21 of 12 bits.
const PACKED: usize = (F::CAPACITY / DIGIT_BITS) as usize;

/// A wire that holds a small integer.
#[derive(Clone)]
pub struct Cell {
    wire: AllocatedNum<F>,
    value: i64,
}

/// Wires of one layer's weights.
pub struct LayerCells {
    weights: Vec<Cell>,
    biases: Vec<Cell>,
}

fn wire<CS: ConstraintSystem<F>>(cs: CS, value: F) -> Result<AllocatedNum<F>, SynthesisError> {
    AllocatedNum::alloc(cs, || Ok(value))
}

/// `Σ 2^j·bit_j`, and the highest bit, for the low `n` bits of a number.
fn bits<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    value: i64,
    n: u32,
) -> Result<(LinearCombination<F>, AllocatedBit), SynthesisError> {
    let mut sum = LinearCombination::zero();
    let mut power = F::ONE;
    let mut highest = None;
    for j in 0..n {
        let bit = AllocatedBit::alloc(
            cs.namespace(|| format!("bit {j}")),
            Some(value >> j & 1 == 1),
        )?;
        sum = sum + (power, bit.get_variable());
        power = power.double();
        highest = Some(bit);
    }
    let none = || SynthesisError::Unsatisfiable("no bits".to_owned());
    Ok((sum, highest.ok_or_else(none)?))
}

/// A new wire, constrained to signed `B`-bit integers.
///
/// # Errors
/// Those of the constraint system.
pub fn signed<CS: ConstraintSystem<F>>(cs: &mut CS, value: i32) -> Result<Cell, SynthesisError> {
    let value = i64::from(value);
    let wire = wire(cs.namespace(|| "value"), field_from_i64(value))?;
    let (sum, _) = bits(cs, value + HALF, DIGIT_BITS)?;
    cs.enforce(
        || "range",
        |_| sum,
        |lc| lc + CS::one(),
        |lc| lc + wire.get_variable() + (field_from_i64(HALF), CS::one()),
    );
    Ok(Cell { wire, value })
}

/// New wires, constrained to signed `B`-bit integers.
///
/// # Errors
/// Those of the constraint system.
pub fn all_signed<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    values: &[i32],
) -> Result<Vec<Cell>, SynthesisError> {
    let cell = |(i, v): (usize, &i32)| signed(&mut cs.namespace(|| format!("{name} {i}")), *v);
    values.iter().enumerate().map(cell).collect()
}

impl LayerCells {
    /// Wires for a layer's weights.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn new<CS: ConstraintSystem<F>>(
        cs: &mut CS,
        layer: &Layer,
    ) -> Result<Self, SynthesisError> {
        Ok(Self {
            weights: all_signed(cs, "weight", &layer.weights)?,
            biases: all_signed(cs, "bias", &layer.biases)?,
        })
    }

    /// The digest of these weights after the digest of the layers before them.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn digest<CS: ConstraintSystem<F>>(
        &self,
        cs: &mut CS,
        before: &Num<F>,
    ) -> Result<Num<F>, SynthesisError> {
        let cells: Vec<&Cell> = self.weights.iter().chain(&self.biases).collect();
        hash_words_gadget(cs, before, &packed::<CS>(&cells))
    }
}

/// [`LayerCells::digest`] in the field.
#[must_use]
pub fn layer_digest(before: F, layer: &Layer) -> F {
    let values: Vec<i32> = layer.weights.iter().chain(&layer.biases).copied().collect();
    hash_words(before, &pack(&values))
}

/// The digest of activations.
///
/// # Errors
/// Those of the constraint system.
pub fn digest_gadget<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    cells: &[Cell],
) -> Result<Num<F>, SynthesisError> {
    let cells: Vec<&Cell> = cells.iter().collect();
    hash_words_gadget(cs, &Num::zero(), &packed::<CS>(&cells))
}

/// [`digest_gadget`] in the field.
#[must_use]
pub fn digest(values: &[i32]) -> F {
    hash_words(F::ZERO, &pack(values))
}

/// Values, made non-negative, as digits of field elements.
fn pack(values: &[i32]) -> Vec<F> {
    let element = |digits: &[i32]| {
        digits.iter().rev().fold(F::ZERO, |sum, v| {
            sum * F::from(1 << DIGIT_BITS) + field_from_i64(i64::from(*v) + HALF)
        })
    };
    values.chunks(PACKED).map(element).collect()
}

fn packed<CS: ConstraintSystem<F>>(cells: &[&Cell]) -> Vec<Num<F>> {
    let element = |digits: &[&Cell]| {
        let mut power = F::ONE;
        let mut halves = F::ZERO;
        let mut sum: Num<F> = Num::zero();
        for digit in digits {
            sum = sum.add(&Num::from(digit.wire.clone()).scale(power));
            halves += power * field_from_i64(HALF);
            power *= F::from(1 << DIGIT_BITS);
        }
        sum.add_bool_with_coeff(CS::one(), &Boolean::Constant(true), halves)
    };
    cells.chunks(PACKED).map(element).collect()
}

/// What a layer gives. Inputs must be small enough that no pre-activation wraps around the field, as range-checked ones are.
///
/// # Errors
/// Those of the constraint system; lengths that are not the shape's.
pub fn layer<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: Shape,
    cells: &LayerCells,
    input: &[Cell],
) -> Result<Vec<Cell>, SynthesisError> {
    let output = |o| {
        output(
            &mut cs.namespace(|| format!("output {o}")),
            shape,
            cells,
            input,
            o,
        )
    };
    (0..shape.cells()).map(output).collect()
}

fn output<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    shape: Shape,
    cells: &LayerCells,
    input: &[Cell],
    o: usize,
) -> Result<Cell, SynthesisError> {
    fn at(cells: &[Cell], i: usize) -> Result<&Cell, SynthesisError> {
        let short = || SynthesisError::IncompatibleLengthVector("a layer's tensors".to_owned());
        cells.get(i).ok_or_else(short)
    }
    let multiplier = field_from_i64(shape.multiplier());
    let bias = at(&cells.biases, shape.bias(o))?;
    let mut z =
        LinearCombination::zero() + (field_from_i64(BIAS_MULTIPLIER), bias.wire.get_variable());
    let mut value = BIAS_MULTIPLIER * bias.value;
    for (i, (a, w)) in shape.taps(o).enumerate() {
        let (a, w) = (at(input, a)?, at(&cells.weights, w)?);
        let product = a.value * w.value;
        let variable = wire(
            cs.namespace(|| format!("product {i}")),
            field_from_i64(product),
        )?;
        cs.enforce(
            || format!("multiply {i}"),
            |lc| lc + a.wire.get_variable(),
            |lc| lc + w.wire.get_variable(),
            |lc| lc + variable.get_variable(),
        );
        z = z + (multiplier, variable.get_variable());
        value += shape.multiplier() * product;
    }
    requantize(cs, z, value)
}

/// `Y = max(P, 0)` with `Z + 2^(2B-1) = 2^(2B)·P + R`.
fn requantize<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    z: LinearCombination<F>,
    value: i64,
) -> Result<Cell, SynthesisError> {
    let p = quotient(value);
    let half = BIAS_MULTIPLIER / 2;
    let (r, _) = bits(
        &mut cs.namespace(|| "remainder"),
        value + half - BIAS_MULTIPLIER * p,
        2 * DIGIT_BITS,
    )?;
    let (raised, positive) = bits(&mut cs.namespace(|| "quotient"), p + HALF, DIGIT_BITS)?;
    let quotient = raised - (field_from_i64(HALF), CS::one());
    let unit = field_from_i64(BIAS_MULTIPLIER);
    cs.enforce(
        || "division",
        |_| r + (unit, &quotient),
        |lc| lc + CS::one(),
        |_| z + (field_from_i64(half), CS::one()),
    );
    let y = p.max(0);
    let wire = wire(cs.namespace(|| "relu"), field_from_i64(y))?;
    cs.enforce(
        || "activation",
        |lc| lc + positive.get_variable(),
        |_| quotient,
        |lc| lc + wire.get_variable(),
    );
    Ok(Cell { wire, value: y })
}

/// Demands that a linear combination is a wire.
///
/// # Errors
/// Those of the constraint system.
pub fn equal<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    sum: &Num<F>,
    wire: &AllocatedNum<F>,
) {
    cs.enforce(
        || name,
        |_| sum.lc(F::ONE),
        |lc| lc + CS::one(),
        |lc| lc + wire.get_variable(),
    );
}

/// A new wire for a linear combination.
///
/// # Errors
/// Those of the constraint system.
pub fn materialize<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    sum: &Num<F>,
) -> Result<AllocatedNum<F>, SynthesisError> {
    let value = || sum.get_value().ok_or(SynthesisError::AssignmentMissing);
    let wire = AllocatedNum::alloc(cs.namespace(|| name), value)?;
    equal(cs, &format!("{name} equals"), sum, &wire);
    Ok(wire)
}
