"""Trains the small convolutional network of the CIFAR-10 experiment: python train_cnn.py CIFAR OUT.pt

CIFAR holds train/<class>/*.jpg; no other folder is read. A permutation by the seed splits these 50,000 images: 45,000 train, 5,000 validate.
Validation alone chooses the peak rate (the best of short runs) and the epoch whose weights are kept. The classifier is train.py's.
"""
import argparse
import copy
import math
import pathlib
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from data import read
from model import ConvBlock, downsample
from train import SCALE, accuracy, prepare

BATCH, WARM_UP, WEIGHT_DECAY, SHIFT, VALIDATION_IMAGES = 128, 0.1, 0.05, 4, 5000
DIMENSIONS = 256


def convolution(channels_in, channels_out, kernel):
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU())


class SmallCnn(nn.Module):
    """A small residual network: float32 [n, 3, 32, 32] to float32 [n, 256], the layer before the classifier, not normalised."""

    def __init__(self, c1=32, c2=64, c3=112, out=DIMENSIONS):
        super().__init__()
        self.stem = nn.Sequential(convolution(3, c1, 3), downsample(c1, c2), ConvBlock(c2), downsample(c2, c3), ConvBlock(c3), convolution(c3, out, 1))

    def forward(self, x):
        return self.stem(x).mean((2, 3))


def load(folder):
    """Images uint8 [n, 3, 32, 32] and labels int64 [n] of <folder>/<class>/*.jpg, classes and files in the order of their names."""
    paths = sorted(pathlib.Path(folder).glob("*/*.jpg"))
    names = sorted({p.parent.name for p in paths})
    with ProcessPoolExecutor(2) as pool:
        images = np.stack(list(pool.map(read, paths, chunksize=500)))
    return images, torch.tensor([names.index(p.parent.name) for p in paths])


def shift_and_flip(images, random):
    """Each image moved by up to 4 pixels either way, its edge reflected, and mirrored half of the time."""
    n, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)), mode="reflect")
    rows = random.integers(0, 2 * SHIFT + 1, (n, 1)) + np.arange(height)
    columns = random.integers(0, 2 * SHIFT + 1, (n, 1)) + np.arange(width)
    columns = np.where(random.random((n, 1)) < 0.5, columns[:, ::-1], columns)
    return padded[np.arange(n)[:, None, None, None], np.arange(3)[:, None, None], rows[:, None, :, None], columns[:, None, None, :]]


def fit(train, validation, *, rate, epochs, seed):
    """Trains from scratch, the rate annealed to zero over the epochs. Returns the best epoch's weights and its validation accuracy."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    (x, y), (vx, vy) = train, validation
    model = SmallCnn().to(memory_format=torch.channels_last)
    weights = nn.Parameter(torch.randn(int(y.max()) + 1, DIMENSIONS) * 0.05)
    decayed = [p for p in model.parameters() if p.ndim > 1] + [weights]
    kept = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": kept, "weight_decay": 0}], lr=rate)
    steps = len(x) // BATCH * epochs
    step, best = 0, {"accuracy": -1.0}
    for epoch in range(1, epochs + 1):
        order = random.permutation(len(x))
        for i in range(0, len(x) - BATCH + 1, BATCH):
            progress = step / steps
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1, (progress + 1 / steps) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * progress))
            batch = order[i : i + BATCH]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                embedding = model(prepare(shift_and_flip(x[batch], random)))
            loss = F.cross_entropy(SCALE * F.linear(F.normalize(embedding.float()), F.normalize(weights)), y[batch], label_smoothing=0.1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            step += 1
        score = accuracy(model, weights, vx, vy)
        print(f"rate {rate} epoch {epoch} of {epochs} loss {loss.item():.3f} validation top-1 {score:.4f}", flush=True)
        if score >= best["accuracy"]:
            best = {"accuracy": score, "epoch": epoch, "m": copy.deepcopy(model.state_dict()), "W": weights.detach().clone()}
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cifar")
    parser.add_argument("out")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3, 9e-3])
    parser.add_argument("--rate-epochs", type=int, default=2, help="length of the short runs that choose the rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    x, y = load(pathlib.Path(args.cifar) / "train")
    order = np.random.default_rng(args.seed).permutation(len(x))
    chosen, held_out = order[VALIDATION_IMAGES:], order[:VALIDATION_IMAGES]
    train, validation = (x[chosen], y[chosen]), (x[held_out], y[held_out])
    start = time.time()
    trials = {rate: fit(train, validation, rate=rate, epochs=args.rate_epochs, seed=args.seed)["accuracy"] for rate in args.rates}
    rate = max(trials, key=trials.get)
    best = fit(train, validation, rate=rate, epochs=args.epochs, seed=args.seed)
    minutes = (time.time() - start) / 60
    print(f"rate {rate}, epoch {best['epoch']}, validation top-1 {best['accuracy']:.4f}, {minutes:.1f} minutes")
    torch.save(best | {"trials": trials, "rate": rate, "epochs": args.epochs, "seed": args.seed, "minutes": minutes, "threads": args.threads}, args.out)


if __name__ == "__main__":
    main()
