"""What the tests of both packages share: either of them, and the repository's test data."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True, scope="session")
def at_the_root() -> None:
    """Paths of examples are those of a clone."""
    os.chdir(ROOT)


@pytest.fixture(params=["pleat_verifier", "pleat"], scope="session")
def package(request: pytest.FixtureRequest) -> ModuleType:
    """Both packages verify, and both have to be installed."""
    return importlib.import_module(request.param)


@pytest.fixture(scope="session")
def stored() -> Path:
    """Stored proofs and models."""
    return ROOT / "testdata" / "proof"
