"""Makes the tiny ONNX models that the tests' own hub serves, and with onnxruntime what they must answer.

    python3 -m venv .venv && .venv/bin/pip install -r training/requirements-tiny-models.txt
    .venv/bin/python training/tiny_hub_models.py test/fixtures/hub

They take and give what the files of the catalogue do, with free batch, height and width as Optimum exports them, and fixed
random weights. DINOv3's has its weights in a second file, as the hub's has. expected.json: by file, little-endian float32 in
base64, the answer to the golden tensor, pooled.
"""
import base64
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
# file: patch, width of a token, width of the projection (None: there is none), tokens ahead of the patches
MODELS = {"dinov2-small.onnx": (14, 384, None, 1), "clip-vision.onnx": (32, 64, 512, 1), "dinov3-small/model.onnx": (16, 384, None, 5)}
WEIGHTS = "model.onnx_data"


def build(patch, width, projected, prefix):
    random = np.random.default_rng(11)
    nodes, constants = [], []

    def constant(name, value, dtype=np.float32):
        constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(operator, inputs, **attributes):
        output = f"{operator}_{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    # Pooled first, so that the weights stay small: a patch is embedded from 2x2 means.
    x = node("AveragePool", ["pixel_values"], kernel_shape=[patch // 2] * 2, strides=[patch // 2] * 2)
    x = node("Conv", [x, constant("patch", random.normal(size=(8, 3, 2, 2)))], kernel_shape=[2, 2], strides=[2, 2])
    x = node("Reshape", [x, constant("flat", [0, 8, -1], np.int64)])
    x = node("Transpose", [x], perm=[0, 2, 1])
    axes = constant("axes", [1], np.int64)
    ahead = [node(("ReduceMax", "ReduceMin", "ReduceMean", "ReduceL1", "ReduceL2")[at], [x, axes], keepdims=1) for at in range(prefix)]
    x = node("Concat", [*ahead, x], axis=1)
    x = node("Tanh", [node("MatMul", [x, constant("width", random.normal(size=(8, width)))])])
    nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", width])]
    if projected:
        first = node("Gather", [x, constant("first", 0, np.int64)], axis=1)
        nodes.append(helper.make_node("MatMul", [first, constant("projection", random.normal(size=(width, projected)))], ["image_embeds"]))
        outputs.insert(0, helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["batch", projected]))
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", "channels", "height", "width"])
    graph = helper.make_graph(nodes, "tiny", [pixels], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
golden = np.sin(np.arange(3 * SIDE * SIDE) * 0.013).astype(np.float32).reshape(1, 3, SIDE, SIDE)
expected = {}
for name, (patch, width, projected, prefix) in MODELS.items():
    model = build(patch, width, projected, prefix)
    (folder / name).parent.mkdir(exist_ok=True)
    if prefix > 1:
        (folder / name).with_name(WEIGHTS).unlink(missing_ok=True)
        onnx.save_model(model, folder / name, save_as_external_data=True, location=WEIGHTS, size_threshold=64)
    else:
        onnx.save_model(model, folder / name)
    session = onnxruntime.InferenceSession(folder / name)
    if projected:
        embedding = session.run(["image_embeds"], {"pixel_values": golden})[0][0]
    else:
        tokens = session.run(["last_hidden_state"], {"pixel_values": golden})[0][0]
        embedding = np.append(tokens[0], tokens[prefix:].mean(axis=0))
    expected[name] = base64.b64encode(embedding.astype("<f4").tobytes()).decode()
    print(f"{name}: {(folder / name).stat().st_size} bytes, {len(embedding)} dimensions")
(folder / "expected.json").write_text(json.dumps(expected) + "\n")
