"""From other libraries' models to ONNX, where those libraries are installed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from ._compile import compile
from ._model import Model


def from_torch(module: Any, sample: Any, calibration: Any = None, **options: Any) -> Model:
    """Compiles a ``torch.nn.Module`` through ``torch.onnx``.

    Args:
        module: the module; it is put into evaluation mode while it is exported.
        sample: a tensor of one input, batch 1; a tuple if there are several.
        calibration: as for :func:`pleat.compile`; by default ``sample``, which calibrates a demonstration only.
        options: of :func:`pleat.compile`.

    Raises:
        ImportError: if torch is not installed.
    """
    import inspect

    import torch

    arguments = sample if isinstance(sample, tuple) else (sample,)
    names = [f"input_{i}" for i in range(len(arguments))] if len(arguments) > 1 else ["input"]
    file = io.BytesIO()
    trained = module.training
    module.eval()
    try:
        # The exporter by tracing needs no further package, and gives the operators that the compiler was tried on.
        known = inspect.signature(torch.onnx.export).parameters
        chosen = {"dynamo": False} if "dynamo" in known else {}
        with torch.no_grad():
            torch.onnx.export(
                module, arguments, file, input_names=names, output_names=["output"], opset_version=13, **chosen
            )
    finally:
        module.train(trained)
    if calibration is None:
        calibration = [np.asarray(a.detach()) for a in arguments]
    elif hasattr(calibration, "detach"):
        calibration = np.asarray(calibration.detach())
    return compile(file.getvalue(), calibration, **options)


def from_sklearn(estimator: Any, calibration: Any, **options: Any) -> Model:
    """Compiles a fitted estimator of scikit-learn through ``skl2onnx``. What is proved is its score: of a classifier
    the probabilities; a softmax at the very end is left out, as in all models, and the proof is then about its input.

    Args:
        estimator: for example an ``MLPClassifier``, an ``MLPRegressor`` or a pipeline of a ``StandardScaler`` and one.
        calibration: float array, samples × features.
        options: of :func:`pleat.compile`.

    Raises:
        ImportError: if skl2onnx is not installed.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    samples = np.asarray(calibration, dtype=np.float32)
    inputs = [("x", FloatTensorType([1, samples.shape[1]]))]
    choices = {}
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if hasattr(last, "classes_"):
        # Class labels are strings or look-ups, which a network of numbers does not have.
        choices = {id(last): {"zipmap": False, "output_class_labels": False}}
    # Scalers as differences and quotients, not as an operator of trees and tables.
    blocked = {"Scaler", "Normalizer", "LinearClassifier", "LinearRegressor"}
    proto = to_onnx(estimator, initial_types=inputs, options=choices, target_opset=13, black_op=blocked)
    if hasattr(last, "classes_"):
        scores = [o for o in proto.graph.output if "prob" in o.name]
        del proto.graph.output[:]
        proto.graph.output.extend(scores)
        _drop_unused(proto.graph)
    return compile(proto, samples, **options)


def _drop_unused(graph: Any) -> None:
    """Leaves out the nodes that no output needs."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
