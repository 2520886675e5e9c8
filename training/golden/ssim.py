"""Golden values of src/math/ssim.ts from scikit-image.

    pip install -r training/requirements-golden-ssim.txt
    python training/golden/ssim.py     writes test/fixtures/golden/ssim.json
"""

import numpy as np
import skimage
from skimage.metrics import structural_similarity

from common import exact, write
from drawings import draw, sha256

random = np.random.default_rng(1)


def vector_case(a, b, data_range=None):
    a, b = exact(a), exact(b)
    joint = max(a.max(), b.max()) - min(a.min(), b.min())
    # A window over the whole vector (of odd length) leaves one value: the statistics of the vectors as wholes.
    value = structural_similarity(
        a, b, win_size=len(a), use_sample_covariance=False, data_range=data_range or joint
    )
    return {"a": a, "b": b, "dataRange": data_range, "ssim": value}


def image_case(first, second, crop):
    y, x, height, width = crop
    a, b = (draw(name)[y : y + height, x : x + width] for name in (first, second))
    value = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )
    return {"a": first, "b": second, "left": x, "top": y, "width": width, "height": height, "ssim": value}


base = random.normal(size=65)
vectors = [
    vector_case(base, base + 0.3 * random.normal(size=65)),
    vector_case(base, random.normal(size=65)),
    vector_case(base, -base),
    vector_case(np.abs(base) * 2, np.abs(base + 0.5)),
    vector_case(base, base * 0.5 + 1, data_range=255),
    vector_case(base, base + 0.1 * random.normal(size=65), data_range=2),
]
pairs = [
    ("blurred-noise", "blurred-noise", (0, 0, 64, 64)),
    ("blurred-noise", "octaves", (10, 20, 64, 64)),
    ("shapes", "shapes-on-noise", (0, 0, 64, 64)),
    ("shapes", "sharp-shapes", (8, 16, 120, 90)),
    ("rings", "checkers", (3, 5, 11, 11)),
    ("rings", "wide", (0, 0, 11, 40)),
]
images = [image_case(*pair) for pair in pairs]
names = sorted({name for pair in pairs for name in pair[:2]})
write(
    "ssim",
    f"scikit-image {skimage.__version__}",
    {"sha256": {name: sha256(draw(name)) for name in names}, "vectors": vectors, "images": images},
)
