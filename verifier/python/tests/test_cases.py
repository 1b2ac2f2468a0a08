"""The table of stored files, whole and changed, that the command line and the browser go through, too."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

STORED = Path(__file__).parents[3] / "testdata" / "proof"
CASES: list[dict[str, Any]] = json.loads((STORED / "cases.json").read_text())["cases"]


def edited(name: str, edits: list[dict[str, Any]]) -> bytes:
    """A stored file after edits (verifier/tests/cases.rs says what each does)."""
    data = bytearray((STORED / name).read_bytes())
    for edit in edits:
        kind = edit["op"]
        if kind == "flip":
            data[edit["at"]] ^= edit["mask"]
        elif kind == "truncate":
            del data[edit["to"] :]
        elif kind == "append":
            data += bytes(edit["bytes"])
        elif kind == "set":
            data[edit["at"] : edit["at"] + len(edit["bytes"])] = bytes(edit["bytes"])
        elif kind in ("copy", "splice"):
            source = bytes(data) if kind == "copy" else (STORED / edit["file"]).read_bytes()
            part = source[edit["from"] : edit["from"] + edit["length"]]
            data[edit["to"] : edit["to"] + edit["length"]] = part
        elif kind == "fill":
            data = bytearray((i * i + edit["seed"] * i) // 4 % 256 for i in range(edit["length"]))
        else:
            raise AssertionError(kind)
    return bytes(data)


def test_the_table_is_the_one_that_others_go_through() -> None:
    assert len(CASES) >= 160


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_case(package: ModuleType, case: dict[str, Any]) -> None:
    model = edited(case["model"], case.get("model_edits", []))
    proof = edited(case["proof"], case.get("proof_edits", []))
    expect = case["expect"]
    if expect["outcome"] == "error":
        with pytest.raises(package.PleatError) as caught:
            package.verify(model, proof, model_id=case.get("model_id"))
        assert expect["reason"] in str(caught.value)
        return
    verdict = package.verify(model, proof, model_id=case.get("model_id"))
    if expect["outcome"] == "invalid":
        assert not verdict
        assert (verdict.check, verdict.reason) == (expect["check"], expect["reason"])
        return
    assert verdict, verdict.reason
    assert verdict.fold == expect["fold"]
    integers = [None if t.integers is None else t.integers.ravel().tolist() for t in verdict.outputs]
    assert integers == expect["outputs"]
    shown = [0 if t.integers is None else t.integers.size for t in verdict.inputs]
    assert shown == expect["shown_inputs"]
    assert [t.values.ravel().tolist() for t in verdict.indices] == expect.get("indices", [])
