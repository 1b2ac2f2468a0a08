//! Affine points by their coordinates.

use pleat_lanes::{Element, Limbs, limbs_of, limbs_of_mut};

/// An affine point; `(0, 0)` is the neutral element. As the order is odd, no other point has `y = 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Xy<B> {
    /// Abscissa.
    pub x: B,
    /// Ordinate.
    pub y: B,
}

impl<B: Element> Xy<B> {
    pub(crate) const NEUTRAL: Self = Self {
        x: B::ZERO,
        y: B::ZERO,
    };

    #[inline(always)]
    pub(super) fn is_neutral(&self) -> bool {
        self.y == B::ZERO
    }

    #[inline(always)]
    pub(super) fn negated_if(self, negative: bool) -> Self {
        // No branch: signs are random.
        let (own, other) = (self.y.limbs(), (-self.y).limbs());
        let mask = u64::from(negative).wrapping_neg();
        let limb = |i: usize| own[i] ^ (own[i] ^ other[i]) & mask;
        let y = B::from_limbs(core::array::from_fn(limb));
        Self { x: self.x, y }
    }
}

/// Coordinates side by side, in one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Line<B>([B; 2]);

impl<B: Element> Line<B> {
    pub(super) const NEUTRAL: Self = Self([B::ZERO; 2]);

    #[inline(always)]
    pub(super) fn is_neutral(&self) -> bool {
        self.point().is_neutral()
    }

    #[inline(always)]
    pub(super) const fn point(&self) -> Xy<B> {
        let [x, y] = self.0;
        Xy { x, y }
    }

    #[inline(always)]
    pub(super) const fn limbs(&self) -> &[Limbs] {
        limbs_of(&self.0)
    }

    #[inline(always)]
    pub(super) const fn limbs_mut(&mut self) -> &mut [Limbs] {
        limbs_of_mut(&mut self.0)
    }
}

impl<B> From<Xy<B>> for Line<B> {
    fn from(point: Xy<B>) -> Self {
        Self([point.x, point.y])
    }
}
