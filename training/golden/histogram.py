"""Golden values of src/methods/features/histogram.ts and grey.ts from NumPy, colorsys and OpenCV.

    pip install -r training/requirements-golden-histogram.txt
    python training/golden/histogram.py     writes test/fixtures/golden/histogram.json
"""

import colorsys

import cv2
import numpy as np

from common import write
from drawings import draw, sha256

# Three drawings as the channels of one picture.
CHANNELS = ["shapes", "octaves", "rings"]
rgb = np.stack([draw(name)[:96, :128] for name in CHANNELS], axis=-1)
flat = rgb.reshape(-1, 3)
hsv = np.array([colorsys.rgb_to_hsv(*(channel / 255 for channel in pixel)) for pixel in flat.tolist()])
grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def joint(values, bins, top):
    # colorsys rounds: a channel on the border of two bins can come out just below it, and belongs above.
    counts, _ = np.histogramdd(np.minimum(values + 1e-9, top), bins=bins, range=[(0, top)] * 3)
    return counts.ravel().astype(int)


write(
    "histogram",
    f"NumPy {np.__version__}, colorsys, OpenCV {cv2.__version__}",
    {
        "sha256": {name: sha256(draw(name)) for name in CHANNELS},
        "channels": CHANNELS,
        "width": 128,
        "height": 96,
        "greySha256": sha256(grey),
        "grey": {str(bins): np.histogram(grey, bins=bins, range=(0, 256))[0] for bins in (16, 64, 256)},
        "rgb": {str(bins): joint(flat, bins, 256) for bins in (2, 4, 8)},
        "hsv": {str(bins): joint(hsv, bins, 1) for bins in (2, 4, 8)},
    },
)
