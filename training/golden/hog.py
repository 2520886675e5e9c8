"""Golden values of src/methods/features/hog.ts from scikit-image.

    pip install -r training/requirements-golden-hog.txt
    python training/golden/hog.py     writes test/fixtures/golden/hog.json
"""

import skimage
from skimage.feature import hog

from common import write
from drawings import draw, sha256

CROPS = [("small", 0, 0, 32, 32), ("shapes", 10, 20, 64, 64), ("octaves", 5, 7, 45, 37), ("rings", 0, 0, 16, 16)]


def case(name, left, top, width, height):
    image = draw(name)[top : top + height, left : left + width]
    features = hog(
        image, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2), block_norm="L2-Hys", feature_vector=True
    )
    return {
        "name": name, "left": left, "top": top, "width": width, "height": height, "hog": features.round(7),
    }


write(
    "hog",
    f"scikit-image {skimage.__version__}",
    {"sha256": {crop[0]: sha256(draw(crop[0])) for crop in CROPS}, "cases": [case(*crop) for crop in CROPS]},
)
