"""Compiling, running, proving and opening, on the bundled networks."""

from __future__ import annotations

import pickle
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

import pleat

DATA = Path("testdata")


def test_ten_lines_prove_and_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (Path("prover/python/README.md").read_text().split("```python\n")[1]).split("```")[0]
    (tmp_path / "testdata").symlink_to(Path("testdata").resolve())
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    exec(lines, scope)
    verdict = scope["verdict"]
    assert isinstance(verdict, pleat.Verdict) and verdict
    assert verdict.outputs[0].values.item() == pytest.approx(-0.338481, abs=0.02)


def test_models_are_taken_as_path_bytes_or_message(applicants: np.ndarray) -> None:
    path = DATA / "credit_mlp.onnx"
    for model in (str(path), path.read_bytes(), onnx.load(path)):
        compiled = pleat.compile(model, {"x": applicants}, digit_bits=10, progress=False)
        assert compiled.report["parameters"] == 2529 and compiled.verification.digit_bits == 10


def test_a_run_is_what_is_proved(credit: pleat.Model, applicants: np.ndarray) -> None:
    run = credit.run(applicants[3])
    proved = credit.prove(applicants[3], hide=("input", "output"), progress=False)
    assert (run.outputs[0].integers == proved.outputs[0].integers).all()
    assert proved.outputs[0].hidden and proved.hidden_inputs == ("x",)
    verdict = proved.verify()
    assert verdict and verdict.outputs[0].values is None
    assert proved.verify(opening=proved.open("y").bytes).opened.integers.tolist() == run.outputs[0].integers.tolist()
    assert proved.open("x").tensor.values == pytest.approx(applicants[3].reshape(1, 61), abs=0.01)
    with pytest.raises(pleat.DataError, match="no input or output z; it has: x, y"):
        proved.open("z")


def test_nothing_hidden_leaves_no_secret(credit: pleat.Model, applicants: np.ndarray) -> None:
    proved = credit.prove(applicants[0], progress=False)
    assert proved.secret is None
    with pytest.raises(pleat.DataError, match="hides nothing"):
        proved.open("x")


def test_files_are_those_of_the_command_line(credit: pleat.Model, applicants: np.ndarray, tmp_path: Path) -> None:
    credit.save(tmp_path / "credit")
    proved = credit.prove(applicants[1], hide="input", claims={"by": "test"}, progress=False)
    proved.save(tmp_path / "one.proof")
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["credit.pleat", "credit.vmodel", "one.proof", "one.proof.receipt.json", "one.proof.secret"]
    for secret in ("credit.pleat", "one.proof.secret"):
        assert stat.S_IMODE((tmp_path / secret).stat().st_mode) == 0o600
    again = pleat.Model.read(tmp_path / "credit.pleat")
    assert again.model_id == credit.model_id and pickle.loads(pickle.dumps(again)).model_id == credit.model_id
    receipt = pleat.Receipt.read(tmp_path / "one.proof.receipt.json")
    assert receipt.claims == {"by": "test"}
    verdict = pleat.verify(tmp_path / "credit.vmodel", tmp_path / "one.proof", receipt=receipt)
    assert verdict and verdict.receipt["hash"] == receipt.hash
    opening = pleat.open_secret(tmp_path / "one.proof.secret", tmp_path / "credit.vmodel", "x")
    assert opening.tensor.shape == (1, 61)


def test_a_receipt_of_another_proof_is_refused(credit: pleat.Model, applicants: np.ndarray) -> None:
    one, other = (credit.prove(applicants[i], receipt=True, progress=False) for i in (1, 2))
    assert one.verify(receipt=one.receipt)
    assert one.verify(receipt=other.receipt).check == "receipt/mismatch"


def test_left_out_values_are_given_again(credit: pleat.Model, applicants: np.ndarray) -> None:
    proved = credit.prove(applicants[4], leave_out="input", progress=False)
    assert proved.verify(input=applicants[4])
    assert not proved.verify(input=applicants[5])
    with pytest.raises(pleat.CheckError, match="does not hold the values"):
        proved.verify()
    with pytest.raises(pleat.ProveError, match="hidden|hide"):
        credit.prove(applicants[4], leave_out="input", hide="input", progress=False)


def test_both_modes(credit: pleat.Model, applicants: np.ndarray) -> None:
    for fold in ("tree", "chain"):
        proved = credit.prove(applicants[6], fold=fold, progress=False)
        assert proved.fold == fold and proved.verify().fold == fold
    with pytest.raises(ValueError, match="fold="):
        credit.prove(applicants[6], fold="ring")


def test_one_proof_of_many_samples(credit: pleat.Model, applicants: np.ndarray) -> None:
    many = credit.batch(8)
    proved = many.prove(applicants[:8], hide="input", progress=False)
    assert proved.samples == 8 and proved.outputs[0].shape[0] == 8
    assert pleat.verify(credit.verification, proved.proof, samples=8)
    assert pleat.verify(credit.verification, proved.proof).check == "other-model"
    with pytest.raises(pleat.DataError, match=r"model.batch\(8\)"):
        credit.prove(applicants[:8])
    assert pickle.loads(pickle.dumps(many)).prove(applicants[:8], progress=False).verify()


