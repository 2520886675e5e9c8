"""The networks of the catalogue (src/models/catalogue/catalogue.ts) in PyTorch: pixels in, one embedding or all tokens out.

Preprocessing is that of the checkpoint: timm's own transform; the numbers of transformers' image processor, see `processed`.
"""
import math
from dataclasses import dataclass
from typing import Callable

import numpy as np
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from timm.models.resnet import Bottleneck
from torch import nn
from torchvision import transforms
from transformers import BitImageProcessorPil, CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection, Dinov2Config, Dinov2Model

SIDE = 224
EMBEDDING = 768


@dataclass(frozen=True)
class Known:
    """`tiny` shrinks the network and leaves everything around it as it is."""

    repo: str
    license: str
    architecture: str
    build: Callable[["Known", str | None, bool, bool], "Model"]
    tiny: dict
    #: How the server pools what comes out where the graph does not.
    pooling: str = "none"


@dataclass
class Model:
    module: nn.Module
    #: A Pillow image to float32 [3, 224, 224].
    prepare: Callable[[Image.Image], np.ndarray]
    #: The manifest's `preprocessing` and `output`.
    preprocessing: dict
    output: dict

    @torch.no_grad()
    def embed(self, tensors):
        """What the server should answer to [n, 3, 224, 224], pooled; float32 [n, dimensions]."""
        out = self.module(torch.from_numpy(tensors))
        return pool(out.numpy(), self.output)


def pool(out, output):
    prefix = output.get("prefixTokens", 1 if output["pooling"] == "cls+mean" else 0)
    if output["pooling"] == "none":
        return out
    cls, mean = out[:, 0], out[:, prefix:].mean(axis=1)
    return {"cls": cls, "mean": mean, "cls+mean": np.concatenate([cls, mean], axis=1)}[output["pooling"]]


def load(name, weights=None, seed=None, tiny=False, pool_in_server=False):
    """weights: a checkpoint (timm) or a folder (transformers), None: the hub's; seed: random weights instead of any."""
    known = MODELS[name]
    if seed is not None:
        torch.manual_seed(seed)
    model = known.build(known, weights, seed is not None, tiny)
    if seed is not None:
        randomise(model.module)
    if known.pooling != "none" and not pool_in_server:
        model.module = Pooled(model.module, known.pooling)
        model.output = {"name": "embedding", "pooling": "none", "dimensions": model.output["dimensions"], "normalized": False}
    model.module.eval()
    return model


@torch.no_grad()
def randomise(module):
    """Fresh weights are so small that every image gets nearly the same answer, which would prove nothing: larger ones."""
    for each in module.modules():
        if isinstance(each, (nn.Linear, nn.Conv2d)):
            each.weight.normal_(0, 1.5 / math.sqrt(each.weight[0].numel()))
            if each.bias is not None:
                each.bias.normal_(0, 0.02)
        elif isinstance(each, (nn.LayerNorm, nn.BatchNorm2d)):
            each.weight.normal_(1, 0.1)
            each.bias.normal_(0, 0.02)
    # timm starts a ResNet's branches at zero. At full size, sixteen of them in a row make a rounded pixel another image.
    for branch in (each.bn3 for each in module.modules() if isinstance(each, Bottleneck)):
        branch.weight.normal_(0.3, 0.05)
    for name, parameter in module.named_parameters():
        if "cls_token" in name or "pos" in name or "class_embedding" in name:
            parameter.normal_(0, 0.05)
    norms = [each for each in module.modules() if isinstance(each, nn.BatchNorm2d)]
    if norms:  # running statistics that fit these weights
        for each in norms:
            each.momentum = None
        module.train()
        module(torch.rand(4, 3, 1, 1) * torch.randn(4, 3, SIDE, SIDE).cumsum(3).cumsum(2) / 60)
        module.eval()


