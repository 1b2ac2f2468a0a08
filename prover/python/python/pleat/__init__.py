"""Proves that a committed neural network, on this input, gives this output; weights, input and activations stay secret.

>>> import pleat
>>> samples = pleat.load("testdata/credit-300.npz")
>>> model = pleat.compile("testdata/credit_mlp.onnx", samples)
>>> proved = model.prove(samples[7], hide="input", receipt=True)
>>> verdict = pleat.verify(model.verification, proved.proof, receipt=proved.receipt)
>>> verdict.valid, verdict.outputs[0].shape
(True, (1, 1))
"""

from ._compile import compile, load
from ._model import Model, Opening, Proved, Run, open_secret, tokenizer
from ._native import (
    CheckError,
    CompileError,
    DataError,
    ExecuteError,
    FormatError,
    ModelError,
    PleatError,
    ProveError,
    ProvingModelError,
    QuantizeError,
    ReceiptError,
    TextError,
    WriteError,
    __version__,
)
from ._progress import Progress
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
from .adapters import from_sklearn, from_torch

__all__ = [
    "ChainMember",
    "ChainVerdict",
    "CheckError",
    "CompileError",
    "DataError",
    "ExecuteError",
    "FormatError",
    "IndexSpec",
    "Indices",
    "InvalidProof",
    "ManyVerdict",
    "Model",
    "ModelError",
    "Opening",
    "PleatError",
    "Progress",
    "ProveError",
    "Proved",
    "ProvingModelError",
    "QuantizeError",
    "Receipt",
    "ReceiptError",
    "Run",
    "Tensor",
    "TensorSpec",
    "TextError",
    "Verdict",
    "Verdicts",
    "VerificationModel",
    "WriteError",
    "__version__",
    "compile",
    "from_sklearn",
    "from_torch",
    "load",
    "open_secret",
    "tokenizer",
    "verify",
    "verify_chain",
    "verify_many",
]
