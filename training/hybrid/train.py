"""Trains the head without labels: python train.py FEATURES VALIDATION_IMAGES.txt VALIDATION_FEATURES OUT.pt

FEATURES and VALIDATION_FEATURES are folders of features.py; VALIDATION_IMAGES.txt lists the images of the latter.

The target of an image is what three networks say together: the pooled outputs of EfficientNet-Lite2, Lite1 and Lite0, each normalised, centred and
normalised again, laid side by side (3,840 numbers) and projected by PCA to 768. The head sees the clean image or, a share of the time, its small
copy, and is to give the target of the clean image (distillation, Hinton et al. 2015; teacher and student see the same view, Beyer et al. 2022). The
loss is the cosine distance and the divergence of the similarities within a batch (relational distillation, Park et al. 2019).

The learning rate follows the clock, so that any budget ends annealed, and another machine gets other weights. The average of the weights is kept.
"""
import argparse
import copy
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F

from features import WIDTHS
from head import DIMENSIONS, Head
from trunk import TOKEN_WIDTH, TOKENS
from validate import Validation

BATCH, WARM_UP_STEPS, REPORT_SECONDS, CHECK_BATCH = 384, 200, 420, 250
TEMPERATURE, COSINE_WEIGHT, NORM_WEIGHT, WEIGHT_DECAY = 0.07, 4, 0.02, 0.05
RIDGE = 1e-2
AVERAGED_STEPS, SLOWEST_AVERAGE = 50, 0.998


def unit(x):
    """[n, width] to the same with rows of length 1."""
    return x / x.norm(dim=1, keepdim=True)


