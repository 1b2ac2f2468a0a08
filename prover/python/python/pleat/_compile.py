"""From an ONNX model and samples to a proving model."""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any, Mapping, Sequence, Union

import numpy as np

from ._model import Model, PathLike
from ._native import CompileError, DataError, compile as _compile, input_specs
from ._progress import Progress, heard
from ._verify import Data, TensorSpec, arrays_of


def compile(
    model: Union[PathLike, bytes, Any],
    calibration: Data | None = None,
    *,
    digit_bits: int | None = None,
    headroom: float | None = None,
    row_bits: int | None = None,
    input_like: Mapping[str, TensorSpec] | None = None,
    best: Sequence[str] = (),
    hide: Sequence[str] = (),
    dims: Mapping[str, int] | None = None,
    bind: Mapping[str, Any] | None = None,
    tokens: int | None = None,
    last: int | None = None,
    weights_of: Model | None = None,
    progress: Progress = True,
) -> Model:
    """Quantizes a model and commits to its weights. Commitments are blinded: compiling twice gives two model ids.

    Args:
        model: the path of an ONNX file, or of a folder as Hugging Face has them; the bytes of an ONNX file; or an
            ``onnx.ModelProto``.
        calibration: typical inputs, a hundred or more, which fix the range of every tensor: an array with a leading axis of samples, or
            such arrays by input. A folder can do without.
        digit_bits: width of activations, 2 to 15: one more bit halves the error and doubles the lookup table. By default 14 for a
            network that divides, takes roots or exponentiates, otherwise 12.
        headroom: how far beyond its calibrated range a tensor may go, as a fraction of the range; by default 0.25.
        row_bits: commit to rows of ``2 ** row_bits`` cells.
        input_like: for an input that is to be a tensor of another model's proofs, that tensor (of ``VerificationModel.inputs`` or
            ``outputs``), whose scale it takes.
        best: outputs to show the index of the largest element of, along the last axis, instead of their values.
        hide: inputs of indices that a proof can hide.
        dims: lengths of dimensions that the model only names.
        bind: inputs to fix to a value, for good.
        tokens, last: of a folder, tokens of a run, and for how many of them, the last ones, there are logits.
        weights_of: keep weights that this model has, too, under its commitments.
        progress: see :data:`pleat.Progress`.

    Raises:
        CompileError: if the model cannot be compiled; ``kind`` is for example ``Unsupported``.
        DataError: if samples do not fit it.
    """
    options = json.dumps(
        {
            "digit_bits": digit_bits,
            "headroom": headroom,
            "row_bits": row_bits,
            "input_scales": {name: spec.scale for name, spec in (input_like or {}).items()},
            "dims": dict(dims or {}),
            "best": list(best),
            "hide": list(hide),
            "tokens": tokens,
            "last": last,
        }
    )
    bound = {name: arrays_of([np.asarray(value)], [name], DataError)[0] for name, value in (bind or {}).items()}
    with tempfile.TemporaryDirectory(prefix="pleat-") as folder:
        path = _path(model, Path(folder))
        arrays = None
        if calibration is not None:
            specs = json.loads(input_specs(path, options, bound))
            arrays = arrays_of(calibration, [spec["name"] for spec in specs], DataError)
            for array, spec in zip(arrays, specs):
                array["shape"] = _unfolded(array["shape"], spec["shape"])
        elif not path.is_dir():
            raise DataError("there are no calibration samples: the ranges of all tensors are those that typical inputs have")
        weights = None if weights_of is None else weights_of._native
        try:
            with heard(progress) as told:
                return Model(_compile(path, arrays, options, bound, weights, told))
        except CompileError as error:
            if path.parent == Path(folder):
                # The file is this call's own, and gone when the message is read.
                error.args = (str(error).replace(str(path), "the model"),)
            raise


def _unfolded(given: list[int], shape: list[int]) -> list[int]:
    """The shape of samples one after another in a flat list, as EZKL's calibration files have them."""
    cells = math.prod(shape)
    if len(given) == 1 and 0 < cells < given[0] and given[0] % cells == 0:
        return [given[0] // cells, *shape]
    return given


def _path(model: Union[PathLike, bytes, Any], folder: Path) -> Path:
    if isinstance(model, (str, os.PathLike)):
        return Path(model)
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    if not isinstance(model, (bytes, bytearray, memoryview)):
        raise TypeError(f"model is a {type(model).__name__}; it has to be a path, bytes or an onnx.ModelProto")
    path = folder / "model.onnx"
    path.write_bytes(model)
    return path


def load(path: PathLike) -> np.ndarray:
    """Samples as the command line reads them: a ``.npy`` file, the first array of a ``.npz`` archive, or the first list of
    ``{"input_data": [[…]]}`` in JSON, as EZKL writes it."""
    name = os.fspath(path)
    if name.endswith(".json"):
        return np.array(json.loads(Path(name).read_text())["input_data"][0], dtype=np.float32)
    data = np.load(name, allow_pickle=False)
    return np.asarray(data if isinstance(data, np.ndarray) else data[data.files[0]])


