"""Exports with random weights, and what PyTorch answers to ten images: what the server is held against.

    python training/catalogue/parity.py tiny test/fixtures/parity                             shrunk networks, for every test run
    python training/catalogue/parity.py whole bench/.cache/parity --images bench/.cache/caltech101   1.7 GB, for npm run test:long

<name>/model.onnx, manifest.json; expected.json: `images`, and for each model the embeddings of the images and of given
tensors, little-endian float32 in base64, by the framework's own preprocessing. `tiny` draws its images as drawPixels of
test/support/make-image.ts does, and its tensors by a formula; `whole` copies photographs to images/ and writes what PyTorch
made of them to <name>/tensors.f32.
"""
import argparse
import base64
import hashlib
import json
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime
import timm
import torch
import torchvision
import transformers
import PIL
from PIL import Image

from export import SIDE, cosine, export
from models import MODELS
from quantize import spread

IMAGES = 10
#: Shrinks, enlarges, neither; wide, high, square; halves that round either way.
SIZES = [(96, 72), (320, 240), (240, 321), (224, 224), (500, 375), (57, 180), (640, 200), (248, 249), (33, 33), (225, 300)]
#: Folder: whether the server pools, as it does with the hub's own files of these.
FORMS = {name: (name, known.pooling != "none") for name, known in MODELS.items()} | {"dinov2-small-pooled": ("dinov2-small", False)}


def seeded_random(seed):
    """mulberry32"""
    mask = 0xFFFFFFFF
    state = seed

    def following():
        nonlocal state
        state = (state + 0x6D2B79F5) & mask
        mixed = (state ^ (state >> 15)) * (state | 1) & mask
        mixed ^= (mixed + ((mixed ^ (mixed >> 7)) * (mixed | 61) & mask)) & mask
        return (mixed ^ (mixed >> 14)) / 2**32

    return following


def draw(seed, width, height):
    random = seeded_random(seed)

    def color():
        return np.array([random() * 255, random() * 255, random() * 255])

    start, end = color(), color()
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    share = ((x / width + y / height) / 2)[..., None]
    pixels = start * (1 - share) + end * share
    for _ in range(5):
        disc_x, disc_y = random() * width, random() * height
        radius = (0.08 + random() * 0.25) * min(width, height)
        pixels[(x - disc_x) ** 2 + (y - disc_y) ** 2 <= radius**2] = color()
    return Image.fromarray(pixels.astype(np.uint8))


def given_tensors():
    i = np.arange(3 * SIDE * SIDE)
    return np.stack([np.sin(i * (0.011 + 0.007 * k)) for k in range(5)]).astype(np.float32).reshape(-1, 3, SIDE, SIDE)


def encoded(embeddings):
    return [base64.b64encode(each.astype("<f4").tobytes()).decode() for each in embeddings]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["tiny", "whole"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--images", type=pathlib.Path, help="whole: ten photographs are taken from below this folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=FORMS, help="make these again, and keep the rest")
    args = parser.parse_args()
    tiny = args.kind == "tiny"
    args.out.mkdir(parents=True, exist_ok=True)
    if tiny:
        images = [draw(seed, *size) for seed, size in enumerate(SIZES)]
        listed = [{"seed": seed, "width": image.width, "height": image.height, "sha256": hashlib.sha256(image.tobytes()).hexdigest()} for seed, image in enumerate(images)]
    else:
        if args.images is None:
            parser.error("whole needs --images")
        (args.out / "images").mkdir(exist_ok=True)
        copies = [shutil.copy(path, args.out / "images" / f"{i}{path.suffix.lower()}") for i, path in enumerate(spread(args.images, IMAGES))]
        images = [Image.open(copy).convert("RGB") for copy in copies]
        listed = [copy.name for copy in map(pathlib.Path, copies)]

    packages = {module.__name__: module.__version__ for module in (torch, torchvision, timm, transformers, onnx, onnxruntime, PIL)}
    expected_path = args.out / "expected.json"
    models = json.loads(expected_path.read_text())["models"] if args.only else {}
    # The tiny one would only repeat what the others show.
    for folder in args.only or [form for form in FORMS if not (tiny and form == "dinov2-small-pooled")]:
        name, pool_in_server = FORMS[folder]
        model, lowest = export(name, args.out / folder, seed=args.seed, tiny=tiny, pool_in_server=pool_in_server)
        tensors = np.stack([model.prepare(image) for image in images])
        embeddings = np.concatenate([model.embed(tensors[i : i + 1]) for i in range(len(tensors))])
        models[folder] = {"embeddings": encoded(embeddings)}
        if tiny:
            models[folder]["ofTensors"] = encoded(model.embed(given_tensors()))
        else:
            (args.out / folder / "tensors.f32").write_bytes(tensors.astype("<f4").tobytes())
        apart = cosine(embeddings[:, None], embeddings[None])[np.triu_indices(len(images), 1)]
        size = (args.out / folder / "model.onnx").stat().st_size
        print(f"{folder}: {size} bytes, ONNX to PyTorch at least {lowest:.7f}, between images {apart.min():.3f} to {apart.max():.3f}", flush=True)
    expected = {"madeBy": f"training/catalogue/parity.py {args.kind} --seed {args.seed}", "versions": packages, "images": listed, "models": models}
    expected_path.write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
