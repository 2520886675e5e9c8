"""Golden values of src/methods/features/sift from OpenCV.

    pip install -r training/requirements-golden-sift.txt
    python training/golden/sift.py     writes test/fixtures/golden/sift.json
"""

import base64

import cv2
import numpy as np

from common import write
from drawings import DRAWINGS, draw, sha256

sift = cv2.SIFT_create()


def case(name):
    image = draw(name)
    keypoints, descriptors = sift.detectAndCompute(image, None)
    step = max(1, len(keypoints) // 40)
    return {
        "name": name,
        "sha256": sha256(image),
        # x, y, diameter in pixels; angle in degrees, turning from right to down.
        "keypoints": [[round(value, 3) for value in (*point.pt, point.size, point.angle)] for point in keypoints],
        # One byte a number, 128 a keypoint: OpenCV multiplies them by 512. Of every `describedEvery`th keypoint.
        "describedEvery": step,
        "descriptors": base64.b64encode(descriptors[::step].astype(np.uint8).tobytes()).decode(),
    }


write("sift", f"OpenCV {cv2.__version__}", {"cases": [case(name) for name in DRAWINGS]})
