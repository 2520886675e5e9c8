"""The head of the hybrid Vision Transformer: one embedding from what a convolutional trunk gives."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from trunk import POOLED_WIDTH, TOKEN_WIDTH, TOKENS

DIMENSIONS, HEAD_WIDTH = 768, 64


class Block(nn.Module):
    """A pre-norm transformer block with stochastic depth: [n, tokens, width] to the same shape. It begins as the identity."""

    def __init__(self, width, ratio=3, drop=0.1):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, ratio * width), nn.Linear(ratio * width, width)
        self.drop = drop
        for layer in (self.out, self.down):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def kept(self, x):
        """In training, zero for a share `drop` of the n images, and larger by as much for the others."""
        if not self.training or not self.drop:
            return x
        return x * (torch.rand(len(x), 1, 1) >= self.drop).to(x.dtype) / (1 - self.drop)

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, width // HEAD_WIDTH, HEAD_WIDTH).permute(2, 0, 3, 1, 4)
        # On a CPU this is faster than scaled_dot_product_attention.
        attention = ((q * HEAD_WIDTH**-0.5) @ k.transpose(-2, -1)).softmax(-1).to(v.dtype)
        x = x + self.kept(self.out((attention @ v).transpose(1, 2).reshape(n, tokens, width)))
        return x + self.kept(self.down(F.gelu(self.up(self.norm2(x)))))


class Head(nn.Module):
    """tokens [n, 49, 208] and pooled [n, 1280] to an embedding [n, 768], not normalised.

    A linear readout of the pooled output, corrected by a transformer over the tokens and a class token that the pooled output makes. The correction
    begins at zero.
    """

    def __init__(self, width=320, depth=4):
        super().__init__()
        self.token_norm, self.token, self.class_token = nn.LayerNorm(TOKEN_WIDTH), nn.Linear(TOKEN_WIDTH, width), nn.Linear(POOLED_WIDTH, width)
        self.position = nn.Parameter(torch.randn(1, TOKENS + 1, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm, self.correction, self.readout = nn.LayerNorm(2 * width), nn.Linear(2 * width, DIMENSIONS), nn.Linear(POOLED_WIDTH, DIMENSIONS)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, tokens, pooled, keep=1.0):
        """keep: the share of the tokens that remain, chosen at random for each image; less than 1 in training."""
        x = self.token(self.token_norm(tokens)) + self.position[:, 1:]
        if keep < 1:
            chosen = torch.rand(x.shape[:2]).argsort(1)[:, : int(keep * x.shape[1])]
            x = torch.gather(x, 1, chosen[..., None].expand(-1, -1, x.shape[2]))
        x = torch.cat([(self.class_token(pooled) + self.position[:, 0])[:, None], x], 1)
        for block in self.blocks:
            x = block(x)
        return self.readout(pooled) + self.correction(self.norm(torch.cat([x[:, 0], x[:, 1:].mean(1)], 1)))
