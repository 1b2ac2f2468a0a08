"""Proofs of many inputs on a cluster of two nodes, one of whose workers is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pytest

import pleat

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")

from pleat.ray import prove_many  # noqa: E402


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    os.environ["RAY_DEDUP_LOGS"] = "0"
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 << 20})
    cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    ray.init(address=cluster.address, log_to_driver=False)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def workers() -> list[int]:
    """Processes that prove now."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "ray::_work" in line]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_a_killed_worker_loses_nothing(
    cluster: Any, credit: pleat.Model, applicants: np.ndarray, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill() -> None:
        end = time.monotonic() + 60
        while not killed and time.monotonic() < end:
            proving = workers()
            if proving and (tmp_path / "journal.jsonl").exists() and lines(tmp_path):
                os.kill(proving[0], signal.SIGKILL)
                killed.append(proving[0])
            time.sleep(0.002)

    killer = threading.Thread(target=kill)
    killer.start()
    count = 40
    indices = []
    for index, proved in prove_many(
        credit, applicants[:count], out=tmp_path, hide="input", claims={"by": "cluster"}, progress=False
    ):
        indices.append(index)
        assert proved.outputs[0].integers.tolist() == credit.run(applicants[index]).outputs[0].integers.tolist()
    killer.join()
    assert killed, "no worker was there to be killed"
    assert indices == list(range(count))
    # Nothing is lost, and nothing was proved twice: each input has one line, one proof and one receipt.
    assert sorted(line["index"] for line in lines(tmp_path)) == list(range(count))
    assert len({line["hash"] for line in lines(tmp_path)}) == count
    verdict = pleat.verify_many(tmp_path / "manifest.json", model_id=credit.model_id)
    assert verdict and verdict.inputs == count
    # What lets others guess hidden inputs, and what opens them, is for this user only.
    for name in ("journal.jsonl", "000003.proof.secret"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    manifest = (tmp_path / "manifest.json").read_text()
    assert not any(line["input"] in manifest for line in lines(tmp_path))


def test_a_later_call_proves_what_is_missing(
    cluster: Any, credit: pleat.Model, applicants: np.ndarray, tmp_path: Path
) -> None:
    stream = prove_many(credit, applicants[:10], out=tmp_path, hide="input", progress=False)
    for _ in range(4):
        next(stream)
    stream.close()
    assert not (tmp_path / "manifest.json").exists()
    before = {line["index"]: line["hash"] for line in lines(tmp_path)}
    assert set(before) >= {0, 1, 2, 3}
    (tmp_path / "000002.proof").write_bytes(b"damaged")
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('{"index": 9, "cut off')
    changed = applicants[:10].copy()
    changed[1] = applicants[20]
    for index, proved in prove_many(credit, changed, out=tmp_path, hide="input", progress=False):
        assert proved.verify(receipt=proved.receipt)
        again = index in before and index not in (1, 2)
        assert (proved.receipt.hash == before.get(index)) == again, index
    assert pleat.verify_many(tmp_path / "manifest.json")


def test_a_bad_input_is_named(cluster: Any, credit: pleat.Model, applicants: np.ndarray, tmp_path: Path) -> None:
    samples = applicants[:6].copy()
    samples[4, 3] = 1e9
    indices = []
    with pytest.raises(pleat.QuantizeError) as caught:
        for index, _ in prove_many(credit, samples, out=tmp_path, progress=False):
            indices.append(index)
    assert caught.value.index == 4 and indices == [0, 1, 2, 3]


def test_manifests_are_checked(cluster: Any, credit: pleat.Model, applicants: np.ndarray, tmp_path: Path) -> None:
    list(prove_many(credit.batch(2), [applicants[i : i + 2] for i in (0, 2, 4)], out=tmp_path, progress=False))
    path = tmp_path / "manifest.json"
    good = path.read_text()
    document = json.loads(good)
    assert pleat.verify_many(path) and document["samples"] == 2

    def refused(change: Any) -> pleat.ManyVerdict:
        changed = json.loads(good)
        change(changed)
        path.write_text(json.dumps(changed))
        verdict = pleat.verify_many(path)
        path.write_text(good)
        assert not verdict
        return verdict

    assert refused(lambda d: d["proofs"].pop(1)).missing == (1,)
    assert "twice" in str(refused(lambda d: d["proofs"].append(d["proofs"][0])).reason)
    swap = refused(lambda d: d["proofs"][0].update(receipt=d["proofs"][1]["receipt"]))
    assert [r[2] for r in swap.refused] == ["receipt/other"]
    both = {"receipt": document["proofs"][1]["receipt"], "hash": document["proofs"][1]["hash"]}
    assert [r[2] for r in refused(lambda d: d["proofs"][0].update(both)).refused] == ["receipt/mismatch"]
    with pytest.raises(pleat.CheckError, match="beside it"):
        refused(lambda d: d["proofs"][0].update(proof="../000000.proof"))
    path.write_text(good)
    proof = bytearray((tmp_path / "000001.proof").read_bytes())
    proof[-1] ^= 1
    (tmp_path / "000001.proof").write_bytes(proof)
    verdict = pleat.verify_many(path)
    assert not verdict and [r[0] for r in verdict.refused] == [1]
    assert "INVALID" in verdict._repr_html_()
