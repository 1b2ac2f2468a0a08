"""Proving models and what they make."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Sequence, Union

import numpy as np

from . import _html
from ._native import DataError, NativeModel, Tokenizer, open as _open, write_files
from ._progress import Progress, heard
from ._results import Indices, Receipt, Source, Tensor, Verdict, bytes_of, index_tensors, rows_of, tensors
from ._verify import Data, VerificationModel, _batched, arrays_of, describe

PathLike = Union[str, "os.PathLike[str]"]


@dataclass(frozen=True, eq=False)
class Run:
    """What a network gave."""

    model_id: str
    outputs: tuple[Tensor, ...]
    indices: tuple[Indices, ...]

    def _repr_html_(self) -> str:
        return _html.table(rows_of((), self.outputs, self.indices))


@dataclass(frozen=True, eq=False)
class Opening:
    """What reveals one hidden tensor of a proof: whoever has it learns this tensor, and that it is the proof's."""

    bytes: bytes = field(repr=False)
    tensor: Tensor

    def save(self, path: PathLike) -> None:
        """Writes the file that ``pleat verify --opened`` takes."""
        write_files([(os.fspath(path), self.bytes, True)])

    def _repr_html_(self) -> str:
        return _html.table([(f"opening of {self.tensor.name}", self.tensor._html())])


@dataclass(frozen=True, eq=False, repr=False)
class Proved:
    """A proof and what goes along with it."""

    #: The proof's file: for everyone.
    proof: bytes = field(repr=False)
    #: What opens hidden inputs and outputs, if any are: keep it to yourself.
    secret: bytes | None = field(repr=False)
    #: The receipt, if one was asked for.
    receipt: Receipt | None
    model_id: str
    samples: int
    #: ``tree`` or ``chain``.
    fold: str
    steps: int
    rows: int
    hidden_inputs: tuple[str, ...]
    #: With their values, which the prover knows even if the proof hides them.
    outputs: tuple[Tensor, ...]
    indices: tuple[Indices, ...]
    #: Wall time by stage.
    seconds: Mapping[str, float]
    _verification: VerificationModel = field(repr=False)

    @classmethod
    def of(
        cls, proof: bytes, secret: bytes | None, receipt: bytes | None, text: str, verification: VerificationModel
    ) -> "Proved":
        """From what the extension gives."""
        about = json.loads(text)
        return cls(
            proof=proof,
            secret=secret,
            receipt=None if receipt is None else Receipt.read(receipt),
            model_id=about["model_id"],
            samples=about["samples"],
            fold=about["fold"],
            steps=about["steps"],
            rows=about["rows"],
            hidden_inputs=tuple(about["hidden_inputs"]),
            outputs=tensors(about["output"]),
            indices=index_tensors(about["indices"]),
            seconds=about["seconds"],
            _verification=verification,
        )

    def open(self, tensor: str) -> Opening:
        """Reveals a hidden input or output.

        Raises:
            DataError: if the proof hides nothing, or the model has no such tensor.
        """
        if self.secret is None:
            raise DataError("the proof hides nothing")
        return open_secret(self.secret, self._verification, tensor)

    def verify(self, **demands: Any) -> Verdict:
        """:meth:`VerificationModel.verify` of this proof."""
        return self._verification.verify(self.proof, **demands)

    def __repr__(self) -> str:
        outputs = ", ".join(map(repr, self.outputs))
        return f"<Proved, model {self.model_id[:12]}…, {len(self.proof):,} bytes (mode {self.fold}): {outputs}>"

    def save(self, path: PathLike) -> None:
        """Writes ``path``, ``path.secret`` (for this user only) and ``path.receipt.json``, as far as there are any: all or none."""
        name = os.fspath(path)
        files = [] if self.secret is None else [(name + ".secret", self.secret, True)]
        files.append((name, self.proof, False))
        files += [] if self.receipt is None else [(name + ".receipt.json", self.receipt.bytes, False)]
        write_files(files)

    def _repr_html_(self) -> str:
        rows = [("proof", f"{len(self.proof):,} bytes, {self.steps} steps (mode {self.fold}), {self.rows:,} rows")]
        rows.append(("model", f"<code>{self.model_id}</code>"))
        rows += [(f"input {name}", "hidden") for name in self.hidden_inputs]
        rows += rows_of((), self.outputs, self.indices)
        if self.receipt is not None:
            rows.append(("receipt", f"<code>{self.receipt.hash}</code>"))
        return _html.table(rows)


