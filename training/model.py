"""Hybrid Vision Transformer: a convolutional stem turns the image into tokens, transformer blocks mix them.

The hybrid of Dosovitskiy et al. 2021, section 3.1, at a size that trains on two CPU cores. Input float32 [n, 3, size, size],
normalised as the manifest says; output float32 [n, 768], not normalised. TwoViews is a variant that is not shipped (README.md).
"""
import torch
import torch.nn as nn
import torch.nn.functional as F


class ConvBlock(nn.Module):
    """Two 3x3 convolutions with a residual connection (He et al. 2016), channels unchanged."""

    def __init__(self, channels):
        super().__init__()
        self.c1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.b1 = nn.BatchNorm2d(channels)
        self.c2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.b2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(x + self.b2(self.c2(F.relu(self.b1(self.c1(x))))))


def downsample(channels_in, channels_out):
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels_out), nn.ReLU())


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.h, self.sc = heads, (dim // heads) ** -0.5
        self.qkv, self.o = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        n, tokens, dim = x.shape
        q, k, v = self.qkv(x).reshape(n, tokens, 3, self.h, dim // self.h).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * self.sc).softmax(-1)
        return self.o((weights @ v).transpose(1, 2).reshape(n, tokens, dim))


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, dim, heads, mlp_ratio=3):
        super().__init__()
        self.n1, self.a = nn.LayerNorm(dim), Attention(dim, heads)
        self.n2, self.f1, self.f2 = nn.LayerNorm(dim), nn.Linear(dim, mlp_ratio * dim), nn.Linear(mlp_ratio * dim, dim)

    def forward(self, x):
        x = x + self.a(self.n1(x))
        return x + self.f2(F.gelu(self.f1(self.n2(x))))


class HybridViT(nn.Module):
    def __init__(self, c1=40, c2=80, dim=192, depth=6, heads=6, out=768, size=64):
        super().__init__()
        self.stem = nn.Sequential(downsample(3, c1), ConvBlock(c1), downsample(c1, c2), ConvBlock(c2), ConvBlock(c2), nn.Conv2d(c2, dim, 3, stride=2, padding=1))
        self.pos = nn.Parameter(torch.zeros(1, (size // 8) ** 2, dim))
        nn.init.trunc_normal_(self.pos, std=0.02)
        self.blocks = nn.ModuleList([Block(dim, heads) for _ in range(depth)])
        self.norm, self.proj = nn.LayerNorm(dim), nn.Linear(dim, out)

    def features(self, x):
        """The mean token, before the projection."""
        x = self.stem(x).flatten(2).transpose(1, 2) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.norm(x).mean(1)

    def forward(self, x):
        return self.proj(self.features(x))


class TwoViews(nn.Module):
    """The mean embedding of the whole image and of its centre, enlarged and mirrored, less the mean embedding of the training images.

    Enlarging is a product with a fixed matrix on either side, so the ONNX graph needs no Resize.
    """

    def __init__(self, model, centre=52, size=64):
        super().__init__()
        self.model = model
        edge = (size - centre) // 2
        # Interpolating the identity, cut to the centre, gives the matrix of the interpolation.
        rows = F.interpolate(torch.eye(size)[None, None, edge : size - edge], size=(size, size), mode="bicubic", align_corners=False)[0, 0]
        self.register_buffer("rows", rows)
        self.register_buffer("columns", rows.flip(0).T.contiguous())

    def features(self, x):
        views = torch.cat([x, self.rows @ x @ self.columns])
        return self.model.features(views).reshape(2, -1, self.model.norm.normalized_shape[0]).mean(0)

    def forward(self, x):
        return self.model.proj(self.features(x))


def count(model, size=64):
    """Parameters, and multiply-accumulates of one image: convolutions, linear layers, attention products."""
    macs = [0]

    def conv(m, i, o):
        macs[0] += o.numel() * m.weight[0].numel()

    def linear(m, i, o):
        macs[0] += o.numel() * m.in_features

    def attention(m, i, o):
        macs[0] += 2 * o.shape[0] * o.shape[1] ** 2 * o.shape[2]

    kinds = {nn.Conv2d: conv, nn.Linear: linear, Attention: attention}
    hooks = [m.register_forward_hook(kinds[type(m)]) for m in model.modules() if type(m) in kinds]
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return sum(p.numel() for p in model.parameters()), macs[0]
