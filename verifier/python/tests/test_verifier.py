"""What either package verifies beyond the table."""

from __future__ import annotations

import doctest
import importlib
import pickle
import threading
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def test_demands_are_checked(package: ModuleType, stored: Path) -> None:
    model = package.VerificationModel.read(stored / "credit.vmodel")
    proof = (stored / "public.proof").read_bytes()
    shown = model.verify(proof)
    x, y = shown.inputs[0].values, shown.outputs[0].values
    assert model.verify(proof, input=x, output={"y": y}, model_id=model.model_id)
    assert model.verify(proof, output=y + 1.0).check == "demand/value"
    assert model.verify(proof, model_id="0" * 64).check == "demand/model-id"
    with pytest.raises(package.CheckError, match="takes shape"):
        model.verify(proof, input=np.zeros(60))
    with pytest.raises(package.CheckError, match="no tensor z"):
        model.verify(proof, input={"z": x})


def test_errors_name_their_case_and_speak_of_arguments(package: ModuleType, stored: Path) -> None:
    with pytest.raises(package.ModelError) as caught:
        package.VerificationModel.read(b"not a model")
    assert caught.value.kind == "Format"
    model = package.VerificationModel.read(stored / "credit.vmodel")
    with pytest.raises(package.CheckError) as caught:
        model.verify(stored / "hidden.proof", output=[[0.0]])
    assert caught.value.kind == "Hidden"
    assert "opening=" in str(caught.value) and "--" not in str(caught.value)
    with pytest.raises(package.InvalidProof) as refused:
        model.verify(stored / "hidden.proof", model_id="0" * 64).raise_if_invalid()
    assert refused.value.check == "demand/model-id"


def test_an_opening_shows_a_hidden_tensor(package: ModuleType, stored: Path) -> None:
    verdict = package.verify(stored / "credit.vmodel", stored / "hidden.proof", opening=stored / "input.opening")
    assert verdict and verdict.opened.shape == (1, 61)
    assert np.allclose(np.asarray(verdict.opened), verdict.opened.integers * verdict.opened.scale)
    changed = bytearray((stored / "input.opening").read_bytes())
    changed[-1] ^= 1
    verdict = package.verify(stored / "credit.vmodel", stored / "hidden.proof", opening=bytes(changed))
    assert verdict.check.startswith("opening-file/")


def test_several_are_checked_together(package: ModuleType, stored: Path) -> None:
    model = package.VerificationModel.read(stored / "credit.vmodel")
    good = (stored / "public.proof").read_bytes()
    bad = bytearray(good)
    bad[137] ^= 1
    verdicts = model.verify_all([good, bytes(bad), good])
    assert [v.valid for v in verdicts] == [True, False, True] and not verdicts


def test_of_nothing_nothing_is_valid(package: ModuleType, stored: Path) -> None:
    model = package.VerificationModel.read(stored / "credit.vmodel")
    with pytest.raises(package.CheckError):
        model.verify_all([])
    with pytest.raises(package.CheckError):
        package.verify_chain([], [model])


def test_other_threads_go_on(package: ModuleType, stored: Path) -> None:
    model = package.VerificationModel.read(stored / "mnist-8.vmodel")
    proof = (stored / "mnist-8.proof").read_bytes()
    ticks, stop = [0], threading.Event()

    def count() -> None:
        while not stop.is_set():
            ticks[0] += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    model.verify_all([proof] * 40)
    stop.set()
    thread.join()
    assert ticks[0] > 20


def test_notebooks_draw_results(package: ModuleType, stored: Path) -> None:
    verdict = package.verify(stored / "mnist-8.vmodel", stored / "mnist-8.proof")
    drawn = verdict._repr_html_()
    assert "data:image/png;base64," in drawn and "valid" in drawn and "<table>" in drawn
    refused = package.verify(stored / "mnist-8.vmodel", stored / "public.proof")
    assert "INVALID" in refused._repr_html_() and "other-model" in refused._repr_html_()
    named = package.Tensor("<script>", (1,), False, np.zeros(1), np.zeros(1, dtype=np.int32), 1.0)
    assert "<script>" not in named._repr_html_()


def test_models_are_pickled(package: ModuleType, stored: Path) -> None:
    model = package.VerificationModel.read(stored / "credit.vmodel").batch(4)
    again = pickle.loads(pickle.dumps(model))
    assert (again.model_id, again.samples) == (model.model_id, 4)


def test_examples(package: ModuleType) -> None:
    names = [""] + (["._model", "._verify"] if package.__name__ == "pleat" else ["._verify"])
    for name in names:
        module = importlib.import_module(package.__name__ + name)
        scope = {key: getattr(package, key) for key in package.__all__}
        results = doctest.testmod(module, extraglobs=scope)
        assert results.attempted > 0 and results.failed == 0, module


def test_the_verifier_has_no_prover() -> None:
    verifier = importlib.import_module("pleat_verifier")
    native = importlib.import_module("pleat_verifier._checks")
    assert not {"Model", "compile"} & (set(dir(verifier)) | set(dir(native)))
    # 12 MB compressed; the library itself is larger.
    assert Path(native.__file__).stat().st_size < 24 << 20
