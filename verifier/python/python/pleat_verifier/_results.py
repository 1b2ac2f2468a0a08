"""What the extensions say, as typed objects with NumPy arrays."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Sequence, Union

import numpy as np

from . import _html
from ._checks import PleatError, hash as _hash, read_receipt

#: Bytes, or the path of a file that has them.
Source = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]"]


def bytes_of(source: Source) -> bytes:
    """The bytes of a file, or those that are given."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    return Path(source).read_bytes()


def arguments(text: str | None) -> str | None:
    """A message of the command line, with the arguments of this package for options."""
    return None if text is None else re.sub(r"--([a-z][a-z-]*)", lambda m: m[1].replace("-", "_") + "=", text)


class InvalidProof(PleatError):
    """A proof was refused where a valid one was demanded (:meth:`Verdict.raise_if_invalid`); ``check`` names the check."""

    def __init__(self, reason: str, check: str | None) -> None:
        super().__init__(reason)
        self.check = check
        self.kind = "InvalidProof"


@dataclass(frozen=True, eq=False, repr=False)
class Tensor:
    """An input or output of a proof or a run."""

    #: Its name in the model.
    name: str
    shape: tuple[int, ...]
    #: Whether the proof hides it.
    hidden: bool
    #: Real values, float64 of ``shape``: integer times scale; ``None`` if unknown.
    values: np.ndarray | None
    #: The integers that are proved, int32 of ``shape``; ``None`` if unknown.
    integers: np.ndarray | None
    #: Real value of one integer unit.
    scale: float

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Tensor":
        """From the JSON of the command line."""
        shape = tuple(document["shape"])
        integers = document["integers"]
        array = None if integers is None else np.array(integers, dtype=np.int32).reshape(shape)
        return cls(
            name=document["name"],
            shape=shape,
            hidden=document["hidden"],
            values=None if array is None else array * float(document["scale"]),
            integers=array,
            scale=float(document["scale"]),
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.values is None:
            raise ValueError(f"tensor {self.name} is hidden; ask the prover for an opening")
        return self.values if dtype is None else self.values.astype(dtype)

    def __repr__(self) -> str:
        if self.values is None:
            known = "hidden"
        elif self.values.size <= 12:
            known = np.array2string(self.values, separator=", ").replace("\n", "")
        else:
            known = f"from {self.values.min():.6g} to {self.values.max():.6g}"
        return f"<Tensor {self.name} {list(self.shape)}: {known}>"

    def _html(self) -> str:
        hidden = " (hidden in the proof)" if self.hidden and self.values is not None else ""
        if self.values is None or self.integers is None:
            return "hidden"
        flat = self.values.ravel()
        drawn = _html.picture(self.values) or _html.bars(flat.tolist(), self.integers.ravel().tolist())
        return drawn + hidden

    def _repr_html_(self) -> str:
        return _html.table([(f"{self.name} {list(self.shape)}", self._html())])


@dataclass(frozen=True, eq=False)
class Indices:
    """A public tensor of indices, such as token ids, or choices that a network made."""

    name: str
    #: ``given`` or ``answer``.
    role: str
    shape: tuple[int, ...]
    #: int64 of ``shape``.
    values: np.ndarray

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Indices":
        """From the JSON of the command line."""
        shape = tuple(document["shape"])
        return cls(document["name"], document["role"], shape, np.array(document["values"], dtype=np.int64).reshape(shape))

    def _html(self) -> str:
        flat = self.values.ravel().tolist()
        more = f" … and {len(flat) - 64} more" if len(flat) > 64 else ""
        return _html.escape(", ".join(map(str, flat[:64])) + more)

    def _repr_html_(self) -> str:
        return _html.table([(f"{self.role}: {self.name} {list(self.shape)}", self._html())])


def tensors(documents: Sequence[Mapping[str, Any]] | None) -> tuple[Tensor, ...]:
    """From the JSON of the command line."""
    return tuple(Tensor.of(d) for d in documents or ())


def index_tensors(documents: Sequence[Mapping[str, Any]] | None) -> tuple[Indices, ...]:
    """From the JSON of the command line."""
    return tuple(Indices.of(d) for d in documents or ())


def rows_of(inputs: Sequence[Tensor], outputs: Sequence[Tensor], indices: Sequence[Indices]) -> list[tuple[str, str]]:
    """Lines of a table for a notebook."""
    rows = [(f"input {t.name}", t._html()) for t in inputs]
    rows += [(f"output {t.name}", t._html()) for t in outputs]
    return rows + [(f"{t.role} {t.name}", t._html()) for t in indices]


@dataclass(frozen=True)
class Receipt:
    """A receipt: what a proof says, in canonical JSON that others refer to by its hash."""

    #: The file.
    bytes: bytes = field(repr=False)
    #: SHA3-256 of the file, in hexadecimal digits.
    hash: str
    #: All of it, as in ``docs/receipts.md``.
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, source: Source) -> "Receipt":
        """Reads a receipt's form; :func:`verify` checks what it says."""
        data = bytes_of(source)
        return cls(data, _hash(data), json.loads(read_receipt(data)))

    @property
    def model_id(self) -> str:
        """The model."""
        return str(self.document["model"])

    @property
    def claims(self) -> Mapping[str, Any]:
        """The creator's own words; nothing checks them."""
        claims: Mapping[str, Any] = self.document["claims"]
        return claims

    @property
    def previous(self) -> tuple[str, ...]:
        """Hashes of the receipts that it refers to."""
        return tuple(self.document["previous"])

    def _repr_html_(self) -> str:
        rows = [("receipt", self.hash), ("model", self.model_id), ("proof", self.document["proof"])]
        rows += [("after", hash) for hash in self.previous]
        rows += [("claims, checked by nobody", json.dumps(dict(self.claims)))] if self.claims else []
        return _html.table((name, f"<code>{_html.escape(value)}</code>") for name, value in rows)


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """What became of a proof. It is true if everything holds: the proof, the opening, the receipt, the demands."""

    valid: bool
    #: The model that it was checked against.
    model_id: str
    #: Samples that the proof is about.
    samples: int
    #: ``tree`` or ``chain``; ``None`` if invalid.
    fold: str | None
    #: Wall time: ``setup``, ``verify``, ``total``.
    seconds: Mapping[str, float]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    indices: tuple[Indices, ...]
    #: The tensor that was opened.
    opened: Tensor | None
    #: Hash, claims and previous receipts of the receipt that was checked.
    receipt: Mapping[str, Any] | None
    #: The check that refuses it, under a name that stays.
    check: str | None
    #: Why it is refused.
    reason: str | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Verdict":
        """From the JSON of ``pleat-verify --json``."""
        opened = document.get("opened")
        return cls(
            valid=document["valid"],
            model_id=document["model_id"],
            samples=document.get("samples") or 1,
            fold=document["fold"],
            seconds=document["seconds"],
            inputs=tensors(document["input"]),
            outputs=tensors(document["output"]),
            indices=index_tensors(document.get("indices")),
            opened=None if opened is None else Tensor.of(opened),
            receipt=document.get("receipt"),
            check=document["check"],
            reason=arguments(document["reason"]),
        )

    def __bool__(self) -> bool:
        return self.valid

    def __repr__(self) -> str:
        if not self.valid:
            return f"<Verdict INVALID ({self.check}): {self.reason}>"
        shown = ", ".join(map(repr, (*self.inputs, *self.outputs)))
        return f"<Verdict valid, model {self.model_id[:12]}…: {shown}>"

    def raise_if_invalid(self) -> "Verdict":
        """Itself, if valid.

        Raises:
            InvalidProof: otherwise.
        """
        if not self.valid:
            raise InvalidProof(self.reason or "the proof is invalid", self.check)
        return self

    def _repr_html_(self) -> str:
        if not self.valid:
            reason = _html.table([("check", _html.escape(self.check)), ("reason", _html.escape(self.reason))])
            return _html.badge(False, "INVALID") + reason
        rows = [("model", f"<code>{self.model_id}</code>"), ("fold", _html.escape(self.fold))]
        rows += rows_of(self.inputs, self.outputs, self.indices)
        if self.opened is not None:
            rows.append((f"opened {self.opened.name}", self.opened._html()))
        if self.receipt is not None:
            rows.append(("receipt", f"<code>{_html.escape(self.receipt['hash'])}</code>"))
        return _html.badge(True, "valid") + _html.table(rows)


