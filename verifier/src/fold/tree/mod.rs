//! Committed steps (PROTOCOL.md §5): messages are committed, challenges follow from the commitments, and one linear equation with
//! public words says that all three sumchecks end well; the steps that prove it are folded in a tree.

mod layout;
mod words;

use pleat_nova_circuits::cycle::{EncodedPoint, F, FIELD_BYTES, POINT_BYTES, Point};
use pleat_nova_circuits::ipa::{Argument, Claim};
use pleat_nova_circuits::tree::fold::{self, StepInstance};
use pleat_nova_circuits::tree::step::{BITS, SEGMENTS, Segment, Words};
use pleat_nova_circuits::tree::{Check, FoldProof, Key, LastProof, MaskInstance};

use crate::encoding::{Reader, Writer};
use crate::error::VerifyError;
use crate::messages;
use crate::model::VerificationModel;
use crate::network::{Network, Rounds};
use crate::pcs::{self, OpeningKey};
use crate::points::{Challenges, Points};
use crate::transcript::FractionsFixed;

pub use layout::Layout;
pub use words::{Equation, Statement, Weights};

/// Commitments to a proof's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitments {
    /// `Z_i`: claims `s, c, d`, for every step that has slots.
    pub claims: Vec<EncodedPoint>,
    /// CONTRACT's rounds.
    pub contract: Vec<EncodedPoint>,
    /// `A_i`: claims `a, b`, as `Z_i`.
    pub products: Vec<EncodedPoint>,
    /// LOOKUP's rounds.
    pub lookup: Vec<EncodedPoint>,
    /// The nine evaluations at `u`.
    pub evaluations: EncodedPoint,
    /// OPEN's rounds.
    pub open: Vec<EncodedPoint>,
}

/// The mode's part of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// Commitments to what the equation is about.
    pub commitments: Commitments,
    /// That the equation holds.
    pub fold: FoldProof,
}

/// Points and field elements of the mode's part, the last proof included.
fn elements(layout: &Layout) -> usize {
    let steps = layout.steps();
    let messages = layout
        .rounds()
        .total()
        .saturating_add(layout.slot_steps().saturating_mul(2))
        .saturating_add(1);
    // Shares and products, cross terms; the shares' blind.
    let folding = steps.saturating_mul(3).saturating_add(1);
    const MASK: usize = SEGMENTS + 1;
    const ROOT_BITS: usize = BITS + 1;
    // Rounds of both sumchecks, their five values, a blind, the argument.
    const LAST: usize = 3 * BITS + 2 * ROOT_BITS + 5 + 1 + 2 * ROOT_BITS + 1;
    messages
        .saturating_add(folding)
        .saturating_add(MASK)
        .saturating_add(LAST)
}

/// Length of the mode's part of a proof about `network`.
pub fn bytes(network: &Network) -> usize {
    const { assert!(POINT_BYTES == FIELD_BYTES) };
    elements(&Layout::new(network)).saturating_mul(FIELD_BYTES)
}

impl Messages {
    /// The messages that precede the columns' values.
    pub(crate) fn write_first(&self, out: &mut Writer) {
        let Commitments {
            claims,
            contract,
            products,
            lookup,
            evaluations,
            open,
        } = &self.commitments;
        let parts = [
            claims,
            contract,
            products,
            lookup,
            &vec![*evaluations],
            open,
        ];
        for point in parts.into_iter().flatten() {
            out.bytes(point.bytes());
        }
    }

    /// Those that follow the opening.
    pub(crate) fn write_last(&self, out: &mut Writer) {
        let FoldProof {
            shares,
            blind,
            mask,
            cross,
            last,
        } = &self.fold;
        let shares = shares.iter().flatten();
        for point in shares {
            out.bytes(point.bytes());
        }
        out.fields(&[*blind]);
        let MaskInstance { segments, error } = mask;
        for point in segments.iter().chain([error]).chain(cross) {
            out.bytes(point.bytes());
        }
        let LastProof {
            outer,
            at_x,
            inner,
            at_y,
            blind,
            argument,
        } = last;
        out.fields(outer.as_flattened());
        out.fields(at_x);
        out.fields(inner.as_flattened());
        out.fields(&[*at_y, *blind]);
        for point in argument.left.iter().chain(&argument.right) {
            out.bytes(EncodedPoint::from_point(*point).bytes());
        }
        out.fields(&[argument.scalar]);
    }
}

/// Reads what [`Messages::write_first`] wrote.
pub(crate) fn read_first(
    input: &mut Reader<'_>,
    network: &Network,
) -> Result<Commitments, VerifyError> {
    let layout = Layout::new(network);
    let Rounds {
        contract,
        lookup,
        open,
    } = layout.rounds();
    Ok(Commitments {
        claims: input.points(layout.slot_steps())?,
        contract: input.points(contract)?,
        products: input.points(layout.slot_steps())?,
        lookup: input.points(lookup)?,
        evaluations: input.point()?,
        open: input.points(open)?,
    })
}