class Pooled(nn.Module):
    def __init__(self, tokens, pooling):
        super().__init__()
        self.tokens, self.pooling = tokens, pooling

    def forward(self, pixel_values):
        tokens = self.tokens(pixel_values)
        cls, mean = tokens[:, 0], tokens[:, 1:].mean(1)
        return {"cls": cls, "cls+mean": torch.cat([cls, mean], 1)}[self.pooling]


class Projected(nn.Module):
    """Fixed random orthonormal rows: no labels, no fitting, and cosines stay within a few hundredths of the 2,048 numbers'."""

    def __init__(self, features, width, dimensions):
        super().__init__()
        self.features = features
        random = np.random.default_rng(0).normal(size=(width, dimensions))
        self.register_buffer("projection", torch.from_numpy(np.linalg.qr(random)[0].astype(np.float32)))

    def forward(self, pixel_values):
        return self.features(pixel_values) @ self.projection


class Output(nn.Module):
    """One of the tensors that a transformers model answers."""

    def __init__(self, network, field):
        super().__init__()
        self.network, self.field = network, field

    def forward(self, pixel_values):
        return getattr(self.network(pixel_values=pixel_values), self.field)


# --- timm ------------------------------------------------------------------------------------------------------------


def from_timm(known, weights, random, tiny):
    where = {"pretrained_cfg_overlay": {"file": weights}} if weights else {}
    network = timm.create_model(known.repo.removeprefix("timm/"), pretrained=not random, num_classes=0, **where, **(known.tiny if tiny else {}))
    config = resolve_model_data_config(network)
    assert config["input_size"] == (3, SIDE, SIDE) and config["crop_mode"] == "center", config
    transform = create_transform(**config)
    output = {"name": "embedding", "pooling": "none", "dimensions": network.num_features, "normalized": False}
    preprocessing = preprocessing_of(math.floor(SIDE / config["crop_pct"]), config["interpolation"], config["mean"], config["std"])
    return Model(network, lambda image: transform(image).numpy(), preprocessing, output)


def resnet(known, weights, random, tiny):
    model = from_timm(known, weights, random, tiny)
    dimensions = 24 if tiny else EMBEDDING
    model.module = Projected(model.module, model.output["dimensions"], dimensions)
    model.output["dimensions"] = dimensions
    return model


# --- transformers ----------------------------------------------------------------------------------------------------