@dataclass(frozen=True, eq=False, repr=False)
class Verdicts:
    """What became of several proofs about one model, checked together; true if all are valid."""

    valid: bool
    model_id: str
    seconds: Mapping[str, float]
    #: One for each proof, in order.
    proofs: tuple[Verdict, ...]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Verdicts":
        """From the JSON of ``pleat-verify --json``."""
        proofs = tuple(Verdict.of(d) for d in document["proofs"])
        return cls(document["valid"], document["model_id"], document["seconds"], proofs)

    def __bool__(self) -> bool:
        return self.valid

    def __repr__(self) -> str:
        bad = sum(not v.valid for v in self.proofs)
        return f"<Verdicts of {len(self.proofs)} proofs, {bad} INVALID>" if bad else f"<Verdicts: all {len(self.proofs)} valid>"

    def __len__(self) -> int:
        return len(self.proofs)

    def __iter__(self) -> Any:
        return iter(self.proofs)

    def _repr_html_(self) -> str:
        bad = [(i, v) for i, v in enumerate(self.proofs) if not v.valid]
        if not bad:
            return _html.badge(True, f"all {len(self.proofs)} proofs are valid")
        rows = [(f"proof {i}", _html.escape(v.reason)) for i, v in bad]
        return _html.badge(False, f"{len(bad)} of {len(self.proofs)} proofs are INVALID") + _html.table(rows)


