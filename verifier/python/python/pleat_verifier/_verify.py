"""Verification models, and what is checked against them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence, Union

import numpy as np

from . import _html
from ._checks import CheckError, NativeVerificationModel, check_chain, check_many
from ._results import ChainVerdict, ManyVerdict, Receipt, Source, Verdict, Verdicts, bytes_of

#: Values of a model's inputs or outputs: an array if there is one tensor, otherwise arrays by name or in the model's order.
Data = Union[Any, Sequence[Any], Mapping[str, Any]]


def arrays_of(data: Data, names: Sequence[str], error: type[Exception] = CheckError) -> list[dict[str, Any]]:
    """The arrays for tensors of these names, as the extension takes them."""
    if isinstance(data, Mapping):
        unknown = sorted(set(data) - set(names))
        missing = [name for name in names if name not in data]
        if unknown or missing:
            what = f"there is no tensor {', '.join(unknown)}" if unknown else f"there are no values of {', '.join(missing)}"
            raise error(f"{what}; the model takes {', '.join(names) or 'none'}")
        found = [data[name] for name in names]
    elif len(names) == 1 and not (isinstance(data, (list, tuple)) and len(data) == 1 and np.ndim(data[0]) > 0):
        found = [data]
    else:
        found = list(data)
    if len(found) != len(names):
        raise error(f"{len(found)} arrays are given; the model takes {len(names)}: {', '.join(names)}")
    return [_array(one, name, error) for one, name in zip(found, names)]


def _array(values: Any, name: str, error: type[Exception]) -> dict[str, Any]:
    try:
        array = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as cause:
        raise error(f"the values of {name} are no array of numbers: {cause}") from cause
    return {"shape": list(array.shape), "data": np.ascontiguousarray(array).tobytes()}


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a model; an integer stands for so much as ``scale``."""

    name: str
    shape: tuple[int, ...]
    scale: float


@dataclass(frozen=True)
class IndexSpec:
    """A tensor of public indices of a model: ``given`` or ``answer``, each below ``len``."""

    name: str
    shape: tuple[int, ...]
    role: str
    len: int


class VerificationModel:
    """What everyone has of a model: its shape, and a commitment to its weights. Its id is its hash.

    >>> model = VerificationModel.read("testdata/proof/credit.vmodel")
    >>> [(t.name, t.shape) for t in model.inputs]
    [('x', (1, 61))]
    >>> verdict = model.verify("testdata/proof/hidden.proof")
    >>> verdict.valid, verdict.inputs[0].values is None
    (True, True)
    """

    def __init__(self, native: NativeVerificationModel, base: VerificationModel | None = None) -> None:
        self._native = native
        #: What it is many runs of.
        self._base = base
        about = json.loads(native.describe())
        #: 64 hexadecimal digits.
        self.model_id: str = about["model_id"]
        #: Samples that a proof is about.
        self.samples: int = about["samples"]
        self.inputs = tuple(TensorSpec(t["name"], tuple(t["shape"]), t["scale"]) for t in about["input"])
        self.outputs = tuple(TensorSpec(t["name"], tuple(t["shape"]), t["scale"]) for t in about["output"])
        self.indices = tuple(IndexSpec(t["name"], tuple(t["shape"]), t["role"], t["len"]) for t in about["indices"])
        #: Nodes, rows of the trace, numbers of weights, `B` and `κ` of the protocol.
        self.nodes: int = about["nodes"]
        self.rows: int = about["rows"]
        self.weights: int = about["weights"]
        self.digit_bits: int = about["digit_bits"]
        self.row_bits: int = about["row_bits"]

    @classmethod
    def read(cls, source: Source) -> "VerificationModel":
        """Reads a ``.vmodel`` file, or its bytes.

        Raises:
            ModelError: if it is none.
        """
        return cls(NativeVerificationModel.from_bytes(bytes_of(source)))

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        return self._native.to_bytes()

    def batch(self, samples: int) -> "VerificationModel":
        """The model of ``samples`` runs side by side, for proofs about so many at once."""
        return VerificationModel(self._native.batched(samples), self)

    def verify(
        self,
        proof: Source,
        *,
        input: Data | None = None,
        output: Data | None = None,
        model_id: str | None = None,
        opening: Source | Any | None = None,
        value: Data | None = None,
        receipt: Source | Receipt | None = None,
    ) -> Verdict:
        """Checks a proof about this model.

        Args:
            proof: a file or its bytes.
            input: demand that the proof is about these inputs; they are rounded to the model's integers.
            output: demand that the proof shows these outputs.
            model_id: demand this model, from someone you trust.
            opening: an opening of a hidden tensor (its file, bytes, or what ``Proved.open`` gave), to check and to show.
            value: demand that the opened tensor is this one.
            receipt: a receipt, to check that all it says about the proof holds.

        Raises:
            CheckError: if that cannot be carried out, for example because a demanded value is hidden. A proof that is refused is no
                error but a verdict.
        """
        given = [t.name for t in self.indices if t.role == "given"]
        answers = [t.name for t in self.indices if t.role == "answer"]
        data = receipt.bytes if isinstance(receipt, Receipt) else None if receipt is None else bytes_of(receipt)
        text = self._native.check(
            bytes_of(proof),
            opening=None if opening is None else bytes_of(getattr(opening, "bytes", opening)),
            receipt=data,
            model_id=model_id,
            input=None if input is None else arrays_of(input, [t.name for t in self.inputs] + given),
            output=None if output is None else arrays_of(output, [t.name for t in self.outputs] + answers),
            value=None if value is None else arrays_of(value, ["value"]),
        )
        return Verdict.of(json.loads(text))

    def verify_all(self, proofs: Iterable[Source], *, model_id: str | None = None) -> Verdicts:
        """Checks several proofs about this model together, which takes a fraction of the time that each takes by itself."""
        named = [(str(i), bytes_of(proof)) for i, proof in enumerate(proofs)]
        if not named:
            raise CheckError("there are no proofs")
        return Verdicts.of(json.loads(self._native.check_several(named, model_id)))

    def __reduce__(self) -> tuple[Any, ...]:
        if self._base is not None:
            return _batched, (self._base, self.samples)
        return type(self).read, (self.to_bytes(),)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.model_id[:12]}…: {self.nodes} nodes, {self.weights:,} weights>"

    def _repr_html_(self) -> str:
        return _html.table(describe(self))


