"""Retrieval among Tiny ImageNet's validation images, the only measure that choices may rest on: python validate.py DATA.npz MODEL...

Each MODEL is a folder with manifest.json and its ONNX file. The first 5,000 images, leave-one-out, exact cosine search: mean average
precision over the whole ranking, precision of the first ten, first neighbour.
"""
import json
import pathlib
import sys

import numpy as np
import onnxruntime

IMAGES, BATCH = 5000, 50


def retrieval(vectors, labels):
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    average_precision, first_ten, first = [], [], []
    for i in range(0, len(vectors), 500):
        scores = vectors[i : i + 500] @ vectors.T
        scores[np.arange(len(scores)), np.arange(len(scores)) + i] = -np.inf  # the query itself comes last and is cut off
        hits = labels[np.argsort(-scores, axis=1, kind="stable")[:, :-1]] == labels[i : i + 500, None]
        precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
        average_precision.append((precision * hits).sum(1) / hits.sum(1))
        first_ten.append(hits[:, :10].mean(1))
        first.append(hits[:, 0])
    return [float(np.concatenate(v).mean()) for v in (average_precision, first_ten, first)]


def main(data, *folders):
    data = np.load(data)
    images, labels = data["val_x"][:IMAGES], data["val_y"][:IMAGES]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    for folder in map(pathlib.Path, folders):
        manifest = json.loads((folder / "manifest.json").read_text())
        session = onnxruntime.InferenceSession(str(folder / manifest["file"]), options)
        mean, std = (np.float32(manifest["preprocessing"][k]).reshape(3, 1, 1) for k in ("mean", "std"))
        batches = ((images[i : i + BATCH] * np.float32(1 / 255) - mean) / std for i in range(0, len(images), BATCH))
        vectors = np.concatenate([session.run(None, {"pixel_values": batch})[0] for batch in batches])
        print(f"{folder}: mAP {{:.4f}}  P_10 {{:.4f}}  first {{:.4f}}".format(*retrieval(vectors, labels)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
