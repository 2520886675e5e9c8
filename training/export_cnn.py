"""Exports train_cnn.py's weights as the folder of a model, and judges them once: python export_cnn.py CIFAR WEIGHTS.pt OUT_FOLDER EXPECTED.json --version X.Y.Z

Folds batch normalisation and writes model.onnx and manifest.json. EXPECTED.json is what PyTorch answers, in float32 and unfolded, to five 32x32
images made by tiny_models.py's rule. CIFAR/test is read here for the first time, for the top-1 accuracy that the manifest reports; nothing is
chosen by it.
"""
import argparse
import base64
import copy
import hashlib
import json
import pathlib

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F

from export import golden_tensor
from model import count
from train import MEAN, STD, prepare
from train_cnn import BATCH, DIMENSIONS, VALIDATION_IMAGES, SmallCnn, load
from weights import fold

SIZE, MAX_BYTES = 32, 2 << 20
COMMAND = "python training/export_cnn.py bench/.cache/cifar10 cnn.pt bench/models/cifar10-cnn test/fixtures/golden/cifar10-cnn.json --version 1.0.0"


def patterns(images=5):
    """uint8 [n, 3, 32, 32]: byte i of image n (H, W, C order) is Math.floor(128 + 127 * Math.sin(i * (0.011 + 0.007 * n) + (i % 3)))."""
    i = np.arange(SIZE * SIZE * 3)
    flat = [np.floor(128 + 127 * np.sin(i * (0.011 + 0.007 * image) + i % 3)) for image in range(images)]
    return np.stack(flat).astype(np.uint8).reshape(-1, SIZE, SIZE, 3).transpose(0, 3, 1, 2).copy()


@torch.no_grad()
def top1(session, classifier, images, labels):
    hits = 0
    for i in range(0, len(images), 500):
        embedding = torch.from_numpy(session.run(None, {"pixel_values": prepare(images[i : i + 500]).contiguous().numpy()})[0])
        hits += (F.linear(embedding, F.normalize(classifier)).argmax(1) == labels[i : i + 500]).sum().item()
    return hits / len(images)


def describe(parameters, macs, content, golden, checkpoint, accuracy, version):
    trials = ", ".join(f"{rate:g}: {score:.4f}" for rate, score in checkpoint["trials"].items())
    return {
        "name": "cifar10-cnn",
        "version": version,
        "file": "model.onnx",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "architecture": f"small residual convolutional network, global average pooling to {DIMENSIONS}, the layer before the classifier; {parameters / 1e6:.2f} million parameters, {macs / 1e9:.3f} GMAC",
        "input": {"name": "pixel_values", "layout": "NCHW", "type": "float32", "width": SIZE, "height": SIZE},
        "preprocessing": {
            "resize": {"width": SIZE, "height": SIZE, "interpolation": "bicubic"},
            "rescale": 1 / 255,
            "mean": [round(v / 255, 3) for v in MEAN.flatten().tolist()],
            "std": [round(v / 255, 3) for v in STD.flatten().tolist()],
        },
        "output": {"name": "embedding", "pooling": "none", "dimensions": DIMENSIONS, "normalized": False},
        "golden": {
            "tensor": "element i of the flat input (C, H, W order) is Math.sin(i * 0.013) as float32",
            "embedding": [round(float(v), 6) for v in golden / np.linalg.norm(golden)],
            "embeddingIs": "L2-normalised output",
        },
        "license": "MIT (weights); trained on CIFAR-10, whose images are for research use",
        "training": {
            "data": f"CIFAR-10's 50,000 training images with their labels: {50000 - VALIDATION_IMAGES:,} train, {VALIDATION_IMAGES:,} validate (choosing peak rate and epoch); it never saw the test images",
            "script": "training/train_cnn.py",
            "seed": checkpoint["seed"],
            "peakRate": f"{checkpoint['rate']:g}, the best validation top-1 of short runs ({trials})",
            "epochs": f"{checkpoint['epoch']} of {checkpoint['epochs']}, batches of {BATCH}",
            "cost": f"{checkpoint['minutes']:.0f} minutes of wall time on {checkpoint['threads']} CPU threads, bfloat16, the choice of the rate included",
        },
        "measured": {"validationTop1": round(checkpoint["accuracy"], 4), "testTop1": round(accuracy, 4)},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cifar")
    parser.add_argument("weights")
    parser.add_argument("out")
    parser.add_argument("expected")
    parser.add_argument("--version", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = torch.load(args.weights, map_location="cpu")
    trained = SmallCnn().eval()
    trained.load_state_dict(checkpoint["m"])
    folded = fold(copy.deepcopy(trained)).eval()
    parameters, macs = count(folded, SIZE)
    torch.onnx.export(folded, (torch.randn(1, 3, SIZE, SIZE),), str(out / "model.onnx"), input_names=["pixel_values"], output_names=["embedding"], opset_version=17,
                      dynamic_axes={"pixel_values": {0: "batch"}, "embedding": {0: "batch"}}, dynamo=False)
    content = (out / "model.onnx").read_bytes()
    assert len(content) <= MAX_BYTES, f"{len(content)} bytes are more than {MAX_BYTES}"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    probe = torch.randn(5, 3, SIZE, SIZE)
    with torch.no_grad():
        difference = np.abs(session.run(None, {"pixel_values": probe.numpy()})[0] - trained(probe).numpy()).max()
        expected = trained(prepare(patterns())).numpy()
    assert difference < 1e-4, f"exporting changed the model by {difference}"
    golden = session.run(None, {"pixel_values": golden_tensor(SIZE)})[0][0]
    accuracy = top1(session, checkpoint["W"], *load(pathlib.Path(args.cifar) / "test"))
    manifest = describe(parameters, macs, content, golden, checkpoint, accuracy, args.version)
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    embeddings = [base64.b64encode(embedding.astype("<f4").tobytes()).decode() for embedding in expected]
    pathlib.Path(args.expected).write_text(json.dumps({"command": COMMAND, "modelSha256": manifest["sha256"], "embeddings": embeddings}, indent=1) + "\n")
    print(f"{len(content)} bytes, {parameters} parameters, {macs} multiply-accumulates, largest difference from PyTorch {difference:.1e}")
    print(f"validation top-1 {checkpoint['accuracy']:.4f}, test top-1 {accuracy:.4f}")


if __name__ == "__main__":
    main()
