//! The Nova proof as bytes. nova-snark indexes and asserts on vectors whose lengths the bytes choose, so they are first walked
//! along the one layout that our parameters allow: exact length, exact length prefixes, canonical field elements and points.

use super::Compressed;
use crate::{
    cycle::{FIELD_BYTES, Primary, Secondary, is_canonical_field, is_canonical_point},
    step::STATE,
};
use nova_snark::traits::Engine;
use std::sync::{Arc, LazyLock};

/// Length of every Nova proof.
pub const NOVA_PROOF_BYTES: usize = 10_443;

/// Variables of the padded primary circuit's multilinear polynomials.
const PRIMARY_VARIABLES: u8 = 15;
/// Variables of the padded secondary circuit's.
const SECONDARY_VARIABLES: u8 = 14;

/// One part of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A vector's length; all are below 251, and so one byte of bincode's variable-length integers.
    Length(u8),
    /// An element of the curve's scalar field.
    Scalar(Curve),
    /// A compressed point (nova's commitments are points).
    Point(Curve),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    Primary,
    Secondary,
}

impl Part {
    fn bytes(self) -> usize {
        match self {
            Self::Length(_) => 1,
            Self::Scalar(_) | Self::Point(_) => FIELD_BYTES,
        }
    }
}

/// nova-snark 0.76's `CompressedSNARK`, field by field, in bincode's standard configuration.
static LAYOUT: LazyLock<Vec<Part>> = LazyLock::new(|| {
    let mut layout = Layout(Vec::new());
    let (first, second) = (Curve::Primary, Curve::Secondary);
    layout.relaxed_instance(second); // r_U_secondary
    layout.scalars(second, 1); // ri_secondary
    layout.points(second, 1); // l_u_secondary: W
    layout.vector(second, 2); // l_u_secondary: X
    layout.points(second, 1); // nifs_Uf_secondary
    layout.relaxed_instance(second); // l_ur_secondary
    layout.points(second, 1); // nifs_Un_secondary
    layout.relaxed_instance(first); // r_U_primary
    layout.scalars(first, 1); // ri_primary
    layout.relaxed_instance(first); // l_ur_primary
    layout.points(first, 1); // nifs_Un_primary
    layout.scalars(first, 2); // wit_blind_r_Wn_primary, err_blind_r_Wn_primary
    layout.scalars(second, 2); // wit_blind_r_Wn_secondary, err_blind_r_Wn_secondary
    layout.spartan(first, PRIMARY_VARIABLES); // snark_primary
    layout.spartan(second, SECONDARY_VARIABLES); // snark_secondary
    layout.vector(first, STATE as u8); // zn
    layout.0
});

struct Layout(Vec<Part>);

impl Layout {
    fn scalars(&mut self, curve: Curve, n: u8) {
        self.0.extend((0..n).map(|_| Part::Scalar(curve)));
    }

    fn points(&mut self, curve: Curve, n: u8) {
        self.0.extend((0..n).map(|_| Part::Point(curve)));
    }

    fn vector(&mut self, curve: Curve, n: u8) {
        self.0.push(Part::Length(n));
        self.scalars(curve, n);
    }

    fn relaxed_instance(&mut self, curve: Curve) {
        self.points(curve, 2); // W, E
        self.vector(curve, 2); // X
        self.scalars(curve, 1); // u
    }

    fn sumcheck(&mut self, curve: Curve, rounds: u8, coefficients: u8) {
        self.0.push(Part::Length(rounds));
        for _ in 0..rounds {
            self.vector(curve, coefficients);
        }
    }

    fn spartan(&mut self, curve: Curve, variables: u8) {
        self.sumcheck(curve, variables, 3); // sc_proof_outer
        self.scalars(curve, 4); // claims_outer, eval_E
        self.sumcheck(curve, variables + 1, 2); // sc_proof_inner
        self.scalars(curve, 1); // eval_W
        self.sumcheck(curve, variables, 2); // sc_proof_batch
        self.vector(curve, 2); // evals_batch
        for _ in 0..2 {
            self.0.push(Part::Length(variables)); // L_vec, R_vec
            self.points(curve, variables);
        }
        self.scalars(curve, 1); // a_hat
    }
}

