"""Makes the tiny ONNX models of the tests, and with NumPy and onnxruntime what they must answer.

    python3 -m venv .venv && .venv/bin/pip install -r training/requirements-tiny-models.txt
    .venv/bin/python training/tiny_models.py test/fixtures/models

Each model averages 4x4 pixels, embeds patches of 2x2 of those with fixed random weights and, unless it is linear, adds
positions and takes tanh; one is a convolutional network instead. Between them they have both layouts, both input types, every pooling, a free batch and fixed
ones. The input is wider than high, so that exchanged sides are noticed.

<name>/model.onnx, manifest.json; expected.json: `embeddings[image]`, little-endian float32 in base64, of the crops whose
byte i (H, W, C order) is Math.floor(128 + 127 * Math.sin(i * (0.011 + 0.007 * image) + (i % 3))).
"""
import base64
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEIGHT, IMAGES = 24, 16, 5
PATCHES = (WIDTH // 8) * (HEIGHT // 8)
MEAN, STD, RESCALE = [0.48, 0.45, 0.4], [0.22, 0.23, 0.25], 1 / 255

# name: layout, input type, pooling, dimensions, batch (None: free), tokens ahead of the patches, linear
MODELS = {
    "nchw-float32-pooled": ("NCHW", "float32", "none", 48, None, 0, True),
    "nhwc-uint8-cls": ("NHWC", "uint8", "cls", 64, 1, 1, False),
    "nchw-uint8-mean": ("NCHW", "uint8", "mean", 768, 4, 0, True),
    "nhwc-float32-cls-mean": ("NHWC", "float32", "cls+mean", 768, None, 1, False),
    "nchw-float32-registers": ("NCHW", "float32", "mean", 32, None, 3, False),
    "nchw-float32-convolutional": ("NCHW", "float32", "none", 40, None, 0, False),
    "nchw-float32-wide": ("NCHW", "float32", "none", 1024, None, 0, True),
}
CONVOLUTIONAL = "nchw-float32-convolutional"


def build_convolutional(dimensions):
    random = np.random.default_rng(11)
    first = numpy_helper.from_array(random.normal(size=(8, 3, 3, 3), scale=0.3).astype(np.float32), "first")
    second = numpy_helper.from_array(random.normal(size=(dimensions, 8, 3, 3), scale=0.3).astype(np.float32), "second")
    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["pixels", "first"], ["a"], **same),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["c", "second"], ["d"], **same),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("GlobalAveragePool", ["e"], ["f"]),
        helper.make_node("Flatten", ["f"], ["features"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, HEIGHT, WIDTH])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", dimensions])
    graph = helper.make_graph(nodes, "tiny", [pixels], [features], [first, second])
    return serialise(graph)


def build(layout, kind, pooling, dimensions, batch, prefix, linear):
    random = np.random.default_rng(7)
    width = dimensions // 2 if pooling == "cls+mean" else dimensions
    nodes, constants = [], []

    def constant(name, value, dtype=np.float32):
        constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(operator, inputs, **attributes):
        output = f"{operator}_{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    x = "pixels"
    if kind == "uint8":
        x = node("Cast", [x], to=TensorProto.FLOAT)
        x = node("Mul", [x, constant("rescale", 1 / 255)])
    if layout == "NHWC":
        x = node("Transpose", [x], perm=[0, 3, 1, 2])
    x = node("AveragePool", [x], kernel_shape=[4, 4], strides=[4, 4])
    weights = constant("weights", random.normal(size=(width, 3, 2, 2)))
    x = node("Conv", [x, weights], kernel_shape=[2, 2], strides=[2, 2])
    x = node("Reshape", [x, constant("flat", [0, width, PATCHES], np.int64)])
    x = node("Transpose", [x], perm=[0, 2, 1])
    axes = constant("axes", [1], np.int64)
    if prefix:
        first = node("ReduceMean", [x, axes], keepdims=1)
        x = node("Concat", [first] * prefix + [x], axis=1)
    if not linear:
        x = node("Tanh", [node("Add", [x, constant("positions", random.normal(size=(prefix + PATCHES, width)))])])
    if pooling == "none":
        x = node("ReduceMean", [x, axes], keepdims=0)
        x = node("Div", [x, node("ReduceL2", [x, axes], keepdims=1)])
    nodes.append(helper.make_node("Identity", [x], ["features"]))

    n = batch or "batch"
    image = [3, HEIGHT, WIDTH] if layout == "NCHW" else [HEIGHT, WIDTH, 3]
    element = TensorProto.FLOAT if kind == "float32" else TensorProto.UINT8
    features = [n, width] if pooling == "none" else [n, prefix + PATCHES, width]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", element, [n, *image])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, features)],
        constants,
    )
    return serialise(graph)


