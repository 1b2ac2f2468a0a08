//! Lists of points as bytes: compressed, which is small, or by both coordinates, which is quick to read. Every form has one
//! reading, and what is read is on the curve.

use crate::generators::Roots;
use crate::msm::{EndoGroup, Xy};
use ff::{Field, PrimeField};
use rayon::prelude::*;

/// How points are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The abscissa, and the ordinate's parity in its highest bit, as [`crate::cycle::point_to_bytes`] has it.
    Compressed,
    /// Abscissa and ordinate.
    Coordinates,
}

/// Length of a coordinate.
const COORDINATE: usize = 32;
/// Points that one thread handles at a time.
const CHUNK: usize = 1 << 8;

impl Form {
    const ALL: [Self; 2] = [Self::Compressed, Self::Coordinates];

    /// Length of a point.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Compressed => COORDINATE,
            Self::Coordinates => 2 * COORDINATE,
        }
    }

    /// The points one after the other; none may be the neutral element.
    #[must_use]
    pub fn write<G: EndoGroup>(self, points: &[G::AffineGroupElement]) -> Vec<u8> {
        let chunk = |points: &[G::AffineGroupElement]| {
            let mut bytes = Vec::with_capacity(points.len() * self.bytes());
            for point in points {
                let Xy { x, y } = G::coordinates(point);
                bytes.extend_from_slice(x.to_repr().as_ref());
                match self {
                    Self::Coordinates => bytes.extend_from_slice(y.to_repr().as_ref()),
                    Self::Compressed => {
                        if let Some(last) = bytes.last_mut() {
                            *last |= u8::from(bool::from(y.is_odd())) << 7;
                        }
                    }
                }
            }
            bytes
        };
        let chunks: Vec<Vec<u8>> = points.par_chunks(CHUNK).map(chunk).collect();
        chunks.concat()
    }

    /// The points of these bytes; `None` unless they are what [`Form::write`] writes.
    #[must_use]
    pub fn read<G: EndoGroup>(self, bytes: &[u8]) -> Option<Vec<G::AffineGroupElement>> {
        let curve = Curve::<G>::new(self);
        if !bytes.len().is_multiple_of(self.bytes()) {
            return None;
        }
        bytes
            .par_chunks_exact(self.bytes())
            .with_min_len(CHUNK)
            .map(|bytes| curve.read(bytes))
            .collect()
    }

    /// A form, the number of points, the points.
    pub(crate) fn write_list<G: EndoGroup>(
        self,
        points: &[G::AffineGroupElement],
        bytes: &mut Vec<u8>,
    ) {
        bytes.push(self as u8);
        bytes.extend_from_slice(&(points.len() as u32).to_le_bytes());
        bytes.extend(self.write::<G>(points));
    }

    /// Reads what [`Form::write_list`] wrote.
    pub(crate) fn read_list<G: EndoGroup>(bytes: &mut &[u8]) -> Option<Vec<G::AffineGroupElement>> {
        let (form, rest) = bytes.split_first()?;
        let form = *Self::ALL.get(usize::from(*form))?;
        let (count, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (points, rest) = rest.split_at_checked(length.checked_mul(form.bytes())?)?;
        *bytes = rest;
        form.read::<G>(points)
    }
}

/// What reading points of one form needs.
pub(crate) struct Curve<G: EndoGroup> {
    /// `y² = x³ + b`.
    b: G::Base,
    /// For compressed points.
    roots: Option<Roots<G::Base>>,
}

impl<G: EndoGroup> Curve<G> {
    pub(crate) fn new(form: Form) -> Self {
        let (_, b, ..) = G::group_params();
        Self {
            b,
            roots: (form == Form::Compressed).then(Roots::new),
        }
    }

    /// A point of the form, which is not the neutral element.
    pub(crate) fn read(&self, bytes: &[u8]) -> Option<G::AffineGroupElement> {
        let mut x: [u8; COORDINATE] = *bytes.first_chunk()?;
        let odd = x.last().copied()? >> 7 == 1;
        if self.roots.is_some()
            && let Some(last) = x.last_mut()
        {
            *last &= 0x7f;
        }
        let x = coordinate::<G::Base>(&x)?;
        let square = x.square() * x + self.b;
        let y = match &self.roots {
            None => {
                let y = coordinate::<G::Base>(bytes.last_chunk()?)?;
                (y.square() == square).then_some(y)?
            }
            Some(roots) => {
                let y = roots.root(&square)?;
                if bool::from(y.is_odd()) == odd { y } else { -y }
            }
        };
        // Only the neutral element has this ordinate.
        (y != G::Base::ZERO).then(|| G::from_coordinates(Xy { x, y }))
    }
}

fn coordinate<B: PrimeField>(bytes: &[u8; COORDINATE]) -> Option<B> {
    let mut repr = B::Repr::default();
    if repr.as_ref().len() != COORDINATE {
        return None;
    }
    repr.as_mut().copy_from_slice(bytes);
    B::from_repr(repr).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;
    use crate::cycle::{Point, generators, point_from_affine, point_to_bytes};

    #[test]
    fn points_have_one_form_each() {
        let points = generators(b"test", 300);
        let compressed: Vec<u8> = points
            .iter()
            .flat_map(|p| point_to_bytes(&point_from_affine(p)))
            .collect();
        assert_eq!(Form::Compressed.write::<Point>(&points), compressed);
        for form in Form::ALL {
            let bytes = form.write::<Point>(&points);
            assert_eq!(form.read::<Point>(&bytes).unwrap(), points);
            assert_eq!(form.read::<Point>(&bytes[1..]), None);
            let mut list = Vec::new();
            form.write_list::<Point>(&points, &mut list);
            let mut rest = list.as_slice();
            assert_eq!(Form::read_list::<Point>(&mut rest).unwrap(), points);
            assert_eq!(rest, []);
            for end in [0, 4, list.len() - 1] {
                assert_eq!(Form::read_list::<Point>(&mut &list[..end]), None);
            }
        }
    }

    #[test]
    fn what_is_no_point_is_refused() {
        let points = generators(b"test", 1);
        let bytes = Form::Coordinates.write::<Point>(&points);
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert_eq!(Form::Coordinates.read::<Point>(&changed), None, "byte {i}");
        }
        assert_eq!(Form::Coordinates.read::<Point>(&[0; 64]), None);
        assert_eq!(Form::Compressed.read::<Point>(&[0x7f; 32]), None);
        // The same ordinate with the other sign is another point.
        let mut negative = Form::Compressed.write::<Point>(&points);
        negative[31] ^= 0x80;
        assert_ne!(Form::Compressed.read::<Point>(&negative), Some(points));
    }
}
