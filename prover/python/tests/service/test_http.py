"""`pleat serve` against its own OpenAPI document, with schemathesis."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from program import FEATURES, TOKEN

HERE = Path(__file__).parent
SECONDS = os.environ.get("PLEAT_SCHEMATHESIS_SECONDS", "30")
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def document(server, folder):
    """The server's document, with an input that its model takes."""
    described = httpx.get(f"{server.url}/openapi.json").json()
    example = {"input_data": [[0] * FEATURES], "hide": ["input"]}
    for what in ("run", "prove"):
        body = described["paths"][f"/v1/models/{{name}}/{what}"]["post"]["requestBody"]["content"]["application/json"]
        body["example"] = example if what == "prove" else {"input_data": example["input_data"]}
    path = folder / "openapi.json"
    path.write_text(json.dumps(described))
    return path


@pytest.mark.parametrize("named", [False, True], ids=["any-model", "a-model"])
def test_the_document_is_kept(serve, tmp_path, named):
    server = serve("--keep", 100, "--timeout", 30)
    config = tmp_path / "schemathesis.toml"
    given = 'parameters = { "path.name" = "credit" }\n' if named else ""
    config.write_text(given + (HERE / "schemathesis.toml").read_text())
    command = [
        Path(sys.executable).with_name("schemathesis"), "--config-file", config, "run", document(server, tmp_path),
        "--url", server.url, "--header", f"Authorization: Bearer {TOKEN}", "--max-time", SECONDS, "--seed", "20261126",
        "--request-timeout", "20", "--continue-on-failure",
    ]  # fmt: skip
    ran = subprocess.run(list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, check=False)
    print(ran.stdout[-6000:])
    assert ran.returncode == 0, ran.stdout[-20000:] + ran.stderr
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    metrics = httpx.get(f"{server.url}/metrics", headers=HEADERS).text
    assert 'status="500"' not in metrics, metrics
