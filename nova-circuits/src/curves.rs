//! What the fast multi-scalar multiplication has to know of the two curves. A part of [`crate::cycle`].

use crate::msm::{EndoGroup, Lattice, Xy};
use ff::WithSmallOrderMulGroup;
use nova_snark::provider::pasta::{pallas, vesta};

macro_rules! endo_group {
    ($curve:ident, $suite:literal, $lattice:expr) => {
        impl EndoGroup for $curve::Point {
            const ZETA: $curve::Base = <$curve::Base as WithSmallOrderMulGroup<3>>::ZETA;
            const LATTICE: Lattice = $lattice;
            const HASH_SUITE: &'static [u8] = $suite;

            #[inline(always)]
            fn coordinates(point: &$curve::Affine) -> Xy<$curve::Base> {
                Xy {
                    x: point.x,
                    y: point.y,
                }
            }

            #[inline(always)]
            fn from_coordinates(point: Xy<$curve::Base>) -> $curve::Affine {
                $curve::Affine {
                    x: point.x,
                    y: point.y,
                }
            }
        }
    };
}

endo_group!(
    pallas,
    b"pallas:SHA-256_SVDW_RO_",
    Lattice {
        a1: 0x49e6_9d16_40a8_9953_8cb1_2793_0000_0000,
        b1: 0x93cd_3a2c_8198_e269_0c7c_095a_0000_0001,
        a2: 0x49e6_9d16_40f0_4915_7fca_e1c7_0000_0001,
        b2: 0x49e6_9d16_40a8_9953_8cb1_2793_0000_0000,
        b1_over_q: [
            0x0111_f686_111a_fc29,
            0x2c35_fbd4_d086_862e,
            0x431f_0256_8000_0000,
            0x24f3_4e8b_2066_389a,
        ],
        b2_over_q: [
            0x54a9_5a2d_9721_71db,
            0xf61a_fdea_6848_0fa5,
            0xe32c_49e4_bfff_ffff,
            0x1279_a745_902a_2654,
        ],
    }
);

endo_group!(
    vesta,
    b"vesta:SHA-256_SVDW_RO_",
    Lattice {
        a1: 0x49e6_9d16_40a8_9953_8cb1_2793_0000_0001,
        b1: 0x93cd_3a2c_8198_e269_0c7c_095a_0000_0001,
        a2: 0x49e6_9d16_40f0_4915_7fca_e1c7_0000_0000,
        b2: 0x49e6_9d16_40a8_9953_8cb1_2793_0000_0001,
        b1_over_q: [
            0x6841_d8d6_2296_e156,
            0x2c35_fbd4_d0af_e992,
            0x431f_0256_8000_0000,
            0x24f3_4e8b_2066_389a,
        ],
        b2_over_q: [
            0x8841_414c_24bf_99a8,
            0x361a_fdea_685c_c157,
            0xe32c_49e4_c000_0000,
            0x1279_a745_902a_2654,
        ],
    }
);
