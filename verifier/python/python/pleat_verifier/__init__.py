"""Verifies Pleat proofs: "the quantized network with this model id, run on this input, gives this output".

There is no prover here; that is the package ``pleat``, which has all of this, too.

>>> import pleat_verifier as pleat
>>> verdict = pleat.verify("testdata/proof/credit.vmodel", "testdata/proof/public.proof")
>>> verdict.valid, verdict.outputs[0].shape
(True, (1, 1))
"""

from ._checks import CheckError, FormatError, ModelError, PleatError, QuantizeError, ReceiptError, __version__
from ._results import (
    ChainMember,
    ChainVerdict,
    Indices,
    InvalidProof,
    ManyVerdict,
    Receipt,
    Tensor,
    Verdict,
    Verdicts,
)
from ._verify import IndexSpec, TensorSpec, VerificationModel, verify, verify_chain, verify_many

__all__ = [
    "ChainMember",
    "ChainVerdict",
    "CheckError",
    "FormatError",
    "IndexSpec",
    "Indices",
    "InvalidProof",
    "ManyVerdict",
    "ModelError",
    "PleatError",
    "QuantizeError",
    "Receipt",
    "ReceiptError",
    "Tensor",
    "TensorSpec",
    "Verdict",
    "Verdicts",
    "VerificationModel",
    "__version__",
    "verify",
    "verify_chain",
    "verify_many",
]
