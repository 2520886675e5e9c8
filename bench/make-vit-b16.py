"""Exports a ViT-B/16 at 224 with random weights, for benchmarks: cost does not depend on weights.

    python bench/make-vit-b16.py bench/.cache/vit-b16

Needs torch, torchvision, onnx and onnxruntime. Writes model.onnx and manifest.json.
"""
import hashlib
import json
import math
import pathlib
import sys

import numpy as np
import onnxruntime
import torch
import torchvision

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
model = torchvision.models.vit_b_16(weights=None).eval()
model.heads = torch.nn.Identity()
path = out / "model.onnx"
torch.onnx.export(model, torch.zeros(1, 3, 224, 224), str(path), input_names=["pixel_values"], output_names=["embedding"],
                  opset_version=17, dynamic_axes={"pixel_values": {0: "batch"}, "embedding": {0: "batch"}}, dynamo=False)

count = 3 * 224 * 224
tensor = np.array([math.sin(i * 0.013) for i in range(count)], dtype=np.float32).reshape(1, 3, 224, 224)
embedding = onnxruntime.InferenceSession(str(path)).run(None, {"pixel_values": tensor})[0][0]
embedding = embedding / np.linalg.norm(embedding)
bundled = json.loads((pathlib.Path(__file__).parent.parent / "models/semblance-compact/manifest.json").read_text())
manifest = {
    **{key: bundled[key] for key in ("input", "preprocessing", "output", "golden")},
    "name": "vit-b16-random",
    "version": "0.0.0",
    "file": "model.onnx",
    "bytes": path.stat().st_size,
    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    "architecture": "ViT-B/16 at 224 with random weights",
    "license": "none: random weights",
}
manifest["input"] = {**bundled["input"], "width": 224, "height": 224}
manifest["preprocessing"] = {
    **bundled["preprocessing"],
    "resize": {"shortestEdge": 248, "interpolation": "bicubic"},
    "centerCrop": {"width": 224, "height": 224},
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}
manifest["golden"] = {**bundled["golden"], "embedding": [round(float(v), 6) for v in embedding]}
(out / "manifest.json").write_text(json.dumps(manifest, indent=1))
