"""Exports a network of the catalogue as a folder that the server takes: python export.py NAME OUT_FOLDER

Writes model.onnx (free batch, one output) and manifest.json with what PyTorch answers to the golden tensor. Weights are the
hub's, or --weights, or with --random-weights none that anybody trained: such an export proves the way, and finds nothing.
"""
import argparse
import hashlib
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch

from models import MODELS, SIDE, load, pool

OPSET = 18


def golden_tensor(side=SIDE):
    return np.sin(np.arange(3 * side * side) * 0.013).astype(np.float32).reshape(1, 3, side, side)


def cosine(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def to_onnx(model, path):
    example = torch.randn(2, 3, SIDE, SIDE)
    batch = {0: torch.export.Dim("batch")}
    program = torch.onnx.export(model.module, (example,), input_names=["pixel_values"], output_names=[model.output["name"]],
                                dynamic_shapes=(batch,), opset_version=OPSET, dynamo=True, verbose=False)
    graph = program.model_proto
    strip(graph)
    onnx.save(graph, path)


def strip(model):
    """The exporter notes the lines of source, with this machine's folders, at each node."""
    for owner in (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.value_info, *model.graph.input, *model.graph.output):
        owner.ClearField("metadata_props")
        owner.ClearField("doc_string")


def run(session, output, tensors):
    return pool(session.run([output["name"]], {"pixel_values": tensors})[0], output)


def manifest_of(name, version, content, preprocessing, output, golden, side=SIDE, **more):
    return {
        "name": name,
        "version": version,
        "file": "model.onnx",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        **more,
        "input": {"name": "pixel_values", "layout": "NCHW", "type": "float32", "width": side, "height": side},
        "preprocessing": preprocessing,
        "output": output,
        "golden": {
            "tensor": "element i of the flat input (C, H, W order) is Math.sin(i * 0.013) as float32",
            "embedding": [round(float(value), 6) for value in golden / np.linalg.norm(golden)],
        },
    }


def export(name, out, weights=None, seed=None, tiny=False, pool_in_server=False):
    """Answers the PyTorch model and the lowest cosine of the exported graph to it."""
    model = load(name, weights, seed, tiny, pool_in_server)
    out.mkdir(parents=True, exist_ok=True)
    to_onnx(model, out / "model.onnx")
    content = (out / "model.onnx").read_bytes()
    session = onnxruntime.InferenceSession(content)
    probe = np.concatenate([golden_tensor(), np.random.default_rng(1).normal(size=(2, 3, SIDE, SIDE)).astype(np.float32)])
    answers = model.embed(probe)
    lowest = float(cosine(run(session, model.output, probe), answers).min())
    assert lowest > 0.99999, f"exporting changed the model: cosine {lowest}"
    known = MODELS[name]
    trained = seed is None
    manifest = manifest_of(
        name if trained else f"{name}-random", "1.0.0" if trained else f"seed-{seed}", content, model.preprocessing, model.output, answers[0],
        license=known.license, architecture=known.architecture if not tiny else f"{known.architecture}; shrunk for tests",
        source={"weights": (pathlib.Path(weights).name if weights else known.repo) if trained else f"random, seed {seed}", "torch": torch.__version__, "opset": OPSET})
    (out / "manifest.json").write_text(json.dumps(manifest, indent=None if tiny else 1) + "\n")
    return model, lowest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MODELS)
    parser.add_argument("out", type=pathlib.Path)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--weights", help="a checkpoint (timm) or a folder (transformers) instead of the hub's")
    source.add_argument("--random-weights", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pool-in-server", action="store_true", help="DINOv2 only: put out every token, as the hub's own ONNX files do")
    args = parser.parse_args()
    try:
        model, lowest = export(args.name, args.out, args.weights, args.seed if args.random_weights else None, pool_in_server=args.pool_in_server)
    except OSError as error:
        parser.exit(1, f"{error}\nWhere the hub cannot be reached: --weights, or --random-weights to try the way.\n")
    parameters = sum(each.numel() for each in model.module.parameters())
    print(f"{args.name}: {(args.out / 'model.onnx').stat().st_size} bytes, {parameters} parameters, {model.output['dimensions']} dimensions, cosine to PyTorch at least {lowest:.7f}")


if __name__ == "__main__":
    main()