@dataclass(frozen=True, eq=False)
class ManyVerdict:
    """What became of a manifest of proofs; true if every input has one proof, and all proofs and receipts hold."""

    valid: bool
    model_id: str
    #: How many inputs there are.
    inputs: int
    #: Inputs without a proof.
    missing: tuple[int, ...]
    #: Of each proof that is refused: input, file, check and reason.
    refused: tuple[tuple[int, str, str, str], ...]
    #: Why the manifest itself is refused.
    reason: str | None
    seconds: Mapping[str, float]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "ManyVerdict":
        """From the JSON of ``pleat verify-many --json``."""
        refused = tuple((r["index"], r["proof"], r["check"], r["reason"]) for r in document["refused"])
        return cls(
            document["valid"],
            document["model_id"],
            document["inputs"],
            tuple(document["missing"]),
            refused,
            document["reason"],
            document["seconds"],
        )

    def __bool__(self) -> bool:
        return self.valid

    def _repr_html_(self) -> str:
        if self.valid:
            return _html.badge(True, f"valid: {self.inputs} inputs, each with a proof")
        rows = [("reason", _html.escape(self.reason))] if self.reason else []
        rows += [(f"input {i}", _html.escape(f"{file}: {reason}")) for i, file, _, reason in self.refused]
        rows += [(f"input {i}", "no proof") for i in self.missing]
        return _html.badge(False, "INVALID") + _html.table(rows)


@dataclass(frozen=True, eq=False)
class ChainMember:
    """A receipt of a chain that holds."""

    name: str
    model_id: str
    hash: str
    claims: Mapping[str, Any]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class ChainVerdict:
    """What became of a chain of receipts; true if all proofs, receipts and links hold."""

    valid: bool
    #: Previous receipts first; empty if invalid.
    receipts: tuple[ChainMember, ...]
    #: Pairs of a tensor of one proof and the input of another that it is.
    links: tuple[tuple[str, str], ...]
    reason: str | None
    seconds: Mapping[str, float]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "ChainVerdict":
        """From the JSON of ``pleat verify-chain --json``."""
        members = tuple(
            ChainMember(str(m["file"]), m["model_id"], m["hash"], m["claims"], tensors(m["input"]), tensors(m["output"]))
            for m in document["receipts"]
        )
        links = tuple((link["from"], link["to"]) for link in document["links"])
        return cls(document["valid"], members, links, document["reason"], document["seconds"])

    def __bool__(self) -> bool:
        return self.valid

    def _repr_html_(self) -> str:
        if not self.valid:
            return _html.badge(False, "INVALID") + _html.table([("reason", _html.escape(self.reason))])
        rows = []
        for member in self.receipts:
            rows.append((member.name, f"<code>{member.hash}</code>"))
            rows += rows_of(member.inputs, member.outputs, ())
        rows += [("link", f"{_html.escape(to)} is {_html.escape(source)}") for source, to in self.links]
        return _html.badge(True, f"valid: {len(self.receipts)} proofs, {len(self.links)} links") + _html.table(rows)