/// Reads what [`Messages::write_last`] wrote.
pub(crate) fn read_last(
    input: &mut Reader<'_>,
    network: &Network,
    commitments: Commitments,
) -> Result<Messages, VerifyError> {
    let steps = Layout::new(network).steps();
    let mut shares = Vec::with_capacity(steps);
    for _ in 0..steps {
        shares.push([input.point()?, input.point()?]);
    }
    let blind = input.field()?;
    let first = input.point()?;
    let mut segments = [first; SEGMENTS];
    for segment in segments.iter_mut().skip(1) {
        *segment = input.point()?;
    }
    let mask = MaskInstance {
        segments,
        error: input.point()?,
    };
    let cross = input.points(steps)?;
    let mut last = LastProof {
        outer: [[F::zero(); 3]; BITS],
        at_x: [F::zero(); 4],
        inner: [[F::zero(); 2]; BITS + 1],
        at_y: F::zero(),
        blind: F::zero(),
        argument: Argument {
            left: Vec::new(),
            right: Vec::new(),
            scalar: F::zero(),
        },
    };
    for message in &mut last.outer {
        *message = input.field_array()?;
    }
    last.at_x = input.field_array()?;
    for message in &mut last.inner {
        *message = input.field_array()?;
    }
    [last.at_y, last.blind] = input.field_array()?;
    last.argument = read_argument(input)?;
    let fold = FoldProof {
        shares,
        blind,
        mask,
        cross,
        last,
    };
    Ok(Messages { commitments, fold })
}

fn read_argument(input: &mut Reader<'_>) -> Result<Argument<Point>, VerifyError> {
    const ROUNDS: usize = BITS + 1;
    let mut points = |n: usize| -> Result<Vec<Point>, VerifyError> {
        let points = input.points(n)?;
        Ok(points.iter().map(|p| *p.point()).collect())
    };
    Ok(Argument {
        left: points(ROUNDS)?,
        right: points(ROUNDS)?,
        scalar: input.field()?,
    })
}

impl Commitments {
    /// Steps with the commitments to their messages, under these words.
    fn steps(&self, layout: &Layout, words: &[Words]) -> Vec<StepInstance> {
        let rounds: Vec<EncodedPoint> = [&self.contract, &self.lookup, &self.open]
            .into_iter()
            .flatten()
            .copied()
            .collect();
        let step = |(i, words): (usize, &Words)| {
            let mut messages = [None; SEGMENTS];
            for (place, segment) in messages.iter_mut().zip(Segment::all()) {
                if !layout.has(i, segment) {
                    continue;
                }
                *place = match segment {
                    Segment::Z => self.claims.get(i).copied(),
                    Segment::A => self.products.get(i).copied(),
                    Segment::R(round) => {
                        let own = i.saturating_mul(pleat_nova_circuits::tree::step::ROUNDS);
                        rounds.get(own.saturating_add(round)).copied()
                    }
                    Segment::E => Some(self.evaluations),
                    Segment::D | Segment::V => None,
                };
            }
            StepInstance {
                messages,
                words: words.flatten(),
            }
        };
        words.iter().enumerate().map(step).collect()
    }
}

/// Checks the mode's part, and the columns' opening.
///
/// # Errors
/// The check that refuses it.
pub fn verify(
    opening: &OpeningKey,
    model: &VerificationModel,
    proof: &messages::Messages,
    messages: &Messages,
    fixed: (FractionsFixed, Challenges),
) -> Result<(), VerifyError> {
    let Claims { folding, columns } = claims(opening, model, proof, messages, fixed);
    // Neither needs the other.
    let (folded, opened) = rayon::join(
        || folding.map(|claim| claim.holds(&Key::embedded().bases())),
        || columns.map(|claim| claim.holds(&opening.bases())),
    );
    if !folded? {
        return Err(VerifyError::Steps(Check::Opening));
    }
    if opened? {
        Ok(())
    } else {
        Err(VerifyError::Opening)
    }
}

/// What a proof comes to once all is checked but the two arguments' multiplications.
#[derive(Debug)]
pub struct Claims {
    /// Of the steps, relative to [`Key::bases`].
    pub folding: Result<Claim<Point>, VerifyError>,
    /// Of the columns, relative to [`OpeningKey::bases`].
    pub columns: Result<Claim<Point>, VerifyError>,
}

/// All of [`verify`] but the multiplications.
pub fn claims(
    opening: &OpeningKey,
    model: &VerificationModel,
    proof: &messages::Messages,
    messages: &Messages,
    (fixed, challenges): (FractionsFixed, Challenges),
) -> Claims {
    let network = model.network();
    let layout = Layout::new(network);
    let own = &messages.commitments;
    let (mut rounds, sigma) = fixed.claims(&own.claims);
    let x = own.contract.iter().map(|m| rounds.round(m)).collect();
    rounds.products(&own.products);
    let u = own.lookup.iter().map(|m| rounds.round(m)).collect();
    let rho = rounds.evaluations(&own.evaluations);
    let z = own.open.iter().map(|m| rounds.round(m)).collect();
    let points = Points {
        slots: layout.schedule().slots,
        sigma,
        x,
        u,
        rho,
        z,
    };
    let (mut folding, eta, zeta) = rounds.values(&proof.values);
    // Neither needs the other.
    let (folding, columns) = rayon::join(
        || {
            let statement = Statement {
                network,
                challenges: &challenges,
                points: &points,
                public: &proof.public,
                values: &proof.values,
            };
            let Equation { words, total } = statement.equation(&Weights::powers(&zeta))?;
            let steps = own.steps(&layout, &words);
            let key = Key::embedded();
            Ok(fold::claim(
                key,
                &mut folding,
                &steps,
                &total,
                &messages.fold,
            )?)
        },
        || pcs::claim(opening, model, &proof.columns(&eta, &points.z)),
    );
    Claims { folding, columns }
}
