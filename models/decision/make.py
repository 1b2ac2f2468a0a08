"""Writes testdata/decision.onnx and testdata/decision-scores.json: what to do with an applicant, from a credit score alone.

The score is the credit model's logit. Logits of the decision: refuse max(-s, 0), refer to a person (1 - |s|) / 2, approve max(s, 0).

    pip install onnx==1.19.1 && python3 models/decision/make.py
"""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "testdata"

weights = {
    "sides.w": np.array([[1.0, -1.0]], np.float32),
    "sides.b": np.zeros(2, np.float32),
    "decide.w": np.array([[0.0, -0.5, 1.0], [1.0, -0.5, 0.0]], np.float32),
    "decide.b": np.array([0.0, 0.5, 0.0], np.float32),
}
nodes = [
    helper.make_node("Gemm", ["score", "sides.w", "sides.b"], ["signed"], name="sides"),
    helper.make_node("Relu", ["signed"], ["sides"], name="relu"),
    helper.make_node("Gemm", ["sides", "decide.w", "decide.b"], ["decision"], name="decide"),
]
graph = helper.make_graph(
    nodes,
    "decision",
    [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 1])],
    [helper.make_tensor_value_info("decision", TensorProto.FLOAT, [1, 3])],
    [numpy_helper.from_array(value, name) for name, value in weights.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
model.ir_version = 8
onnx.checker.check_model(model)
onnx.save(model, TESTDATA / "decision.onnx")

scores = [i / 8 for i in range(-40, 41)]
(TESTDATA / "decision-scores.json").write_text(json.dumps({"input_data": [scores]}) + "\n")
