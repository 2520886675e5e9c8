"""Grey pictures made by integer arithmetic alone; test/support/drawings.ts draws the same ones, byte for byte.

Two languages draw them, so no picture has to be stored; each golden file holds their SHA-256.
"""

import hashlib

import numpy as np


class Lcg:
    """Numerical Recipes' 32-bit generator; `below` takes the upper 16 bits."""

    def __init__(self, seed):
        self.state = seed & 0xFFFFFFFF

    def below(self, bound):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 16) * bound >> 16


def noise(width, height, seed, cell=1):
    """Random greys, constant on squares of `cell` pixels."""
    random = Lcg(seed)
    columns, rows = -(-width // cell), -(-height // cell)
    small = np.array([random.below(256) for _ in range(columns * rows)], dtype=np.int64).reshape(rows, columns)
    return small.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]


def blur(image, radius, times):
    """Box filter of 2 radius + 1 pixels a side with edges repeated, rounded down, several times over."""
    for _ in range(times):
        padded = np.pad(image, radius, mode="edge")
        size = 2 * radius + 1
        total = sum(
            padded[y : y + image.shape[0], x : x + image.shape[1]] for y in range(size) for x in range(size)
        )
        image = total // (size * size)
    return image


def stretch(image):
    """Spreads the greys over 0…255."""
    low, high = int(image.min()), int(image.max())
    return (image - low) * 255 // max(1, high - low)


def shapes(width, height, seed, count):
    """Discs, rectangles and triangles over a ramp."""
    random = Lcg(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    image = (x * 64 // width + y * 64 // height) + 40
    for index in range(count):
        cx, cy = random.below(width), random.below(height)
        size = 4 + random.below(max(2, min(width, height) // 4))
        grey = random.below(256)
        if index % 3 == 0:
            inside = (x - cx) ** 2 + (y - cy) ** 2 <= size * size
        elif index % 3 == 1:
            inside = (abs(x - cx) <= size) & (2 * abs(y - cy) <= size)
        else:
            inside = (y >= cy - size) & (y <= cy + size) & (2 * abs(x - cx) <= y - cy + size)
        image = np.where(inside, grey, image)
    return image


def rings(width, height, period):
    """Concentric rings, stepwise: integers only."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    squared = (x - width // 2) ** 2 + (y - height // 2) ** 2
    return (squared * 16 // (period * period)) % 32 * 8


def checkers(width, height, cell):
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    return np.where((x // cell + y // cell) % 2 == 0, 48, 208)


def mix(a, b, weight):
    """`weight` sixteenths of b."""
    return (a * (16 - weight) + b * weight) // 16


DRAWINGS = {
    "blurred-noise": lambda: stretch(blur(noise(160, 120, 1), 2, 2)),
    "coarse-noise": lambda: stretch(blur(noise(200, 150, 2, 6), 2, 2)),
    "octaves": lambda: stretch(mix(blur(noise(192, 144, 3, 16), 4, 3), blur(noise(192, 144, 4), 1, 2), 6)),
    "shapes": lambda: blur(shapes(160, 160, 5, 24), 1, 1),
    "sharp-shapes": lambda: shapes(240, 180, 6, 40),
    "shapes-on-noise": lambda: mix(blur(shapes(180, 140, 7, 20), 1, 2), stretch(blur(noise(180, 140, 8), 1, 2)), 5),
    "rings": lambda: mix(blur(rings(150, 130, 40), 1, 1), stretch(blur(noise(150, 130, 9, 3), 1, 1)), 4),
    "checkers": lambda: mix(checkers(128, 128, 13), stretch(blur(noise(128, 128, 10, 4), 2, 2)), 8),
    "small": lambda: stretch(blur(noise(32, 32, 11, 3), 1, 1)),
    "wide": lambda: mix(blur(shapes(301, 97, 12, 30), 1, 1), stretch(blur(noise(301, 97, 13, 2), 1, 2)), 6),
}


def draw(name):
    """uint8, height × width."""
    image = DRAWINGS[name]()
    assert image.min() >= 0 and image.max() <= 255
    return image.astype(np.uint8)


def sha256(image):
    return hashlib.sha256(image.tobytes()).hexdigest()