def serialise(graph):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def embed(session, tensor, pooling, batch, prefix):
    """One image by itself; a fixed batch is filled by repeating it."""
    features = session.run(["features"], {"pixels": np.repeat(tensor[None], batch or 1, axis=0)})[0][0]
    cls, mean = features[0], features[prefix:].mean(axis=0)
    return {"none": features, "cls": cls, "mean": mean, "cls+mean": np.append(cls, mean)}[pooling].astype("<f4")


def to_tensor(crop, layout, kind, mean):
    if kind == "float32":
        crop = ((crop * RESCALE - np.array(mean)) / np.array(STD)).astype(np.float32)
    return crop if layout == "NHWC" else crop.transpose(2, 0, 1)


def golden_tensor(layout, kind):
    i = np.arange(3 * HEIGHT * WIDTH)
    flat = np.sin(i * 0.013) if kind == "float32" else np.floor(128 + 127 * np.sin(i * 0.013))
    return flat.astype(kind).reshape((3, HEIGHT, WIDTH) if layout == "NCHW" else (HEIGHT, WIDTH, 3))


def crop(image):
    i = np.arange(3 * HEIGHT * WIDTH)
    flat = np.floor(128 + 127 * np.sin(i * (0.011 + 0.007 * image) + i % 3))
    return flat.astype(np.uint8).reshape(HEIGHT, WIDTH, 3)


for name, (layout, kind, pooling, dimensions, batch, prefix, linear) in MODELS.items():
    weights = (
        build_convolutional(dimensions)
        if name == CONVOLUTIONAL
        else build(layout, kind, pooling, dimensions, batch, prefix, linear)
    )
    session = onnxruntime.InferenceSession(weights)
    preprocessing = {"resize": {"shortestEdge": HEIGHT, "interpolation": "bicubic"}, "centerCrop": {"width": WIDTH, "height": HEIGHT}}
    # To a linear model a black image is then the zero tensor, whose answer has no direction.
    mean = [0, 0, 0] if linear else MEAN
    if kind == "float32":
        preprocessing |= {"rescale": RESCALE, "mean": mean, "std": STD}
    output = {"name": "features", "pooling": pooling, "dimensions": dimensions, "normalized": pooling == "none" and linear}
    if pooling == "mean" and prefix:
        output["prefixTokens"] = prefix
    golden = embed(session, golden_tensor(layout, kind), pooling, batch, prefix)
    formula = "Math.sin(i * 0.013)" if kind == "float32" else "Math.floor(128 + 127 * Math.sin(i * 0.013))"
    manifest = {
        "name": f"tiny-{name}",
        "version": "1",
        "file": "model.onnx",
        "sha256": hashlib.sha256(weights).hexdigest(),
        "license": "MIT",
        "input": {"name": "pixels", "layout": layout, "type": kind, "width": WIDTH, "height": HEIGHT},
        "preprocessing": preprocessing,
        "output": output,
        "golden": {
            "tensor": f"element i of the flat input ({', '.join(layout[1:])} order) is {formula} as {kind}",
            "embedding": [round(float(value), 6) for value in golden],
        },
    }
    expected = [embed(session, to_tensor(crop(image), layout, kind, mean), pooling, batch, prefix) for image in range(IMAGES)]
    folder = Path(sys.argv[1]) / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(weights)
    (folder / "manifest.json").write_text(json.dumps(manifest) + "\n")
    (folder / "expected.json").write_text(json.dumps({"embeddings": [base64.b64encode(e.tobytes()).decode() for e in expected]}) + "\n")
    print(f"{name}: {len(weights)} bytes, {dimensions} dimensions")
