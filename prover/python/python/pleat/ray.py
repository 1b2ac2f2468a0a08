"""Proofs of many inputs on many machines, over Ray (``pip install pleat[ray]``).

>>> import pleat, pleat.ray                                                              # doctest: +SKIP
>>> for index, proved in pleat.ray.prove_many(model, samples, out="proofs", hide="input"): ...  # doctest: +SKIP
>>> bool(pleat.verify_many("proofs/manifest.json"))                                      # doctest: +SKIP
True

The model lies in the object store, once on each node, and is read once by each worker. Results come in order. What a lost worker or
node had is proved again by another; what was proved is on disk and is not proved again, not even by a later call with the same folder.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping

import numpy as np
import ray
from ray import exceptions as lost

from ._model import Model, PathLike, Proved
from ._native import DataError, write_files
from ._progress import Progress, heard
from ._results import Receipt
from ._verify import Data

#: Losses of workers, nodes and what they held: the proof is made again.
_LOST = (
    lost.WorkerCrashedError,
    lost.NodeDiedError,
    lost.ObjectLostError,
    lost.OutOfMemoryError,
    lost.LocalRayletDiedError,
)
#: Of the folder: what was proved, with hashes of inputs, which would let others guess hidden ones. Secret, unlike the manifest.
JOURNAL = "journal.jsonl"
MANIFEST = "manifest.json"

#: Of a worker: models that it has read.
_models: dict[tuple[str, int], Model] = {}


@dataclass(frozen=True)
class _Entry:
    index: int
    #: Hash of the input and of how it was proved.
    input: str
    proof: str
    receipt: str
    #: Of the receipt.
    hash: str
    #: JSON of what was proved.
    text: str


def _work(model: Any, name: str, samples: int, threads: int, x: Data, settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """One proof, on a worker."""
    # Heeded if it comes before the first proof of this process.
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))
    key = (name, samples)
    if key not in _models:
        _models.clear()
        read = Model.read(memoryview(model))
        _models[key] = read if samples == 1 else read.batch(samples)
    return _models[key]._proved(x, receipt=True, **settings)


def prove_many(
    model: Model | PathLike,
    inputs: Iterable[Data],
    *,
    out: PathLike,
    hide: str | Iterable[str] = (),
    leave_out: str | Iterable[str] = (),
    fold: str | None = None,
    claims: Mapping[str, Any] | None = None,
    workers: int | None = None,
    threads: int = 1,
    retries: int = 3,
    progress: Progress = True,
) -> Iterator[tuple[int, Proved]]:
    """Proves runs on many inputs, one proof for each; yields ``(index, Proved)`` in order, as they are made.

    ``out`` gets, for input 7, ``000007.proof``, ``000007.proof.receipt.json`` and, if something is hidden, ``000007.proof.secret``; the
    verification model; ``manifest.json`` at the end, which :func:`pleat.verify_many` and ``pleat verify-many`` check; and
    ``journal.jsonl`` (for this user only), by which a later call with the same model, inputs and options proves only what is missing.

    Args:
        model: the model, or its ``.pleat`` file. Workers of the cluster see its secrets.
        inputs: samples, as :meth:`pleat.Model.prove` takes them; an array is iterated over its leading axis.
        out: a folder of this machine; it is made if it is not there.
        hide, leave_out, fold, claims: as for :meth:`pleat.Model.prove`.
        workers: proofs that are made at once; by default as many as the cluster has processors for.
        threads: processors of each.
        retries: how often an input is tried again whose worker was lost.
        progress: see :data:`pleat.Progress`.

    Raises:
        DataError, QuantizeError, ExecuteError, ProveError: of the first input that cannot be proved, when its turn comes; its index is
            the exception's ``index``. What was proved by then is kept.
        ray.exceptions.RayError: if workers are lost more often than ``retries`` allows.
    """
    read = model if isinstance(model, Model) else Model.read(model)
    settings = {
        "hide": (hide,) if isinstance(hide, str) else tuple(hide),
        "leave_out": (leave_out,) if isinstance(leave_out, str) else tuple(leave_out),
        "fold": fold,
        "claims": dict(claims or {}),
    }
    samples = list(inputs)
    if not samples:
        raise DataError("there are no inputs")
    if not ray.is_initialized():
        ray.init(logging_level=logging.ERROR, log_to_driver=False)
    if workers is None:
        resources: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        workers = max(1, int(resources.get("CPU", 1)) // threads)
    return _Run(read, samples, Path(out), settings, workers, threads, retries).results(progress)


class _Run:
    def __init__(
        self,
        model: Model,
        samples: list[Data],
        out: Path,
        settings: Mapping[str, Any],
        workers: int,
        threads: int,
        retries: int,
    ) -> None:
        self.verification = model.verification
        self.count = model.samples
        plain = model if model._base is None else model._base
        self.bytes = plain.to_bytes()
        self.samples = samples
        self.out = out
        self.settings = settings
        self.workers, self.threads, self.retries = workers, threads, retries
        self.name = f"{self.verification.model_id[:16]}.vmodel"

    def results(self, progress: Progress) -> Iterator[tuple[int, Proved]]:
        self.out.mkdir(parents=True, exist_ok=True)
        plain = self.verification if self.verification._base is None else self.verification._base
        write_files([(os.fspath(self.out / self.name), plain.to_bytes(), False)])
        done = self._done()
        (self.out / MANIFEST).unlink(missing_ok=True)
        remote = ray.remote(_work).options(num_cpus=self.threads, max_retries=0)
        stored = ray.put(np.frombuffer(self.bytes, dtype=np.uint8))
        journal = os.open(self.out / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        # Not far ahead: results wait in memory for their turn.
        ahead = deque[int](i for i in range(len(self.samples)) if i not in done)
        running: dict[Any, tuple[int, int]] = {}
        ready: dict[int, tuple[Any, ...] | BaseException] = {}

        def start(index: int, attempt: int) -> None:
            task = remote.remote(
                stored, self.verification.model_id, self.count, self.threads, self.samples[index], self.settings
            )
            running[task] = (index, attempt)

        try:
            with heard(progress) as told:
                for turn in range(len(self.samples)):
                    while turn not in done:
                        if turn in ready:
                            done[turn] = self._keep(turn, ready.pop(turn), journal)
                            break
                        while ahead and len(running) < self.workers and ahead[0] < turn + 8 * self.workers:
                            start(ahead.popleft(), 0)
                        finished, _ = ray.wait(list(running), num_returns=1)
                        for task in finished:
                            index, attempt = running.pop(task)
                            try:
                                ready[index] = ray.get(task)
                            except _LOST:
                                if attempt >= self.retries:
                                    raise
                                start(index, attempt + 1)
                            except lost.RayTaskError as error:
                                ready[index] = _cause(error, index)
                    if told is not None:
                        told("prove", turn + 1, len(self.samples))
                    yield turn, self._proved(done[turn])
            self._write_manifest(done)
        finally:
            for task in running:
                ray.cancel(task, force=False)
            os.close(journal)

    def _keep(self, index: int, result: tuple[Any, ...] | BaseException, journal: int) -> _Entry:
        """Writes a proof's files and then, in one line, that they are there."""
        if isinstance(result, BaseException):
            raise result
        proof, secret, receipt, text = result
        name = f"{index:06}.proof"
        files = [] if secret is None else [(os.fspath(self.out / f"{name}.secret"), secret, True)]
        files.append((os.fspath(self.out / name), proof, False))
        files.append((os.fspath(self.out / f"{name}.receipt.json"), receipt, False))
        write_files(files)
        entry = _Entry(
            index, self._digest(index), name, f"{name}.receipt.json", Receipt.read(receipt).hash, text
        )
        os.write(journal, (json.dumps(entry.__dict__) + "\n").encode())
        os.fsync(journal)
        return entry

    def _digest(self, index: int) -> str:
        """Of an input, and of how it is proved."""
        state = hashlib.sha3_256(self.verification.model_id.encode())
        state.update(json.dumps([self.count, self.settings], sort_keys=True).encode())
        sample = self.samples[index]
        named = sorted(sample.items()) if isinstance(sample, Mapping) else [("", sample)]
        for name, values in named:
            parts = values if isinstance(values, (list, tuple)) else [values]
            for part in parts:
                array = np.ascontiguousarray(np.asarray(part, dtype=np.float32))
                state.update(json.dumps([name, array.shape]).encode())
                state.update(array.tobytes())
        return state.hexdigest()

    def _done(self) -> dict[int, _Entry]:
        """What an earlier call proved of the same, and is still there."""
        path = self.out / JOURNAL
        if not path.exists():
            return {}
        found: dict[int, _Entry] = {}
        for line in path.read_text().splitlines():
            try:
                entry = _Entry(**json.loads(line))
            except (ValueError, TypeError):
                # The line that a kill cut off.
                continue
            if entry.index < len(self.samples) and entry.input == self._digest(entry.index) and self._is_there(entry):
                found[entry.index] = entry
        return found

    def _is_there(self, entry: _Entry) -> bool:
        try:
            receipt = Receipt.read(self.out / entry.receipt)
            proof = (self.out / entry.proof).read_bytes()
        except OSError:
            return False
        return receipt.hash == entry.hash and hashlib.sha3_256(proof).hexdigest() == receipt.document["proof"]

    def _proved(self, entry: _Entry) -> Proved:
        secret = self.out / f"{entry.proof}.secret"
        return Proved.of(
            (self.out / entry.proof).read_bytes(),
            secret.read_bytes() if self.settings["hide"] and secret.exists() else None,
            (self.out / entry.receipt).read_bytes(),
            entry.text,
            self.verification,
        )

    def _write_manifest(self, done: Mapping[int, _Entry]) -> None:
        entries = [done[i] for i in sorted(done)]
        document = {
            "manifest": "pleat-manifest/1",
            "model": self.name,
            "samples": self.count,
            "inputs": len(self.samples),
            "proofs": [{"index": e.index, "proof": e.proof, "receipt": e.receipt, "hash": e.hash} for e in entries],
        }
        text = json.dumps(document, indent=1) + "\n"
        write_files([(os.fspath(self.out / MANIFEST), text.encode(), False)])


def _cause(error: Any, index: int) -> BaseException:
    """The exception of the worker, with the input's index."""
    cause: BaseException = error.cause if isinstance(getattr(error, "cause", None), Exception) else error
    cause.index = index  # type: ignore[attr-defined]
    return cause


__all__ = ["prove_many"]
