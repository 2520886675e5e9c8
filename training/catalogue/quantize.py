"""Makes an int8 model of an exported one: python quantize.py MODEL_FOLDER OUT_FOLDER --images FOLDER

Dynamic: weights of the matrix products as int8 per output channel, activations as uint8 with a scale per run. Whatever is no
product with constant weights stays in float: patch embedding, LayerNorm, Softmax, GELU, attention's own products, and a
ResNet's convolutions, of which therefore nothing gets faster.
Prints the cosine to fp32 on real images, how far both agree on the nearest neighbours among them, and the speed of both.
"""
import argparse
import collections
import json
import pathlib
import time

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from PIL import Image
from torchvision import transforms

from export import cosine, golden_tensor, manifest_of, run

FLOAT = ("Conv", "LayerNormalization", "Softmax", "Erf", "Gelu")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def quantize(source, target, reduce_range):
    model = onnx.load(source)
    # The exporter leaves shapes from before it transposed weights; the tool infers them anew.
    del model.graph.value_info[:]
    # The tool makes a MatMul and an Add of each Gemm first.
    projections = [f"{node.name}_MatMul" for node in model.graph.node if node.op_type == "Gemm"]
    quantize_dynamic(model, target, nodes_to_exclude=projections, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=reduce_range,
                     weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True})
    before, after = (collections.Counter(node.op_type for node in onnx.load(path).graph.node) for path in (source, target))
    changed = [kind for kind in FLOAT if before[kind] != after[kind]]
    assert not changed, f"{changed} must stay in float"
    assert after["MatMulInteger"], "the graph has no matrix product with constant weights"
    return before, after


def prepare(manifest, path):
    spec = manifest["preprocessing"]
    modes = transforms.InterpolationMode
    crop = spec["centerCrop"]
    steps = [transforms.Resize(spec["resize"]["shortestEdge"], getattr(modes, spec["resize"]["interpolation"].upper())),
             transforms.CenterCrop((crop["height"], crop["width"])), transforms.ToTensor(), transforms.Normalize(spec["mean"], spec["std"])]
    return transforms.Compose(steps)(Image.open(path).convert("RGB")).numpy()


def spread(folder, count):
    """`count` files evenly from all below the folder, by name."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [files[i * len(files) // count] for i in range(count)]


def neighbours(embeddings, k):
    scores = cosine(embeddings[:, None], embeddings[None])
    np.fill_diagonal(scores, -2)
    return [set(row) for row in np.argsort(-scores)[:, :k].tolist()]


def speed(sessions, tensors, rounds):
    """Median seconds of one run of each session, taken in turns so that both see the same machine."""
    taken = [[] for _ in sessions]
    for _ in range(rounds):
        for session, each in zip(sessions, taken):
            start = time.perf_counter()
            session.run(None, {"pixel_values": tensors})
            each.append(time.perf_counter() - start)
    return [float(np.median(each)) for each in taken]


def open_session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--images", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--reduce-range", action="store_true", help="7 bits, for x86 without VNNI: its 16-bit sums may overflow")
    args = parser.parse_args()
    manifest = json.loads((args.model / "manifest.json").read_text())
    args.out.mkdir(parents=True, exist_ok=True)
    source, target = args.model / manifest["file"], args.out / "model.onnx"
    before, after = quantize(source, target, args.reduce_range)
    print(f"{after['MatMulInteger']} of {before['MatMul']} matrix products in int8; in float {', '.join(f'{after[kind]} {kind}' for kind in FLOAT if after[kind])}")
    fp32, int8 = sessions = [open_session(path, args.threads) for path in (source, target)]

    output = manifest["output"]
    tensors = np.stack([prepare(manifest, path) for path in spread(args.images, args.count)])
    a, b = (np.concatenate([run(session, output, tensors[i : i + 1]) for i in range(len(tensors))]) for session in sessions)
    same = cosine(a, b)
    others = cosine(a[:, None], a[None])[~np.eye(len(a), dtype=bool)]
    print(f"{len(a)} images: cosine to fp32 lowest {same.min():.4f}, median {np.median(same):.4f}; between images of fp32 median {np.median(others):.4f}")
    for k in (1, 10):
        shared = np.mean([len(x & y) / k for x, y in zip(neighbours(a, k), neighbours(b, k))])
        print(f"  {shared:.3f} of the {k} nearest neighbours are the same")
    print(f"bytes {source.stat().st_size} and {target.stat().st_size}")
    for batch in (1, 8):
        slow, fast = speed(sessions, tensors[:batch], args.rounds)
        print(f"batch {batch}, {args.threads} threads: fp32 {slow * 1000:.0f} ms, int8 {fast * 1000:.0f} ms, {slow / fast:.2f} times as fast")

    side = manifest["input"]["width"]
    golden = run(int8, output, golden_tensor(side))[0]
    kept = {key: manifest[key] for key in ("license", "architecture", "source") if key in manifest}
    quantized = manifest_of(f"{manifest['name']}-int8", manifest["version"], target.read_bytes(), manifest["preprocessing"], output, golden, side, **kept,
                            precision="int8, dynamic, per channel, matrix products with constant weights")
    (args.out / "manifest.json").write_text(json.dumps(quantized, indent=1) + "\n")


if __name__ == "__main__":
    main()