def open_secret(secret: Source, model: Source | VerificationModel, tensor: str) -> Opening:
    """Reveals a hidden tensor out of a ``.secret`` file.

    Raises:
        DataError: if the model has no such tensor, or the file is about another model.
    """
    read = model if isinstance(model, VerificationModel) else VerificationModel.read(model)
    data, about = _open(bytes_of(secret), read._native, tensor)
    return Opening(data, Tensor.of(json.loads(about)))


class Model:
    """What the prover has of a model: its quantized weights, and the blinds of their commitment. It is secret.

    >>> import pleat
    >>> model = pleat.compile("testdata/credit_mlp.onnx", pleat.load("testdata/credit-300.npz"))
    >>> applicant = pleat.load("testdata/credit-300.npz")[7]
    >>> proved = model.prove(applicant, hide="input")
    >>> bool(proved.verify()), proved.outputs[0].values.shape
    (True, (1, 1))
    """

    def __init__(self, native: NativeModel, base: Model | None = None) -> None:
        self._native = native
        #: What it is many runs of.
        self._base = base
        self._samples = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # Whoever pickles it writes secrets.
        if self._base is not None:
            return _batched, (self._base, self.samples)
        return type(self).read, (self.to_bytes(),)

    @classmethod
    def read(cls, source: Source) -> "Model":
        """Reads a ``.pleat`` file, or its bytes.

        Raises:
            ProvingModelError: if it is none.
        """
        return cls(NativeModel.from_bytes(bytes_of(source)))

    def to_bytes(self) -> bytes:
        """The bytes of its file."""
        return self._native.to_bytes()

    @cached_property
    def verification(self) -> VerificationModel:
        """What everyone may have of it."""
        if self._base is not None:
            return self._base.verification.batch(self._samples)
        return VerificationModel.read(self._native.verification())

    @property
    def samples(self) -> int:
        """Samples that a run is about."""
        return self.verification.samples

    @property
    def model_id(self) -> str:
        """64 hexadecimal digits."""
        return self.verification.model_id

    @cached_property
    def report(self) -> Mapping[str, Any]:
        """How well the integer network imitates the float one: ``top1_agreement``, ``max_abs_error``, ``samples`` and more."""
        report: Mapping[str, Any] = json.loads(self._native.report() or "{}")
        return report

    def save(self, base: PathLike) -> None:
        """Writes ``base.pleat`` (secret; for this user only) and ``base.vmodel``: both or none."""
        name = os.fspath(base)
        files = [(name + ".pleat", self.to_bytes(), True), (name + ".vmodel", self.verification.to_bytes(), False)]
        write_files(files)

    def batch(self, samples: int) -> "Model":
        """The model of ``samples`` runs side by side: one proof about all of them."""
        batched = Model(self._native.batched(samples), self)
        batched._samples = samples
        return batched

    def run(self, x: Data) -> Run:
        """Runs the network in integers, without a proof.

        Args:
            x: an array if the model has one input, otherwise arrays by name or in order; float32 of the input's shape, or of the shape
                without the leading 1. A batched model takes an axis of samples before.

        Raises:
            DataError: if arrays do not fit.
            QuantizeError: if a value is outside the range that the model was calibrated for.
            ExecuteError: if a value inside leaves its range.
        """
        answer = json.loads(self._native.run(self._arrays(x, {})))
        return Run(answer["model_id"], tensors(answer["output"]), index_tensors(answer["indices"]))

    def prove(
        self,
        x: Data | None = None,
        *,
        hide: str | Iterable[str] = (),
        leave_out: str | Iterable[str] = (),
        fold: str | None = None,
        receipt: bool = False,
        claims: Mapping[str, Any] | None = None,
        previous: Iterable[Source | Receipt] = (),
        input_from: Mapping[str, Source | Opening] | None = None,
        progress: Progress = True,
    ) -> Proved:
        """Runs the network and proves the run. Other threads of Python go on meanwhile; Ctrl-C ends it.

        Args:
            x: as for :meth:`run`, but for the inputs of ``input_from``.
            hide: ``"input"``, ``"output"`` or both.
            leave_out: the same, of what the proof shows but its file leaves out, as whoever verifies has it.
            fold: ``"tree"`` or ``"chain"``; by default whichever proof is shorter.
            receipt: make a receipt; implied by ``claims`` and ``previous``.
            claims: the receipt's own words, which nothing checks.
            previous: receipts that this one refers to.
            input_from: openings of tensors of other proofs, by the input that is to carry their commitments.
            progress: see :data:`pleat.Progress`.

        Raises:
            DataError, QuantizeError, ExecuteError: as :meth:`run`.
            ProveError: if no proof was made.
        """
        with heard(progress) as told:
            made = self._proved(x, hide, leave_out, fold, receipt, claims, previous, input_from, told)
        return Proved.of(*made, self.verification)

    def _proved(
        self,
        x: Data | None,
        hide: str | Iterable[str] = (),
        leave_out: str | Iterable[str] = (),
        fold: str | None = None,
        receipt: bool = False,
        claims: Mapping[str, Any] | None = None,
        previous: Iterable[Source | Receipt] = (),
        input_from: Mapping[str, Source | Opening] | None = None,
        told: Callable[[str, int, int], Any] | None = None,
    ) -> tuple[bytes, bytes | None, bytes | None, str]:
        """The files of a proof, its receipt, and JSON of what was proved."""
        linked = dict(input_from or {})
        refers = [r.bytes if isinstance(r, Receipt) else bytes_of(r) for r in previous]
        settings = {
            "hide": _sides(hide, "hide"),
            "leave_out": _sides(leave_out, "leave_out"),
            "fold": _fold(fold),
            "receipt": bool(receipt or claims or refers),
            "claims": dict(claims or {}),
        }
        names = [t.name for t in self.verification.inputs]
        for name in linked:
            if name not in names:
                raise DataError(f"input_from: the model has no input {name}; it has: {', '.join(names)}")
        links = [
            (names.index(name), source.bytes if isinstance(source, Opening) else bytes_of(source))
            for name, source in linked.items()
        ]
        return self._native.prove(self._arrays(x, linked), json.dumps(settings), links, refers, told)

    def write(self, tokens: Sequence[int], count: int, *, progress: Progress = True) -> np.ndarray:
        """Lets a language model write ``count`` words after ``tokens``, each its first choice; gives the words of the run in which it
        chooses them, for :meth:`prove`: the last of them is chosen by that run and not yet given to it, and padding follows."""
        shape = next((t.shape for t in self.verification.indices if t.role == "given"), (0,))
        with heard(progress) as told:
            words = self._native.written(list(map(int, tokens)), count, told)
        return np.array(words, dtype=np.float32).reshape(shape)

    def _arrays(self, x: Data | None, linked: Mapping[str, Any]) -> list[dict[str, Any]]:
        names = [t.name for t in self.verification.inputs]
        positions = [i for i, name in enumerate(names) if name in linked]
        wanted = json.loads(self._native.wanted(positions))
        if x is None:
            if wanted:
                raise DataError(f"there are no values of {', '.join(name for name, _ in wanted)}")
            return []
        arrays = arrays_of(x, [name for name, _ in wanted], DataError)
        for array, (_, shape) in zip(arrays, wanted):
            # One sample out of an array of samples has no batch of 1.
            if array["shape"] == shape[1:] and shape[0] == 1:
                array["shape"] = shape
        return arrays

    def __repr__(self) -> str:
        about = self.verification
        return f"<Model {about.model_id[:12]}…: {about.nodes} nodes, {about.weights:,} weights>"

    def _repr_html_(self) -> str:
        rows = describe(self.verification)
        report = self.report
        if report:
            agreement = f"{100 * report['top1_agreement']:.2f} % on {report['samples']} samples"
            rows.append(("agreement with the float network", agreement))
            rows.append(("largest error of an output", f"{report['max_abs_error']:.3g}"))
        return _html.table(rows)


def _sides(given: str | Iterable[str], name: str) -> list[str]:
    sides = [given] if isinstance(given, str) else list(given)
    for side in sides:
        if side not in ("input", "output"):
            raise ValueError(f'{name}={side!r}: it has to be "input", "output" or both')
    return sides


def _fold(given: str | None) -> str | None:
    if given not in (None, "tree", "chain"):
        raise ValueError(f'fold={given!r}: it has to be "tree" or "chain"')
    return given


def tokenizer(path: PathLike) -> Tokenizer:
    """Reads a ``tokenizer.json``: ``encode(text)``, ``decode(words)``, ``continuation(prompt, answer)``."""
    return Tokenizer(Path(path))
