"""Exports trained weights as the folder of a model: python export.py DATA.npz WEIGHTS OUT_FOLDER --base MANIFEST.json --version X.Y.Z

WEIGHTS is train.py's OUT.pt, or an exported model.onnx. Folds batch normalisation, writes model.onnx, and a manifest.json that takes what is not measured here from the base manifest.
--two-views averages two views of the image and subtracts the mean embedding of some training images (in the projection's bias).
"""
import argparse
import hashlib
import json
import pathlib

import numpy as np
import onnxruntime
import torch

from model import TwoViews, count
from train import prepare
from weights import from_onnx, from_state

MEAN_IMAGES = 6000


def golden_tensor(size=64):
    return np.sin(np.arange(3 * size * size) * 0.013).astype(np.float32).reshape(1, 3, size, size)


@torch.no_grad()
def centre(model, images):
    """Makes the mean embedding of the images zero."""
    chosen = images[np.sort(np.random.RandomState(0).permutation(len(images))[:MEAN_IMAGES])]
    features = torch.cat([model.features(prepare(chosen[i : i + 250])) for i in range(0, len(chosen), 250)])
    model.model.proj.bias.copy_(-model.model.proj.weight @ features.mean(0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("weights")
    parser.add_argument("out")
    parser.add_argument("--base", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--two-views", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    trained = from_onnx(args.weights) if args.weights.endswith(".onnx") else from_state(torch.load(args.weights, map_location="cpu")["m"])
    model = TwoViews(trained).eval() if args.two_views else trained
    parameters, macs = count(model)
    if args.two_views:
        centre(model, np.load(args.data)["train_x"])
    torch.onnx.export(model, (torch.randn(1, 3, 64, 64),), str(out / "model.onnx"), input_names=["pixel_values"], output_names=["embedding"], opset_version=17,
                      dynamic_axes={"pixel_values": {0: "batch"}, "embedding": {0: "batch"}}, dynamo=False)
    content = (out / "model.onnx").read_bytes()
    session = onnxruntime.InferenceSession(content)
    probe = torch.randn(5, 3, 64, 64)
    with torch.no_grad():
        difference = np.abs(session.run(None, {"pixel_values": probe.numpy()})[0] - model(probe).numpy()).max()
    assert difference < 1e-4, f"exporting changed the model by {difference}"
    golden = session.run(None, {"pixel_values": golden_tensor()})[0][0]
    manifest = json.loads(pathlib.Path(args.base).read_text())
    manifest |= {"version": args.version, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["architecture"] = ("hybrid Vision Transformer: convolutional stem, 64 tokens, 6 blocks of width 192, mean of tokens, "
                                f"{'mean of two views (whole image; its centre enlarged and mirrored), projection to 768, centred' if args.two_views else 'projection to 768'}; {parameters / 1e6:.1f} million parameters, {macs / 1e9:.2f} GMAC")
    manifest["golden"]["embedding"] = [round(float(v), 6) for v in golden / np.linalg.norm(golden)]
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(content)} bytes, {parameters} parameters, {macs} multiply-accumulates, largest difference from PyTorch {difference:.1e}")


if __name__ == "__main__":
    main()
