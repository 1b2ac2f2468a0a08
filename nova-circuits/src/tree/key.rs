//! The generators of steps: one for blinds, one for each variable, one for each constraint, under a label that is nobody
//! else's, and the inner-product argument's own.

use super::step::{PADDED, Segment, VARIABLES};
use crate::{
    cycle::{Affine, EncodedPoint, F, Point, generators, msm, point_from_affine},
    ipa::{Bases, inner_generator},
    points::Form,
};
use ff::Field;
use sha3::{Digest, Sha3_256};
use std::sync::{Arc, LazyLock};

/// Label of the generators.
pub const LABEL: &[u8] = b"pleat/steps/v1";

/// What [`Key::digest`] is: a change of shape or generators has to change this constant, knowingly.
pub const STEP_DIGEST: [u8; 32] = [
    176, 212, 127, 17, 66, 96, 240, 103, 95, 58, 164, 224, 2, 115, 67, 101, 117, 151, 180, 232, 67,
    245, 201, 226, 171, 36, 43, 106, 104, 23, 62, 87,
];

/// The generators as points by both coordinates, that of blinds first, the inner-product argument's own last: as written by
/// [`Key::to_bytes`], and equal to what is derived (tested).
const EMBEDDED: &[u8] = include_bytes!("generators.bin");

/// Generators of steps.
#[derive(Clone, Debug)]
pub struct Key {
    generators: Arc<Generators>,
}

#[derive(Debug, PartialEq, Eq)]
struct Generators {
    blind: Affine,
    /// One for each variable, then one for each constraint, both padded.
    vectors: Vec<Affine>,
    inner: Affine,
}

impl Generators {
    fn split(mut all: Vec<Affine>) -> Option<Self> {
        let inner = all.pop()?;
        let (blind, vectors) = all.split_first()?;
        (vectors.len() == 2 * PADDED).then(|| Self {
            blind: *blind,
            vectors: vectors.to_vec(),
            inner,
        })
    }

    fn derive() -> Option<Self> {
        let mut all = generators(LABEL, 2 * PADDED + 1);
        all.push(inner_generator::<Point>());
        Self::split(all)
    }
}

impl Key {
    /// The key, from the generators that are part of the program: a millisecond.
    #[must_use]
    pub fn new() -> Self {
        let embedded = Form::Coordinates.read::<Point>(EMBEDDED);
        let generators = embedded
            .and_then(Generators::split)
            .or_else(Generators::derive);
        #[expect(
            clippy::expect_used,
            reason = "the label derives as many as are asked for"
        )]
        let generators = generators.expect("as many generators as were derived");
        Self {
            generators: Arc::new(generators),
        }
    }

    /// [`Key::new`], once for all of the program.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static KEY: LazyLock<Key> = LazyLock::new(Key::new);
        &KEY
    }

    /// The key, derived from its labels: some 40 ms of one core.
    #[must_use]
    pub fn derive() -> Option<Self> {
        Some(Self {
            generators: Arc::new(Generators::derive()?),
        })
    }

    /// A key of these generators: that of blinds, one for each variable and for each constraint (both padded), the inner-product
    /// argument's own. *For tests*: whoever knows a relation between generators can forge. [`Key::digest`] is another than
    /// [`STEP_DIGEST`]. `None` if they are too many or too few.
    #[must_use]
    pub fn from_generators_unchecked(
        blind: Affine,
        vectors: Vec<Affine>,
        inner: Affine,
    ) -> Option<Self> {
        let generators = Generators {
            blind,
            vectors,
            inner,
        };
        (generators.vectors.len() == 2 * PADDED).then(|| Self {
            generators: Arc::new(generators),
        })
    }

    /// The bytes that are embedded.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Generators {
            blind,
            vectors,
            inner,
        } = &*self.generators;
        let all = [&[*blind], vectors.as_slice(), &[*inner]].concat();
        Form::Coordinates.write::<Point>(&all)
    }

    /// SHA3-256 of the constraints, the segments and the generators: what a proof's transcript begins with.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha3_256::new();
        let mut number = |n: usize| hash.update((n as u64).to_le_bytes());
        for constraint in super::step::constraints() {
            number(constraint.left);
            number(constraint.right);
            number(constraint.sum.start);
            number(constraint.sum.end);
        }
        for segment in super::step::Segment::all() {
            number(segment.range().start);
            number(segment.range().end);
        }
        hash.update(LABEL);
        hash.update(self.to_bytes());
        hash.finalize().into()
    }

    /// The generator of blinds.
    #[must_use]
    pub fn blind(&self) -> &Affine {
        &self.generators.blind
    }

    /// One for each variable, padded.
    #[must_use]
    pub fn variables(&self) -> &[Affine] {
        &self.generators.vectors[..PADDED]
    }

    /// One for each constraint, padded.
    #[must_use]
    pub fn errors(&self) -> &[Affine] {
        &self.generators.vectors[PADDED..]
    }

    /// All of the vector that the last argument is about.
    #[must_use]
    pub fn bases(&self) -> Bases<'_, Point> {
        Bases {
            generators: &self.generators.vectors,
            inner: &self.generators.inner,
        }
    }

    /// `Σ values_i·bases_i + blind·H`.
    pub(super) fn commit(&self, values: &[F], bases: &[Affine], blind: &F) -> Point {
        let mut scalars = vec![*blind];
        let mut points = vec![self.generators.blind];
        for (value, base) in values.iter().zip(bases) {
            if *value != F::ZERO {
                scalars.push(*value);
                points.push(*base);
            }
        }
        msm(&scalars, &points)
    }

    /// A commitment to some of a step's variables.
    #[must_use]
    pub fn commit_variables(&self, start: usize, values: &[F], blind: &F) -> Point {
        let own = self.variables().get(start..VARIABLES).unwrap_or_default();
        self.commit(values, own, blind)
    }

    /// A commitment to a segment of these variables, of which there are as many as a step has.
    #[must_use]
    pub fn commit_segment(&self, segment: Segment, variables: &[F], blind: &F) -> EncodedPoint {
        let range = segment.range();
        let own = &variables[range.clone()];
        EncodedPoint::from_point(self.commit_variables(range.start, own, blind))
    }

    /// A commitment to an error or cross term.
    #[must_use]
    pub fn commit_errors(&self, values: &[F], blind: &F) -> Point {
        self.commit(values, self.errors(), blind)
    }

    /// `value·G_i + blind·H`, for the variable `i`.
    pub(super) fn single(&self, variable: usize, value: &F, blind: &F) -> Point {
        let own = self.variables().get(variable).map(point_from_affine);
        let blinded = point_from_affine(&self.generators.blind) * blind;
        own.map_or(blinded, |g| g * value + blinded)
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_embedded_generators_are_the_derived_ones() {
        let derived = Key::derive().unwrap();
        assert!(
            derived.to_bytes() == EMBEDDED,
            "write them with the example `step_generators`"
        );
        assert_eq!(Key::new().generators, derived.generators);
    }

    #[test]
    fn keys_of_given_generators() {
        let Generators {
            blind,
            vectors,
            inner,
        } = &*Key::new().generators;
        let again = |vectors| Key::from_generators_unchecked(*blind, vectors, *inner);
        assert_eq!(
            again(vectors.clone()).unwrap().generators,
            Key::new().generators
        );
        let mut other = vectors.clone();
        other.swap(0, 1);
        assert_ne!(again(other.clone()).unwrap().digest(), STEP_DIGEST);
        other.pop();
        assert!(again(other).is_none());
    }

    #[test]
    fn the_digest_is_pinned() {
        assert_eq!(Key::new().digest(), STEP_DIGEST);
    }
}
