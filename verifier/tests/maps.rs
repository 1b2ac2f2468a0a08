//! Maps and multilinear helpers against their definitions, on random shapes: what a map does to integers, how it pulls a
//! point back, and its multilinear extension have to agree.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

use ff::Field;
use pleat_nova_circuits::cycle::F;
use pleat_verifier::coordinates::Coordinates;
use pleat_verifier::descriptor::{
    Axis, AxisId, AxisMap, IndexPort, IndexRole, Indices, Inner, Stride,
};
use pleat_verifier::mle::{
    bits, eq, eq_index, eq_prefix_sum, eq_table, indicator, inner_product, zeros_at,
};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn point(n: usize, seed: u64) -> Vec<F> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (0..n).map(|_| F::random(&mut rng)).collect()
}

fn axis(id: u16, len: usize) -> Axis {
    Axis {
        id: AxisId(id),
        len,
    }
}

/// Index axes of a node and a map of some of them.
#[derive(Clone, Debug)]
struct Case {
    axes: Vec<Axis>,
    map: AxisMap,
    /// What a gather gathers by.
    indices: Indices,
}

fn affine() -> impl Strategy<Value = AxisMap> {
    let index = prop::collection::vec((0..3_u16, -3..=3_i64), 0..=2);
    let inner = prop::collection::vec((1..4_usize, -2..=3_i64), 0..=2);
    (1..20_usize, -6..=6_i64, index, inner).prop_map(|(source, offset, index, inner)| {
        let mut strides: Vec<Stride> = Vec::new();
        for (id, stride) in index {
            // An axis is read once.
            if strides.iter().all(|s| s.axis.0 != id) {
                strides.push(Stride {
                    axis: AxisId(id),
                    stride,
                });
            }
        }
        AxisMap::Affine {
            source,
            offset,
            index: strides,
            inner: (inner.into_iter())
                .map(|(len, stride)| Inner { len, stride })
                .collect(),
        }
    })
}

/// The maps that layers use: identity, slice, a convolution's window, pooling, sum, one position, repeat.
fn named() -> impl Strategy<Value = AxisMap> {
    let (p, u) = (AxisId(0), AxisId(1));
    let stride = |axis, stride| Stride { axis, stride };
    prop_oneof![
        (1..20_usize).prop_map(move |n| AxisMap::identity(n, p)),
        (1..20_usize, -3..=5_i64, 1..4_i64).prop_map(move |(n, o, s)| AxisMap::slice(n, p, o, s)),
        (1..20_usize, 1..4_i64, 1..4_i64, 0..4_i64)
            .prop_map(move |(n, s, d, pad)| AxisMap::window(n, stride(p, s), stride(u, d), pad)),
        (1..20_usize, 1..4_i64, 1..4_usize, 0..3_i64).prop_map(move |(n, s, len, pad)| {
            AxisMap::Affine {
                source: n,
                offset: -pad,
                index: vec![stride(p, s)],
                inner: vec![Inner { len, stride: 1 }],
            }
        }),
        (1..20_usize).prop_map(AxisMap::total),
        (1..20_usize, 0..20_i64).prop_map(|(n, j)| AxisMap::fixed(n, j)),
        (1..20_usize, 1..5_usize).prop_map(move |(source, factor)| AxisMap::Repeat {
            source,
            axis: p,
            factor,
        }),
        (1..20_usize, prop::sample::subsequence(vec![0, 1, 2], 0..=2)).prop_map(
            |(source, axes)| {
                AxisMap::Gather {
                    source,
                    port: 0,
                    index: axes.into_iter().map(AxisId).collect(),
                }
            }
        ),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let lens = prop::array::uniform3(1..9_usize);
    let values = prop::collection::vec(any::<u32>(), 64);
    (lens, prop_oneof![affine(), named()], any::<bool>(), values).prop_map(
        |(lens, map, fit, values)| {
            let mut axes: Vec<Axis> = (0..3).zip(lens).map(|(id, len)| axis(id, len)).collect();
            // The identity has a closed form where the lengths agree; both ways have to be tried.
            if fit {
                axes[0].len = map.source();
            }
            let read = map.axes().into_iter();
            let port = IndexPort {
                name: "k".to_owned(),
                shape: read.map(|id| axes[usize::from(id.0)].len).collect(),
                len: map.source(),
                role: IndexRole::Given,
            };
            let values = values.iter().cycle().take(port.elements());
            let values = values.map(|v| v % u32::try_from(port.len).unwrap());
            let values = vec![values.collect()];
            let indices = Indices::new(&[port], values);
            Case { axes, map, indices }
        },
    )
}

impl Case {
    fn len(&self, id: AxisId) -> usize {
        self.axes.iter().find(|a| a.id == id).unwrap().len
    }

    /// Every index of the map's axes inside its true length.
    fn indices(&self) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new()];
        for id in self.map.axes() {
            let extend = |i: &Vec<usize>| -> Vec<Vec<usize>> {
                (0..self.len(id))
                    .map(|k| [i.as_slice(), &[k]].concat())
                    .collect()
            };
            all = all.iter().flat_map(extend).collect();
        }
        all
    }
}