def test_a_chain_of_two_models(credit: pleat.Model, applicants: np.ndarray) -> None:
    score = credit.verification.outputs[0]
    scores = pleat.load(DATA / "decision-scores.json")
    decision = pleat.compile(DATA / "decision.onnx", scores.reshape(-1, 1), input_like={"score": score}, progress=False)
    first = credit.prove(applicants[7], hide=("input", "output"), claims={"agent": "scorer"}, progress=False)
    opening = first.open("y")
    second = decision.prove(
        input_from={"score": opening}, hide="input", previous=[first.receipt], progress=False
    )
    links = [(first.receipt, first.proof), (second.receipt, second.proof)]
    models = [credit.verification, decision.verification]
    verdict = pleat.verify_chain(links, models)
    assert verdict and len(verdict.links) == 1 and verdict.receipts[0].claims == {"agent": "scorer"}
    assert not pleat.verify_chain(links[1:], models)
    # Another score of the same model is not the one that the decision was about.
    third = credit.prove(applicants[8], hide=("input", "output"), claims={"agent": "scorer"}, progress=False)
    with pytest.raises(pleat.ProveError, match="commitments"):
        decision.prove(input_from={"score": opening}, hide="input", previous=[third.receipt], progress=False)


def test_errors_name_their_case(credit: pleat.Model, applicants: np.ndarray) -> None:
    far = applicants[0] + 1e6
    with pytest.raises(pleat.QuantizeError) as caught:
        credit.prove(far, progress=False)
    assert caught.value.kind == "Range" and "x" in str(caught.value)
    with pytest.raises(pleat.DataError, match=r"\[1, 61\]"):
        credit.run(np.zeros(60))
    with pytest.raises(pleat.DataError, match="no array of numbers"):
        credit.run("seven")
    with pytest.raises(pleat.CompileError) as bad:
        pleat.compile(b"no model", applicants, progress=False)
    assert bad.value.kind == "NotOnnx"
    with pytest.raises(pleat.DataError, match="calibration"):
        pleat.compile(DATA / "credit_mlp.onnx")
    with pytest.raises(pleat.ProvingModelError):
        pleat.Model.read(credit.verification.to_bytes())
    with pytest.raises(pleat.WriteError):
        credit.save("/nowhere/at/all/credit")


def test_progress_is_heard_and_may_end_the_work(credit: pleat.Model, applicants: np.ndarray) -> None:
    heard: list[str] = []
    credit.prove(applicants[0], progress=lambda stage, done, total: heard.append(stage))
    assert {"execute", "commit", "fold"} <= set(heard)

    class Enough(Exception):
        pass

    def stop(stage: str, done: int, total: int) -> None:
        raise Enough(stage)

    with pytest.raises(Enough):
        credit.prove(applicants[0], progress=stop)


def test_other_threads_go_on(credit: pleat.Model, applicants: np.ndarray) -> None:
    ticks, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    for i in range(5):
        credit.prove(applicants[i], progress=False)
    stop.set()
    thread.join()
    assert ticks[0] > 20


def test_ctrl_c_ends_a_proof() -> None:
    script = """
import sys, numpy as np, pleat
samples = pleat.load("testdata/credit-300.npz")
model = pleat.compile("testdata/credit_mlp.onnx", samples, progress=False).batch(64)
# Proofs without an end, until somebody has had enough.
print("proving", flush=True)
try:
    while True:
        model.prove(samples[:64], progress=lambda *_: None)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "proving\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert out == "interrupted\n" and process.returncode == 0


def test_a_picture_is_drawn() -> None:
    pictures = pleat.load(DATA / "mnist-200.npz")
    model = pleat.compile(DATA / "mnist-8.onnx", pictures, progress=False)
    proved = model.prove(pictures[0], progress=False)
    assert "data:image/png" in proved.verify()._repr_html_()
    for shown in (model, proved, model.verification, model.run(pictures[0])):
        assert "<table>" in shown._repr_html_()


def test_words_are_written_and_proved() -> None:
    ids = pleat.load(DATA / "mathformer-sums.npz")
    model = pleat.compile(DATA / "mathformer_add", ids, tokens=8, best=["logits"], progress=False)
    words = pleat.tokenizer(DATA / "mathformer_add" / "tokenizer.json")
    prompt = words.encode("7+8=")
    written = model.write(prompt, 3, progress=False)
    proved = model.prove(written, progress=False)
    assert proved.verify()
    answer = proved.indices[1].values.ravel()[len(prompt) - 1 :][:3].tolist()
    assert words.continuation(prompt, answer) == "15<end>"


def test_hidden_ids() -> None:
    ids = pleat.load(DATA / "mathformer-sums.npz")
    model = pleat.compile(DATA / "mathformer_add_L8.onnx", ids, best=["logits"], hide=["ids"], progress=False)
    proved = model.prove(ids[7], hide="input", progress=False)
    assert proved.verify().inputs[0].values is None