def _batched(base: Any, samples: int) -> Any:
    return base.batch(samples)


def describe(model: VerificationModel) -> list[tuple[str, str]]:
    """Lines of a table for a notebook."""
    rows = [("model", f"<code>{model.model_id}</code>")]
    if model.samples > 1:
        rows.append(("samples", str(model.samples)))
    rows += [(f"input {t.name}", f"{list(t.shape)}, one unit is {t.scale:.6g}") for t in model.inputs]
    rows += [(f"{t.role} {t.name}", f"{list(t.shape)}, each below {t.len}") for t in model.indices]
    rows += [(f"output {t.name}", f"{list(t.shape)}, one unit is {t.scale:.6g}") for t in model.outputs]
    size = f"{model.weights:,} weights, {model.nodes:,} nodes, {model.rows:,} rows, {model.digit_bits}-bit digits"
    return [(name, _html.escape(value) if name != "model" else value) for name, value in rows + [("size", size)]]


def verify(model: Source | VerificationModel | Any, proof: Source, **demands: Any) -> Verdict:
    """:meth:`VerificationModel.verify` for a model that is a file, bytes, or read already (a proving model, too); ``samples`` says how many the proof is about.

    >>> bool(verify("testdata/proof/credit.vmodel", "testdata/proof/public.proof"))
    True
    """
    samples = demands.pop("samples", 1)
    model = getattr(model, "verification", model)
    read = model if isinstance(model, VerificationModel) else VerificationModel.read(model)
    return (read.batch(samples) if samples != 1 else read).verify(proof, **demands)


def verify_chain(
    chain: Iterable[tuple[Source | Receipt, Source]], models: Iterable[Source | VerificationModel]
) -> ChainVerdict:
    """Checks receipts that refer to each other, with their proofs: that every proof is valid, every receipt says what its proof
    says, no previous receipt is missing, and every input that is said to be a tensor of another proof is that.

    Args:
        chain: pairs of a receipt and its proof, in any order.
        models: the models that they are about.

    Raises:
        CheckError: if that cannot be carried out.
    """
    files = []
    for i, (receipt, proof) in enumerate(chain):
        data = receipt.bytes if isinstance(receipt, Receipt) else bytes_of(receipt)
        name = str(receipt) if not isinstance(receipt, (Receipt, bytes, bytearray, memoryview)) else f"receipt {i}"
        files.append((name, data, bytes_of(proof)))
    if not files:
        # Of no proofs, everything would hold.
        raise CheckError("there are no receipts")
    read = [m if isinstance(m, VerificationModel) else VerificationModel.read(m) for m in models]
    return ChainVerdict.of(json.loads(check_chain(files, [m._native for m in read])))


def verify_many(
    manifest: str | os.PathLike[str], *, model: str | os.PathLike[str] | None = None, model_id: str | None = None
) -> ManyVerdict:
    """Checks the proofs that ``pleat.ray.prove_many`` listed in a manifest, all together.

    Args:
        manifest: the file; proofs and receipts lie beside it.
        model: the verification model's file; by default the one that the manifest names.
        model_id: demand this model, from someone you trust.

    Raises:
        CheckError: if that cannot be carried out.
    """
    return ManyVerdict.of(json.loads(check_many(Path(manifest), None if model is None else Path(model), model_id)))
