"""Trains the bundled model's weights: python train.py DATA.npz MINUTES OUT.pt

DATA.npz is data.py's: train_x uint8 [n, 3, 64, 64], train_y int64 [n], val_x, val_y. A cosine classifier on the normalised embedding (scale 18,
label smoothing 0.1) makes cosine the measure that is trained. The learning rate follows the clock, so that any budget ends annealed.
"""
import math
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from model import HybridViT

BATCH, PEAK_RATE, WARM_UP_STEPS, SCALE = 128, 1.2e-3, 300, 18
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 255
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1) * 255


def prepare(images, augment=False):
    """uint8 [n, 3, h, w] to normalised float32 [n, 3, h, w]; augment: random crop 0.6..1, flip, brightness, colour cast."""
    t = (torch.from_numpy(images).float() - MEAN) / STD
    if augment:
        n = len(t)
        scale, ratio = torch.empty(n).uniform_(0.6, 1.0), torch.exp(torch.empty(n).uniform_(-0.2, 0.2))
        sx, sy = (scale * ratio.sqrt()).clamp(max=1), (scale / ratio.sqrt()).clamp(max=1)
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0], theta[:, 1, 1] = sx * torch.sign(torch.randn(n)), sy
        theta[:, 0, 2], theta[:, 1, 2] = (torch.rand(n) * 2 - 1) * (1 - sx), (torch.rand(n) * 2 - 1) * (1 - sy)
        t = F.grid_sample(t, F.affine_grid(theta, t.shape, align_corners=False), align_corners=False, padding_mode="reflection")
        t = t * (1 + 0.3 * (torch.rand(n, 1, 1, 1) - 0.5)) + 0.3 * (torch.rand(n, 3, 1, 1) - 0.5)
    return t.contiguous(memory_format=torch.channels_last)


def accuracy(model, weights, x, y):
    model.eval()
    hits = 0
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for i in range(0, len(x), 500):
            scores = F.linear(F.normalize(model(prepare(x[i : i + 500]))), F.normalize(weights))
            hits += (scores.argmax(1) == y[i : i + 500]).sum().item()
    model.train()
    return hits / len(x)


def main(data, minutes, out):
    torch.manual_seed(0)
    d = np.load(data)
    x, y, vx, vy = d["train_x"], torch.from_numpy(d["train_y"]), d["val_x"], torch.from_numpy(d["val_y"])
    model = HybridViT().to(memory_format=torch.channels_last)
    weights = nn.Parameter(torch.randn(int(y.max()) + 1, 768) * 0.05)
    decayed = [p for n, p in model.named_parameters() if p.ndim > 1 and "pos" not in n] + [weights]
    kept = [p for n, p in model.named_parameters() if p.ndim <= 1 or "pos" in n]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": kept, "weight_decay": 0}], lr=PEAK_RATE, betas=(0.9, 0.98))
    start, step, progress = time.time(), 0, 0.0
    while progress < 1:
        order = np.random.RandomState(step).permutation(len(x))
        for i in range(0, len(x) - BATCH + 1, BATCH):
            progress = (time.time() - start) / (minutes * 60)
            if progress >= 1:
                break
            rate = PEAK_RATE * min(1, (step + 1) / WARM_UP_STEPS) * (0.5 * (1 + math.cos(math.pi * progress)) * 0.99 + 0.01)
            for group in optimiser.param_groups:
                group["lr"] = rate
            batch = np.sort(order[i : i + BATCH])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                embedding = model(prepare(x[batch], True))
            loss = F.cross_entropy(SCALE * F.linear(F.normalize(embedding.float()), F.normalize(weights)), y[batch], label_smoothing=0.1)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            if step % 400 == 0:
                print(f"step {step} progress {progress:.2f} loss {loss.item():.3f}", flush=True)
    print("validation top-1", accuracy(model, weights, vx, vy))
    torch.save({"m": model.state_dict(), "W": weights, "step": step}, out)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