/// Why bytes are not a Nova proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFormat {
    /// Not [`NOVA_PROOF_BYTES`] bytes.
    #[error("{got} bytes instead of {NOVA_PROOF_BYTES}")]
    Size {
        /// Length of the bytes.
        got: usize,
    },
    /// A vector's length prefix is not the one that the key implies.
    #[error("byte {offset}: a vector of length {expected} announced as {got}")]
    VectorLength {
        /// Where the prefix is.
        offset: usize,
        /// The length that the key implies.
        expected: u8,
        /// The byte found.
        got: u8,
    },
    /// A field element is not below its modulus.
    #[error("byte {offset}: a field element is not canonical")]
    Scalar {
        /// Where it starts.
        offset: usize,
    },
    /// A point is not on its curve, or not in its canonical encoding.
    #[error("byte {offset}: not the canonical encoding of a point")]
    Point {
        /// Where it starts.
        offset: usize,
    },
    /// nova-snark reads other bytes than it would write.
    #[error("nova-snark's decoder and encoder disagree")]
    Codec,
}

/// A well-formed Nova proof; whether it verifies is another matter.
#[derive(Clone)]
pub struct NovaProof {
    bytes: Vec<u8>,
    nova: Arc<Compressed>,
}

impl core::fmt::Debug for NovaProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NovaProof")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for NovaProof {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for NovaProof {}

impl NovaProof {
    pub(super) fn new(nova: Compressed) -> Result<Self, ProofFormat> {
        let bytes = encode(&nova)?;
        walk(&bytes)?;
        Ok(Self {
            bytes,
            nova: Arc::new(nova),
        })
    }

    /// Parses the one accepted form.
    ///
    /// # Errors
    /// [`ProofFormat`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFormat> {
        walk(bytes)?;
        let (nova, _): (Compressed, usize) =
            bincode::serde::decode_from_slice(bytes, bincode::config::standard())
                .map_err(|_| ProofFormat::Codec)?;
        if encode(&nova)? != bytes {
            return Err(ProofFormat::Codec);
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            nova: Arc::new(nova),
        })
    }

    /// The bytes that [`NovaProof::parse`] accepts.
    #[must_use]
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn nova(&self) -> &Compressed {
        &self.nova
    }
}

fn encode(nova: &Compressed) -> Result<Vec<u8>, ProofFormat> {
    bincode::serde::encode_to_vec(nova, bincode::config::standard()).map_err(|_| ProofFormat::Codec)
}

/// Checks `bytes` against [`LAYOUT`].
fn walk(bytes: &[u8]) -> Result<(), ProofFormat> {
    let size = ProofFormat::Size { got: bytes.len() };
    if bytes.len() != NOVA_PROOF_BYTES {
        return Err(size);
    }
    let (mut rest, mut offset) = (bytes, 0_usize);
    for part in LAYOUT.iter() {
        let (head, tail) = rest.split_at_checked(part.bytes()).ok_or(size)?;
        match (*part, <&[u8; FIELD_BYTES]>::try_from(head), head) {
            (Part::Length(expected), _, &[got]) if got == expected => {}
            (Part::Length(expected), ..) => {
                return Err(ProofFormat::VectorLength {
                    offset,
                    expected,
                    got: head.first().copied().unwrap_or(0),
                });
            }
            (Part::Scalar(curve), Ok(element), _) if is_scalar(curve, element) => {}
            (Part::Scalar(_), ..) => return Err(ProofFormat::Scalar { offset }),
            (Part::Point(curve), Ok(point), _) if is_point(curve, point) => {}
            (Part::Point(_), ..) => return Err(ProofFormat::Point { offset }),
        }
        offset = offset.saturating_add(part.bytes());
        rest = tail;
    }
    if rest.is_empty() { Ok(()) } else { Err(size) }
}

fn is_scalar(curve: Curve, bytes: &[u8; FIELD_BYTES]) -> bool {
    match curve {
        Curve::Primary => is_canonical_field::<<Primary as Engine>::Scalar>(bytes),
        Curve::Secondary => is_canonical_field::<<Secondary as Engine>::Scalar>(bytes),
    }
}

fn is_point(curve: Curve, bytes: &[u8; FIELD_BYTES]) -> bool {
    match curve {
        Curve::Primary => is_canonical_point::<Primary>(bytes),
        Curve::Secondary => is_canonical_point::<Secondary>(bytes),
    }
}