class Features:
    """What features.py wrote. Tokens stay on disk; pooled outputs are float32 [n, 1280] in memory."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.count = len(np.fromfile(folder / "index.i4", np.int32))
        self.maps = {name: np.memmap(folder / f"{name}.f16", np.float16, "r", shape=(self.count, width)) for name, width in WIDTHS.items()}
        self.pooled, self.small_pooled = self.loaded("pooled"), self.loaded("small-pooled")

    def loaded(self, name):
        return torch.from_numpy(np.array(self.maps[name])).float()

    def tokens(self, rows, small):
        """Ascending rows int [b] and whether each is the small copy, bool [b], to float32 [b, 49, 208]."""
        result = torch.empty(len(rows), TOKENS, TOKEN_WIDTH)
        for name, chosen in (("tokens", ~small), ("small-tokens", small)):
            result[torch.from_numpy(chosen)] = torch.from_numpy(np.array(self.maps[name][rows[chosen]])).float().reshape(-1, TOKENS, TOKEN_WIDTH)
        return result

    def teachers(self):
        """What the three teachers say of the clean images: three of float32 [n, 1280]."""
        return [self.pooled, self.loaded("lite1"), self.loaded("lite0")]


class Target:
    """The common embedding of the teachers, fitted on theirs of the training images: three of float32 [n, 1280] to unit rows [n, 768]."""

    def __init__(self, teachers):
        self.means = [unit(each).mean(0) for each in teachers]
        joint = self.joint(teachers)
        self.mean = joint.mean(0)
        _, vectors = torch.linalg.eigh((joint - self.mean).T @ (joint - self.mean) / len(joint))
        self.components = vectors.flip(1)[:, :DIMENSIONS]

    def joint(self, teachers):
        """Three of [n, 1280] to [n, 3840], with rows of length 1."""
        return torch.cat([unit(unit(each) - mean) for each, mean in zip(teachers, self.means)], 1) / len(teachers) ** 0.5

    def __call__(self, teachers):
        return unit((self.joint(teachers) - self.mean) @ self.components)


def linear_readout(pooled, small_pooled, wanted, small_share):
    """Ridge regression of the target from the pooled outputs of clean images and small copies: weight [768, 1280], bias [768]."""
    x, y = torch.cat([pooled, small_pooled]), torch.cat([wanted, wanted])
    weights = torch.cat([torch.full((len(pooled), 1), 1 - small_share), torch.full((len(pooled), 1), small_share)])
    mean_x, mean_y = (x * weights).sum(0) / weights.sum(), (y * weights).sum(0) / weights.sum()
    weighted = ((x - mean_x) * weights).T
    covariance = weighted @ (x - mean_x)
    ridge = torch.eye(len(covariance)) * covariance.diag().mean() * RIDGE
    solution = torch.linalg.solve(covariance + ridge, weighted @ (y - mean_y))
    return solution.T, mean_y - mean_x @ solution


def distance(answer, wanted):
    """The loss of answers [b, 768] to unit targets [b, 768]."""
    given = unit(answer)
    itself = torch.eye(len(answer)) * -1e4
    relations = [F.log_softmax(x @ x.T / TEMPERATURE + itself, 1) for x in (given, wanted)]
    cosine = 1 - (given * wanted).sum(1).mean()
    divergence = F.kl_div(*relations, log_target=True, reduction="batchmean")
    return COSINE_WEIGHT * cosine + divergence + NORM_WEIGHT * ((answer.norm(dim=1) - 1) ** 2).mean()


@torch.no_grad()
def figures(model, features, validation):
    """P_10 of the validation sets by the model: of the clean images, and of their small copies among themselves."""
    training = model.training
    model.eval()
    result = {}
    for view, pooled in (("clean", features.pooled), ("small", features.small_pooled)):
        parts = [model(features.tokens(rows, np.full(len(rows), view == "small")), pooled[rows])
                 for rows in np.array_split(np.arange(features.count), max(1, features.count // CHECK_BATCH))]
        result[view] = validation.precision(torch.cat(parts).numpy())
    model.train(training)
    return result


def told(result):
    """{view: {set: P_10}}, or {set: P_10}, in a line."""
    if "mean" not in result:
        return "; ".join(f"{view}: {told(each)}" for view, each in result.items())
    return ", ".join(f"{name} {value:.4f}" for name, value in result.items())


def optimizer_of(model, rate):
    """AdamW; matrices decay; the readout, which begins where ridge regression ends, learns at a tenth of the rate."""
    named = dict(model.named_parameters())
    readout = named.pop("readout.weight")
    plain = [name for name, parameter in named.items() if parameter.ndim <= 1 or name == "position"]
    groups = [
        {"params": [parameter for name, parameter in named.items() if name not in plain], "weight_decay": WEIGHT_DECAY, "scale": 1},
        {"params": [named[name] for name in plain], "weight_decay": 0, "scale": 1},
        {"params": [readout], "weight_decay": 0, "scale": 0.1},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def batches(count, random):
    """Ascending rows of a batch, for ever: each pass in another order, and the rest that makes no batch left out."""
    size = min(BATCH, count)
    while True:
        order = random.permutation(count)
        for at in range(0, count - size + 1, size):
            yield np.sort(order[at : at + size])


def fit(model, data, wanted, args, report):
    """Trains the model for args.minutes. Answers the average of its weights as a model, and the number of passes over the images."""
    random = np.random.default_rng(args.seed)
    optimizer, average = optimizer_of(model, args.rate), copy.deepcopy(model).eval()
    model.train()
    started = reported = time.time()
    for step, rows in enumerate(batches(data.count, random)):
        spent = (time.time() - started) / (args.minutes * 60)
        if spent >= 1:
            return average, step * len(rows) / data.count
        rate = args.rate * min(1, step / WARM_UP_STEPS) * (0.5 * (1 + np.cos(np.pi * spent)) + 0.01)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        small = random.random(len(rows)) < args.small_share
        pooled = torch.where(torch.from_numpy(small)[:, None], data.small_pooled[rows], data.pooled[rows])
        with torch.autocast("cpu", torch.bfloat16):
            answer = model(data.tokens(rows, small), pooled, args.keep)
        loss = distance(answer.float(), wanted[rows])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            done = step + 1
            share = 1 - min(SLOWEST_AVERAGE, done / (done + AVERAGED_STEPS))
            for kept, parameter in zip(average.parameters(), model.parameters()):
                kept.lerp_(parameter, share)
        if time.time() - reported > REPORT_SECONDS:
            reported = time.time()
            report(f"{spent:.2f} of the time, step {done}, loss {loss.item():.4f}", average)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features")
    parser.add_argument("validation_images")
    parser.add_argument("validation_features")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=38)
    parser.add_argument("--width", type=int, default=320, help="of the transformer; a multiple of 64")
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--keep", type=float, default=0.7, help="share of the tokens that the transformer sees")
    parser.add_argument("--small-share", type=float, default=0.4, help="share of small copies among what is seen")
    parser.add_argument("--rate", type=float, default=9e-4, help="peak of the learning rate")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    data, checked = Features(args.features), Features(args.validation_features)
    validation = Validation(args.validation_images, args.validation_features)
    if data.count <= DIMENSIONS:
        parser.error(f"{data.count} training images cannot fit a target of {DIMENSIONS} numbers: more than {DIMENSIONS} are needed")
    target = Target(data.teachers())
    wanted = target(data.teachers())

    def report(what, model):
        result = figures(model, checked, validation)
        print(f"{what}: {told(result)}", flush=True)
        return result

    print(f"teachers: {told(validation.precision(target(checked.teachers()).numpy()))}", flush=True)
    model = Head(args.width, args.depth)
    with torch.no_grad():
        weight, bias = linear_readout(data.pooled, data.small_pooled, wanted, args.small_share)
        model.readout.weight.copy_(weight)
        model.readout.bias.copy_(bias)
    report("linear readout", model)
    average, passes = fit(model, data, wanted, args, report)
    reached = report(f"end, after {passes:.1f} passes", average)
    settings = {name: value for name, value in vars(args).items() if name in ("minutes", "width", "depth", "keep", "small_share", "rate", "seed")}
    torch.save({"state": average.state_dict(), "settings": settings, "images": data.count, "passes": passes, "validation": reached}, args.out)


if __name__ == "__main__":
    main()
