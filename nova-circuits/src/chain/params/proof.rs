//! The Nova proof as bytes. nova-snark indexes and asserts on vectors whose lengths the bytes choose, so they are first walked
//! along the one layout that our parameters allow: exact length, exact length prefixes, canonical field elements and points.

use super::Compressed;
use crate::{
    chain::step::STATE,
    cycle::{FIELD_BYTES, Primary, Secondary, is_canonical_field, is_canonical_point},
};
use nova_snark::traits::Engine;
use std::sync::{Arc, LazyLock};

/// Length of every Nova proof.
pub const NOVA_PROOF_BYTES: usize = 10_443;

/// Variables of the padded primary circuit's multilinear polynomials.
const PRIMARY_VARIABLES: u8 = 15;
/// Variables of the padded secondary circuit's.
const SECONDARY_VARIABLES: u8 = 14;

/// What a field of the layout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A vector's length; all are below 251, and so one byte of bincode's variable-length integers.
    Length(u8),
    /// An element of the curve's scalar field.
    Scalar(Curve),
    /// A compressed point of the curve (nova's commitments are points).
    Point(Curve),
}

/// A curve of the cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// The curve of [`Primary`].
    Primary,
    /// The curve of [`Secondary`].
    Secondary,
}

impl Part {
    /// Length of the encoding.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Length(_) => 1,
            Self::Scalar(_) | Self::Point(_) => FIELD_BYTES,
        }
    }
}

/// One field of a proof's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutField {
    /// nova-snark's path to the field; elements of a vector are numbered.
    pub name: String,
    /// Where it starts.
    pub offset: usize,
    /// What it is.
    pub part: Part,
}

/// nova-snark 0.76's `CompressedSNARK`, field by field, in bincode's standard configuration.
static LAYOUT: LazyLock<Vec<LayoutField>> = LazyLock::new(|| {
    let mut layout = Layout::default();
    let (first, second) = (Curve::Primary, Curve::Secondary);
    layout.relaxed_instance("r_U_secondary", second);
    layout.scalar("ri_secondary", second);
    layout.point("l_u_secondary.comm_W", second);
    layout.scalars("l_u_secondary.X", second, 2);
    layout.point("nifs_Uf_secondary.comm_T", second);
    layout.relaxed_instance("l_ur_secondary", second);
    layout.point("nifs_Un_secondary.comm_T", second);
    layout.relaxed_instance("r_U_primary", first);
    layout.scalar("ri_primary", first);
    layout.relaxed_instance("l_ur_primary", first);
    layout.point("nifs_Un_primary.comm_T", first);
    layout.scalar("wit_blind_r_Wn_primary", first);
    layout.scalar("err_blind_r_Wn_primary", first);
    layout.scalar("wit_blind_r_Wn_secondary", second);
    layout.scalar("err_blind_r_Wn_secondary", second);
    layout.spartan("snark_primary", first, PRIMARY_VARIABLES);
    layout.spartan("snark_secondary", second, SECONDARY_VARIABLES);
    layout.scalars("zn", first, STATE as u8);
    layout.fields
});

#[derive(Default)]
struct Layout {
    fields: Vec<LayoutField>,
    end: usize,
}

impl Layout {
    fn field(&mut self, name: String, part: Part) {
        let offset = self.end;
        self.end = self.end.saturating_add(part.bytes());
        self.fields.push(LayoutField { name, offset, part });
    }

    fn scalar(&mut self, name: &str, curve: Curve) {
        self.field(name.to_owned(), Part::Scalar(curve));
    }

    fn point(&mut self, name: &str, curve: Curve) {
        self.field(name.to_owned(), Part::Point(curve));
    }

    fn vector(&mut self, name: &str, part: Part, n: u8) {
        self.field(format!("{name}.len"), Part::Length(n));
        for i in 0..n {
            self.field(format!("{name}[{i}]"), part);
        }
    }

    fn scalars(&mut self, name: &str, curve: Curve, n: u8) {
        self.vector(name, Part::Scalar(curve), n);
    }

    fn relaxed_instance(&mut self, name: &str, curve: Curve) {
        self.point(&format!("{name}.comm_W"), curve);
        self.point(&format!("{name}.comm_E"), curve);
        self.scalars(&format!("{name}.X"), curve, 2);
        self.scalar(&format!("{name}.u"), curve);
    }

    fn sumcheck(&mut self, name: &str, curve: Curve, rounds: u8, coefficients: u8) {
        self.field(format!("{name}.len"), Part::Length(rounds));
        for i in 0..rounds {
            self.scalars(&format!("{name}[{i}]"), curve, coefficients);
        }
    }

    fn spartan(&mut self, name: &str, curve: Curve, variables: u8) {
        self.sumcheck(&format!("{name}.sc_proof_outer"), curve, variables, 3);
        for i in 0..3 {
            self.scalar(&format!("{name}.claims_outer.{i}"), curve);
        }
        self.scalar(&format!("{name}.eval_E"), curve);
        self.sumcheck(
            &format!("{name}.sc_proof_inner"),
            curve,
            variables.saturating_add(1),
            2,
        );
        self.scalar(&format!("{name}.eval_W"), curve);
        self.sumcheck(&format!("{name}.sc_proof_batch"), curve, variables, 2);
        self.scalars(&format!("{name}.evals_batch"), curve, 2);
        for side in ["left", "right"] {
            self.vector(
                &format!("{name}.eval_arg.{side}"),
                Part::Point(curve),
                variables,
            );
        }
        self.scalar(&format!("{name}.eval_arg.scalar"), curve);
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

    /// The fields of every proof, in order: those of nova-snark's `CompressedSNARK`.
    #[must_use]
    pub fn layout() -> &'static [LayoutField] {
        &LAYOUT
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
    let mut rest = bytes;
    for &LayoutField { offset, part, .. } in LAYOUT.iter() {
        let (head, tail) = rest.split_at_checked(part.bytes()).ok_or(size)?;
        match (part, <&[u8; FIELD_BYTES]>::try_from(head), head) {
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
