"""Judges models, or compares two, on image sets that none was trained on: python judge.py MODEL... [--caltech DIR] [--cifar DIR] [--cache DIR]

Each MODEL is a folder with manifest.json and the ONNX file that it names. Exact cosine search; images are prepared with PIL
as the manifest says.

  Caltech-101   DIR/<class>/*.jpg; every image is a query against all others (leave-one-out): P_10, first neighbour, mAP.
  CIFAR-10      DIR/train/<class>/* is indexed; every tenth image of DIR/test/<class>/*, in the order of the paths, is a query:
                P_10, and map_cut_100 as trec_eval computes it (average precision over the first 100, divided by all relevant images).

Prints each figure with the 95 % interval of a bootstrap over the queries, and of two models B - A with that of a paired one. The intervals
tell what other queries of these sets would change, not what other sets would.
"""
import argparse
import hashlib
import json
import pathlib

import numpy as np
import onnxruntime
from PIL import Image

BOOTSTRAP_SAMPLES, BATCH = 10_000, 50
RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def prepare(path, manifest):
    """float32 [3, h, w] as the manifest's preprocessing says: resize the shortest edge, cut the centre, rescale, normalise."""
    steps = manifest["preprocessing"]
    edge, crop = steps["resize"]["shortestEdge"], steps["centerCrop"]
    with Image.open(path) as image:
        image = image.convert("RGB")
        width, height = image.size
        size = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
        if size != image.size:
            image = image.resize(size, RESAMPLING[steps["resize"]["interpolation"]])
    left, top = round((image.width - crop["width"]) / 2), round((image.height - crop["height"]) / 2)
    pixels = np.asarray(image, dtype=np.float32)[top : top + crop["height"], left : left + crop["width"]] * np.float32(steps["rescale"])
    return ((pixels - np.float32(steps["mean"])) / np.float32(steps["std"])).transpose(2, 0, 1)


class Model:
    def __init__(self, folder, threads, cache):
        self.manifest = json.loads((pathlib.Path(folder) / "manifest.json").read_text())
        weights = (pathlib.Path(folder) / self.manifest["file"]).read_bytes()
        self.sha256, self.cache = hashlib.sha256(weights).hexdigest(), cache
        assert self.sha256 == self.manifest["sha256"], f"{folder}: the file is not the one that its manifest describes"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(weights, options)

    def embed(self, paths, name):
        """L2-normalised float32 [n, dimensions]."""
        kept = self.cache and pathlib.Path(self.cache) / f"{self.sha256[:16]}-{name}.npy"
        if kept and kept.exists():
            return np.load(kept)
        rows = []
        for i in range(0, len(paths), BATCH):
            batch = np.stack([prepare(p, self.manifest) for p in paths[i : i + BATCH]])
            rows.append(self.session.run([self.manifest["output"]["name"]], {self.manifest["input"]["name"]: batch})[0])
        vectors = np.concatenate(rows)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        if kept:
            np.save(kept, vectors)
        return vectors


def labelled(folder):
    paths = sorted(p for p in pathlib.Path(folder).glob("*/*") if p.is_file())
    return paths, np.array([p.parent.name for p in paths])


def caltech(model, folder):
    paths, labels = labelled(folder)
    vectors = model.embed(paths, "caltech101")
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)  # the query itself comes last and is cut off
    hits = labels[np.argsort(-scores, axis=1, kind="stable")[:, :-1]] == labels[:, None]
    precision = hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    return {"P_10": hits[:, :10].mean(1), "firstNeighbour": hits[:, 0].astype(float), "mAP": (precision * hits).sum(1) / hits.sum(1)}


def cifar(model, folder):
    indexed, labels = labelled(pathlib.Path(folder) / "train")
    queries, wanted = labelled(pathlib.Path(folder) / "test")
    queries, wanted = queries[::10], wanted[::10]
    gallery, vectors = model.embed(indexed, "cifar10-train"), model.embed(queries, "cifar10-queries")
    result = {"map_cut_100": [], "P_10": []}
    for vector, label in zip(vectors, wanted):
        scores = gallery @ vector
        first = np.argpartition(-scores, 100)[:100]
        hits = labels[first[np.argsort(-scores[first], kind="stable")]] == label
        precision = hits.cumsum() / np.arange(1, 101)
        result["map_cut_100"].append((precision * hits).sum() / (labels == label).sum())
        result["P_10"].append(hits[:10].mean())
    return {k: np.array(v) for k, v in result.items()}


def interval(values, random):
    """The bounds of the 95 % interval of the mean of float [queries]."""
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(BOOTSTRAP_SAMPLES)]
    return np.percentile(means, [2.5, 97.5])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--caltech")
    parser.add_argument("--cifar")
    parser.add_argument("--cache", help="a folder that keeps the embeddings")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    sets = [each for each in (("Caltech-101", caltech, args.caltech), ("CIFAR-10", cifar, args.cifar)) if each[2]]
    if not sets:
        parser.error("give --caltech, --cifar or both")
    models = [Model(folder, args.threads, args.cache) for folder in args.models]
    random = np.random.default_rng(0)
    for name, judge, folder in sets:
        results = [judge(model, folder) for model in models]
        for figure, first in results[0].items():
            line = f"{name:12s} {figure:15s} ({len(first)} queries)"
            for result in results:
                low, high = interval(result[figure], np.random.default_rng(0))
                line += f"  {result[figure].mean():.5f} [{low:.5f}, {high:.5f}]"
            if len(results) == 2:
                change = results[1][figure] - first
                low, high = interval(change, random)
                line += f"  B - A {change.mean():+.5f} [{low:+.5f}, {high:+.5f}]"
            print(line, flush=True)


if __name__ == "__main__":
    main()