/// `j = offset + Σ stride·index + Σ stride·inner` or `⌊i/factor⌋`, by loops over everything.
fn positions(map: &AxisMap, index: &[usize], indices: &Indices) -> Vec<usize> {
    let mut found = Vec::new();
    match map {
        AxisMap::Affine {
            source,
            offset,
            index: strides,
            inner,
        } => {
            let steps: usize = inner.iter().map(|a| a.len).product();
            for flat in 0..steps {
                let mut j = *offset;
                for (s, i) in strides.iter().zip(index) {
                    j += s.stride * *i as i64;
                }
                let mut rest = flat;
                for a in inner {
                    j += a.stride * (rest % a.len) as i64;
                    rest /= a.len;
                }
                if (0..*source as i64).contains(&j) {
                    found.push(j as usize);
                }
            }
        }
        AxisMap::Repeat { source, factor, .. } => {
            let j = index[0] / factor;
            found.extend((j < *source).then_some(j));
        }
        AxisMap::Gather { source, port, .. } => {
            let j = indices.at(*port, index).unwrap();
            found.extend((j < *source).then_some(j));
        }
    }
    found.sort_unstable();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn apply_pull_back_and_extension_agree(case in case(), seed in any::<u64>()) {
        let n: usize = case.axes.iter().map(|a| bits(a.len)).sum();
        let p = point(n, seed);
        let coordinates = Coordinates::split(&case.axes, &p);
        let source = case.map.source();
        let z = point(bits(source), seed ^ 1);

        let mut pulled = vec![F::ZERO; source];
        for index in case.indices() {
            let mut applied = case.map.positions(&index, &case.indices);
            applied.sort_unstable();
            prop_assert_eq!(&applied, &positions(&case.map, &index, &case.indices));
            let weight = case.map.axes().iter().zip(&index)
                .map(|(id, i)| eq_index(coordinates.of(*id), *i))
                .fold(F::ONE, |product, e| product * e);
            for j in applied {
                pulled[j] += weight;
            }
        }
        prop_assert_eq!(&case.map.pull_back(&coordinates, &case.indices), &pulled);
        let extension = pulled.iter().enumerate()
            .fold(F::ZERO, |sum, (j, v)| sum + *v * eq_index(&z, j));
        prop_assert_eq!(case.map.mle(&coordinates, &z, &case.indices), extension);

        let visits: usize = case.map.axes().iter().map(|id| case.len(*id)).product();
        let inner: usize = match &case.map {
            AxisMap::Affine { inner, .. } => inner.iter().map(|a| a.len).product(),
            AxisMap::Repeat { .. } | AxisMap::Gather { .. } => 1,
        };
        let identity = case.map.axes().first().is_some_and(|a| case.map.is_identity(case.len(*a)));
        let work = if identity { bits(case.map.source()) } else { (visits * inner).max(case.map.source()) };
        prop_assert_eq!(case.map.work(&|id| case.len(id)), Some(work));
    }

    #[test]
    fn helpers_agree_with_tables(n in 0..7_usize, seed in any::<u64>()) {
        let (a, b) = (point(n, seed), point(n, seed ^ 1));
        let (table_a, table_b) = (eq_table(&a), eq_table(&b));
        prop_assert_eq!(table_a.len(), 1 << n);
        for (i, e) in table_a.iter().enumerate() {
            let bit = |j: usize| if i >> j & 1 == 1 { F::ONE } else { F::ZERO };
            let corner: Vec<F> = (0..n).map(bit).collect();
            prop_assert_eq!(eq_index(&a, i), *e);
            prop_assert_eq!(eq(&a, &corner), *e);
        }
        prop_assert_eq!(eq_index(&a, 1 << n), F::ZERO);
        prop_assert_eq!(eq_index(&a, usize::MAX), if n == 64 { F::ONE } else { F::ZERO });
        prop_assert_eq!(zeros_at(&a), table_a[0]);
        prop_assert_eq!(eq(&a, &b), inner_product(&table_a, &table_b));
        for len in 0..=1 << n {
            let sum = table_a[..len].iter().fold(F::ZERO, |s, v| s + v);
            prop_assert_eq!(indicator(len, &a), sum);
            prop_assert_eq!(eq_prefix_sum(&a, &b, len), inner_product(&table_a[..len], &table_b));
        }
        prop_assert_eq!(indicator(usize::MAX, &a), F::ONE);
    }

    #[test]
    fn points_are_split_by_axis(lens in prop::collection::vec(1..9_usize, 0..4), seed in any::<u64>()) {
        let axes: Vec<Axis> = (0..).zip(&lens).map(|(id, len)| axis(id, *len)).collect();
        let n: usize = lens.iter().map(|l| bits(*l)).sum();
        let p = point(n, seed);
        let split = Coordinates::split(&axes, &p);
        // eq of an index is the product over its axes, the last axis in the lowest variables.
        let mut flat = 0;
        let mut product = F::ONE;
        for a in &axes {
            let i = a.len / 2;
            flat = (flat << bits(a.len)) | i;
            product *= eq_index(split.of(a.id), i);
            prop_assert_eq!(split.len(a.id), a.len);
            prop_assert_eq!(split.of(a.id).len(), bits(a.len));
        }
        prop_assert_eq!(eq_index(&p, flat), product);
        let other = [axis(0, 2)];
        let q = point(1, seed ^ 2);
        let joined = split.with(Coordinates::split(&other, &q));
        prop_assert_eq!(joined.of(AxisId(0)), q.as_slice());
        prop_assert_eq!(joined.len(AxisId(0)), 2);
    }
}

#[test]
fn bits_of_lengths() {
    let table = [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
        (1 << 20, 20),
    ];
    for (n, expected) in table {
        assert_eq!(bits(n), expected, "{n}");
    }
    assert_eq!(bits(usize::MAX), 64);
}
