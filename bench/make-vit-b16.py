"""Exports a ViT-B/16 at 224 with random weights, for benchmarks: cost does not depend on weights.

    python bench/make-vit-b16.py bench/.cache/vit-b16

Needs what training/requirements.txt lists. Writes model.onnx and manifest.json.
"""
import hashlib
import json
import math
import pathlib
import sys

import numpy as np
import onnxruntime
import torch
import torch.nn as nn

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "training"))
from model import Block  # noqa: E402


class VisionTransformer(nn.Module):
    """ViT-B/16 at 224 of Dosovitskiy et al. 2021, without its head: the class token after the last norm."""

    def __init__(self, dim=768, depth=12, heads=12, patch=16, size=224):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, patch, stride=patch)
        self.cls = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.pos = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, dim) * 0.02)
        self.blocks = nn.ModuleList([Block(dim, heads, mlp_ratio=4) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), tokens], dim=1) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
model = VisionTransformer().eval()
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
