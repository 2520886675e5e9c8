"""Computes what training reads, once for each image: python features.py IMAGES.txt OUT [--small EDGE]

IMAGES.txt has a path a line. OUT gets, as float16 and in the order of OUT/index.i4 (the lines of IMAGES.txt that could be read, from 0):

  tokens.f16 [n, 49, 208], pooled.f16 [n, 1280]   the trunk (EfficientNet-Lite2, 224 x 224) on the image
  small-tokens.f16, small-pooled.f16              the same on a copy that was shrunk to 32 to 111 pixels (at random, or to EDGE) and enlarged again
  lite1.f16, lite0.f16 [n, 1280]                  the two other teachers on the image, at 240 and 224 pixels

A run that was interrupted is gone on with where it stopped. An image that cannot be read, or is more than four times as long as wide, is left out.
OpenVINO computes in bfloat16 where the processor has it.
"""
import argparse
import contextlib
import multiprocessing
import os
import pathlib
import random
import tempfile
import threading

import numpy as np
import openvino
import torch
from PIL import Image

from trunk import MEAN, POOLED_WIDTH, SIZE, STD, TOKEN_WIDTH, TOKENS, Trunk

BATCH, AHEAD, READERS = 32, 256, 2
EDGE, LITE1_SIZE, LITE1_EDGE, LONGEST = 248, 240, 266, 4
SMALLEST_LOG2, LARGEST_LOG2 = 5, 6.8
WIDTHS = {
    "tokens": TOKENS * TOKEN_WIDTH,
    "pooled": POOLED_WIDTH,
    "small-tokens": TOKENS * TOKEN_WIDTH,
    "small-pooled": POOLED_WIDTH,
    "lite1": POOLED_WIDTH,
    "lite0": POOLED_WIDTH,
}


def cut(image, edge, size):
    """The image with its shortest side brought to `edge` pixels, and of that the central `size` x `size`."""
    width, height = image.size
    target = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
    image = image.resize(target, Image.Resampling.BICUBIC) if target != image.size else image
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def views(job):
    """(line, path, edge of the small copy or None) to uint8 [224, 224, 3], its small copy [224, 224, 3] and [240, 240, 3]; None where it is left out.

    The line seeds the choice of the small copy, so that a run that was interrupted ends with the same features.
    """
    line, path, edge = job
    try:
        with Image.open(path) as opened:
            opened.draft("RGB", (320, 320))
            image = opened.convert("RGB")
        shortest = min(image.size)
        if max(image.size) > LONGEST * shortest:
            return None
        rng = random.Random(line)
        edge = edge or int(2 ** rng.uniform(SMALLEST_LOG2, LARGEST_LOG2))
        method = rng.choice([Image.Resampling.BICUBIC, Image.Resampling.BOX, Image.Resampling.BILINEAR])
        small = cut(image, shortest, shortest).resize((edge, edge), method).resize((EDGE, EDGE), Image.Resampling.BICUBIC)
        return tuple(np.asarray(view) for view in (cut(image, EDGE, SIZE), cut(small, EDGE, SIZE), cut(image, LITE1_EDGE, LITE1_SIZE)))
    except (OSError, ValueError):
        return None


class Pooled(torch.nn.Module):
    """A trunk without its tokens: pixels [n, 3, size, size] to [n, 1280]."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk

    def forward(self, pixels):
        return self.trunk(pixels)[1]


def compiled(core, name, size, tokens=False):
    """A function from uint8 [32, size, size, 3] to [pooled], or to [tokens, pooled]."""
    trunk = Trunk(name, size)
    network = trunk if tokens else Pooled(trunk)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/network.onnx"
        torch.onnx.export(network, (torch.randn(BATCH, 3, size, size),), path, input_names=["pixels"], opset_version=17, dynamo=False)
        model = core.read_model(path)
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(float(MEAN)).scale(float(STD))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    run = core.compile_model(steps.build(), "CPU", {"INFERENCE_PRECISION_HINT": "bf16", "NUM_STREAMS": 1})
    return lambda batch: list(run(batch).values())


class Networks:
    def __init__(self):
        core = openvino.Core()
        self.lite2 = compiled(core, "lite2", SIZE, tokens=True)
        self.lite1, self.lite0 = compiled(core, "lite1", LITE1_SIZE), compiled(core, "lite0", SIZE)

    def features(self, batch):
        """At most 32 results of `views` to {name: float16 [n, width]}."""
        padded = batch + [batch[0]] * (BATCH - len(batch))
        clean, small, larger = (np.stack(kind) for kind in zip(*padded))
        result = dict(zip(("tokens", "pooled", "small-tokens", "small-pooled", "lite1", "lite0"),
                          (*self.lite2(clean), *self.lite2(small), *self.lite1(larger), *self.lite0(clean))))
        return {name: value[: len(batch)].reshape(len(batch), -1).astype(np.float16) for name, value in result.items()}


def resume(out):
    """Cuts every file to the images that are whole in all of them. Answers their paths by name, and the line to go on with."""
    files = {name: (out / f"{name}.f16", 2 * width) for name, width in WIDTHS.items()} | {"index": (out / "index.i4", 4)}
    done = min(path.stat().st_size // size if path.exists() else 0 for path, size in files.values())
    for path, size in files.values():
        if path.exists():
            os.truncate(path, done * size)
    start = int(np.fromfile(files["index"][0], np.int32)[-1]) + 1 if done else 0
    return {name: path for name, (path, _) in files.items()}, start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--small", type=int, metavar="EDGE")
    args = parser.parse_args()
    paths = args.images.read_text().splitlines()
    args.out.mkdir(parents=True, exist_ok=True)
    files, start = resume(args.out)
    networks = Networks()
    # Without this bound the readers run ahead until memory is full.
    room = threading.Semaphore(AHEAD)

    def jobs():
        for line in range(start, len(paths)):
            room.acquire()
            yield line, paths[line], args.small

    with multiprocessing.Pool(READERS) as pool, contextlib.ExitStack() as stack:
        handles = {name: stack.enter_context(open(path, "ab")) for name, path in files.items()}

        def store(pending):
            lines, batch = zip(*pending)
            for name, value in networks.features(list(batch)).items():
                handles[name].write(value.tobytes())
            handles["index"].write(np.array(lines, np.int32).tobytes())
            for handle in handles.values():
                handle.flush()

        pending, read = [], 0
        for line, result in enumerate(pool.imap(views, jobs(), chunksize=8), start):
            room.release()
            if result is not None:
                pending.append((line, result))
                read += 1
            if len(pending) == BATCH:
                store(pending)
                pending = []
        if pending:
            store(pending)
    print(f"{read} of {len(paths) - start} images were read; {start} lines had been done before")


if __name__ == "__main__":
    main()
