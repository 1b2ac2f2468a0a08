"""Models for the program under test, and a server with them."""

import os

import pytest

from program import DATA, Server, pleat

# These are tests of the program that this names, not of the package around them.
collect_ignore_glob = [] if os.environ.get("PLEAT_BIN") else ["test_*.py"]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    pleat("compile", DATA / "credit_mlp.onnx", "--calibration", DATA / "credit-300.npz", "-o", folder / "credit", "--quiet")
    pleat(
        "compile", DATA / "decision.onnx", "--calibration", DATA / "decision-scores.json",
        "--input-like", folder / "credit.vmodel", "-o", folder / "decision", "--quiet",
    )  # fmt: skip
    return folder


@pytest.fixture
def serve(models, tmp_path):
    servers = []

    def start(*options):
        servers.append(Server(models, tmp_path / "jobs", *options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
