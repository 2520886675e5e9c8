"""Packs the folder tiny-imagenet-200 into one file: python data.py tiny-imagenet-200 DATA.npz
With --random instead of the folder: noise around ten colours, one a class, to try the way where there is no data.

DATA.npz: train_x uint8 [100000, 3, 64, 64], train_y int64 [100000], val_x, val_y; classes in the order of their WordNet ids.
"""
import pathlib
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from PIL import Image


def read(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def noise(count, random):
    labels = np.arange(count) % 10
    colours = np.random.default_rng(0).integers(0, 256, (10, 3, 1, 1))
    return {"x": (colours[labels] + random.normal(0, 60, (count, 3, 64, 64))).clip(0, 255).astype(np.uint8), "y": labels}


def main(folder, out):
    if folder == "--random":
        random = np.random.default_rng(1)
        packed = {f"{name}_{key}": value for name, count in (("train", 2000), ("val", 500)) for key, value in noise(count, random).items()}
    else:
        packed = pack(folder)
    np.savez(out, **packed)
    print({k: (v.shape, str(v.dtype)) for k, v in packed.items()})


def pack(folder):
    folder = pathlib.Path(folder)
    classes = {name: i for i, name in enumerate(sorted(p.name for p in (folder / "train").iterdir()))}
    train = [(p, classes[p.parent.parent.name]) for p in sorted(folder.glob("train/*/images/*.JPEG"))]
    rows = [line.split("\t") for line in (folder / "val/val_annotations.txt").read_text().splitlines()]
    val = [(folder / "val/images" / row[0], classes[row[1]]) for row in rows]
    with ProcessPoolExecutor() as pool:
        packed = {}
        for name, items in (("train", train), ("val", val)):
            packed[name + "_x"] = np.stack(list(pool.map(read, [p for p, _ in items], chunksize=500)))
            packed[name + "_y"] = np.array([y for _, y in items], dtype=np.int64)
    return packed


if __name__ == "__main__":
    main(*sys.argv[1:])
