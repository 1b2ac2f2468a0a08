"""What the tests share: the repository's test data and a compiled model."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import pleat

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True, scope="session")
def at_the_root() -> None:
    """Paths are those of a clone."""
    os.chdir(ROOT)


@pytest.fixture(scope="session")
def applicants() -> np.ndarray:
    return pleat.load(ROOT / "testdata" / "credit-300.npz")


@pytest.fixture(scope="session")
def credit(applicants: np.ndarray) -> pleat.Model:
    return pleat.compile(ROOT / "testdata" / "credit_mlp.onnx", applicants, progress=False)
