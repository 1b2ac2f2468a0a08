"""Models of other libraries. CI has these libraries; elsewhere what is missing is left out."""

from __future__ import annotations

import numpy as np
import pytest

import pleat


def test_scikit_learn(applicants: np.ndarray) -> None:
    pytest.importorskip("skl2onnx")
    networks = pytest.importorskip("sklearn.neural_network")
    pipelines = pytest.importorskip("sklearn.pipeline")
    scalers = pytest.importorskip("sklearn.preprocessing")
    rows = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0).astype(int)
    classifier = networks.MLPClassifier(hidden_layer_sizes=(16, 8), max_iter=400, random_state=0)
    classifier = pipelines.make_pipeline(scalers.StandardScaler(), classifier).fit(rows, labels)
    model = pleat.from_sklearn(classifier, rows, progress=False)
    proved = model.prove(rows[5], hide="input", progress=False)
    assert proved.verify()
    regressor = networks.MLPRegressor(hidden_layer_sizes=(8,), max_iter=400, random_state=0).fit(rows, rows[:, 0] * 2)
    model = pleat.from_sklearn(regressor, rows, progress=False)
    got = model.run(rows[5]).outputs[0].values.item()
    assert got == pytest.approx(regressor.predict(rows[5:6]).item(), abs=0.05)


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    samples = torch.randn(100, 6)
    model = pleat.from_torch(module, samples[:1], samples, progress=False)
    proved = model.prove(samples[3].numpy(), hide="input", progress=False)
    assert proved.verify()
    expected = module(samples[3:4]).detach().numpy()
    assert proved.outputs[0].values == pytest.approx(expected, abs=0.05)
