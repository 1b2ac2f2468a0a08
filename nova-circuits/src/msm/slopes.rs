//! Additions of points in vectors: one inversion serves all lanes of a list of vectors (Montgomery's trick).
//!
//! Coordinates are *settled* ([`Vector::part_less`]). Products are of the kind that leaves a sixteenth: those of denominators cancel those
//! of their inverses, up to one factor for the whole list.

use crate::vectors::inverted;
use pleat_lanes::{Element, Vector};

/// Additions of points that are different, not opposite and not neutral.
pub(super) trait Additions<B: Element, V: Vector<B::Modulus>> {
    /// How many vectors.
    fn count(&self) -> usize;

    /// Both points.
    fn points(&self, i: usize) -> [[V; 2]; 2];

    /// The slope's denominator; below `8p`.
    fn denominator(&self, i: usize) -> V;

    /// The slope's numerator; below `8p`.
    fn numerator(&self, i: usize) -> V;

    /// Takes the sum.
    fn set(&mut self, i: usize, sum: [V; 2]);
}

/// Products of the denominators before; denominators.
pub(super) type Products<V> = Vec<[V; 2]>;

/// Adds, unless a denominator is zero. The products are what it needs memory for.
#[must_use]
#[inline(always)]
pub(super) fn add<B: Element, V: Vector<B::Modulus>>(
    mut additions: impl Additions<B, V>,
    products: &mut Products<V>,
) -> bool {
    // Two chains of products, which the processor works on at once.
    let mut product = [V::splat(&B::ONE.limbs()); 2];
    products.clear();
    let count = additions.count();
    if count == 0 {
        return true;
    }
    for i in 0..count {
        let denominator = additions.denominator(i);
        products.push([product[i % 2], denominator]);
        product[i % 2] = product[i % 2].part(denominator);
    }
    let both = product[0].mul(product[1]).reduced();
    if both.equal(V::splat(&[0; 4])) != 0 {
        return false;
    }
    // The factor makes slopes, which would be sixteenths, quadruples: of their squares a sixteenth is wanted.
    let inverse = inverted::<B, V>(both).mul(V::splat(&B::from(64).limbs()));
    let mut inverse = [inverse.mul(product[1]), inverse.mul(product[0])];
    if count % 2 == 1 {
        add_at::<B, V, 1>(&mut additions, products, count - 1, &mut inverse);
    }
    for pair in (0..count / 2).rev() {
        add_at::<B, V, 2>(&mut additions, products, 2 * pair, &mut inverse);
    }
    true
}

/// `N` additions from one of even number on, step by step together: what is independent keeps the processor busy.
#[inline(always)]
fn add_at<B: Element, V: Vector<B::Modulus>, const N: usize>(
    additions: &mut impl Additions<B, V>,
    products: &Products<V>,
    start: usize,
    inverse: &mut [V; 2],
) {
    let mut slope = [inverse[0]; N];
    for (i, (slope, inverse)) in slope.iter_mut().zip(inverse).enumerate() {
        let [product, denominator] = products[start + i];
        *slope = inverse.part(product);
        *inverse = inverse.part(denominator);
    }
    for (i, slope) in slope.iter_mut().enumerate() {
        *slope = slope.part(additions.numerator(start + i));
    }
    let mut sum_x = slope;
    for (i, sum) in sum_x.iter_mut().enumerate() {
        let [[x, _], [right_x, _]] = additions.points(start + i);
        *sum = sum.square_part_less([x, right_x]);
    }
    for (i, (slope, sum_x)) in slope.into_iter().zip(sum_x).enumerate() {
        let [[x, y], _] = additions.points(start + i);
        let sum_y = slope.part_less(x.minus_by_four(sum_x), [y]);
        additions.set(start + i, [sum_x, sum_y]);
    }
}
