"""A model with batch normalisation folded into its convolutions: made from a trained one, or read back from an exported ONNX file."""
import onnx
import torch
import torch.nn as nn
from onnx import numpy_helper
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model import ConvBlock, HybridViT


def fold(model):
    """Folds in place; the model must be in evaluation mode."""
    for part in model.stem:
        if isinstance(part, ConvBlock):
            part.c1, part.b1 = fuse_conv_bn_eval(part.c1, part.b1), nn.Identity()
            part.c2, part.b2 = fuse_conv_bn_eval(part.c2, part.b2), nn.Identity()
        elif isinstance(part, nn.Sequential):
            part[0], part[1] = fuse_conv_bn_eval(part[0], part[1]), nn.Identity()
    return model


def from_state(state):
    """The folded model of a checkpoint, whether it was trained folded or not."""
    model = HybridViT().eval()
    if any(name.endswith("running_mean") for name in state):
        model.load_state_dict(state)
        return fold(model)
    fold(model).load_state_dict(state)
    return model


def from_onnx(path):
    """Exporting keeps the names of all weights but those of linear layers, which it transposes: theirs follow from the node's name."""
    graph = onnx.load(path).graph
    tensors = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    state = {}
    for name, tensor in tensors.items():
        if not name.startswith("onnx::") and name not in ("rows", "columns"):
            state[name.removeprefix("model.")] = tensor
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1].startswith("onnx::") and node.input[1] in tensors:
            name = node.name.strip("/").rsplit("/", 1)[0].replace("/", ".").removeprefix("model.")
            state[name + ".weight"] = tensors[node.input[1]].T.contiguous()
    return from_state(state)