def dinov2(known, weights, random, tiny):
    # The checkpoints have positions for 518 pixels; the tiny one has too few as well, so that they are interpolated.
    if random:
        network = Dinov2Model(Dinov2Config(**{"image_size": 518, "patch_size": 14, "layerscale_value": 1.0, **(known.tiny if tiny else DINOV2[known.repo])}))
    else:
        network = Dinov2Model.from_pretrained(weights or known.repo)
    pin_positions(network.embeddings)
    processor = BitImageProcessorPil(size={"shortest_edge": 256}, crop_size=SIDE, resample=Image.Resampling.BICUBIC,
                                     image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    width = network.config.hidden_size
    output = {"name": "last_hidden_state", "pooling": known.pooling, "dimensions": width * (2 if known.pooling == "cls+mean" else 1), "normalized": False}
    if known.pooling == "cls+mean":
        output["prefixTokens"] = 1
    return Model(Output(network, "last_hidden_state"), *processed(processor), output)


@torch.no_grad()
def pin_positions(embeddings):
    """Interpolates the positions to 224 pixels once, as the network would do for every batch."""
    side = SIDE // embeddings.config.patch_size
    interpolated = embeddings.interpolate_pos_encoding(torch.zeros(1, side * side + 1, embeddings.config.hidden_size), SIDE, SIDE)
    embeddings.position_embeddings = nn.Parameter(interpolated.clone())


def clip(known, weights, random, tiny):
    if random:
        network = CLIPVisionModelWithProjection(CLIPVisionConfig(**{"projection_dim": 512, "patch_size": 32, **(known.tiny if tiny else {})}))
    else:
        network = CLIPVisionModelWithProjection.from_pretrained(weights or known.repo)
    output = {"name": "image_embeds", "pooling": "none", "dimensions": network.config.projection_dim, "normalized": False}
    return Model(Output(network, "image_embeds"), *processed(CLIPImageProcessorPil()), output)


def processed(processor):
    """`prepare` and `preprocessing` with an image processor's numbers, through torchvision.

    torchvision is what the authors of both networks prepared images with. A crop that cannot be centred (an odd rest) it moves
    to the even pixel, while transformers' processors always take the upper left one: of a quarter of all sizes they see
    a crop one pixel off. Everything else is the same, which `check_processor` holds.
    """
    assert processor.crop_size["height"] == processor.crop_size["width"] == SIDE
    shortest, resample, mean, std = processor.size["shortest_edge"], Image.Resampling(processor.resample).name.lower(), processor.image_mean, processor.image_std
    transform = transforms.Compose([transforms.Resize(shortest, transforms.InterpolationMode(resample)), transforms.CenterCrop(SIDE),
                                    transforms.ToTensor(), transforms.Normalize(mean, std)])
    check_processor(processor, transform, shortest)
    return lambda image: transform(image).numpy(), preprocessing_of(shortest, resample, mean, std)


def check_processor(processor, transform, shortest):
    random = np.random.default_rng(0)
    for rest in range(4):
        image = Image.fromarray(random.integers(0, 256, (shortest, shortest + 40 + rest, 3), np.uint8))
        theirs, ours = processor(image, return_tensors="np")["pixel_values"][0], transform(image).numpy()
        moved = (image.width - SIDE) % 4 == 3
        assert np.abs(theirs[..., 1:] - ours[..., :-1] if moved else theirs - ours).max() < 1e-5, image.size


def preprocessing_of(shortest, interpolation, mean, std):
    assert interpolation in ("bicubic", "bilinear"), interpolation
    return {
        "resize": {"shortestEdge": shortest, "interpolation": interpolation},
        "centerCrop": {"width": SIDE, "height": SIDE},
        "rescale": 1 / 255,
        "mean": list(mean),
        "std": list(std),
    }


DINOV2 = {
    "facebook/dinov2-base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12},
    "facebook/dinov2-small": {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6},
}
TINY_VIT = {"embed_dim": 12, "depth": 2, "num_heads": 2}
TINY_DINOV2 = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 70}

MODELS = {
    "vit-base-patch16-224": Known("timm/vit_base_patch16_224.augreg2_in21k_ft_in1k", "Apache-2.0", "ViT-B/16 (AugReg 2, ImageNet-21k, then ImageNet-1k), the vector before the classifier", from_timm, TINY_VIT),
    "vit-base-patch32-224": Known("timm/vit_base_patch32_224.augreg_in21k_ft_in1k", "Apache-2.0", "ViT-B/32 (AugReg, ImageNet-21k, then ImageNet-1k), the vector before the classifier", from_timm, TINY_VIT | {"embed_dim": 8}),
    "dinov2-base": Known("facebook/dinov2-base", "Apache-2.0", "DINOv2 ViT-B/14, class token", dinov2, TINY_DINOV2, "cls"),
    "dinov2-small": Known("facebook/dinov2-small", "Apache-2.0", "DINOv2 ViT-S/14, class token beside the mean of the patch tokens", dinov2, TINY_DINOV2, "cls+mean"),
    "clip-vit-base-patch32": Known("openai/clip-vit-base-patch32", "MIT", "CLIP ViT-B/32, vision tower with its projection", clip,
                                   {"hidden_size": 8, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "projection_dim": 24}),
    "resnet50": Known("timm/resnet50.a1_in1k", "Apache-2.0", "ResNet-50 (A1, ImageNet-1k), pooled, projected from 2,048 to 768 by fixed random orthonormal rows", resnet,
                      {"layers": (1, 1, 1, 1), "channels": (4, 8, 12, 16), "stem_width": 8}),
}
