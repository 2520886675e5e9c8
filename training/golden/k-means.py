"""Golden values of src/math/learning/k-means.ts from scikit-learn.

    pip install -r training/requirements-golden-k-means.txt
    python training/golden/k-means.py     writes test/fixtures/golden/k-means.json
"""

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.metrics import davies_bouldin_score

from common import exact, write

random = np.random.default_rng(2)
means = random.normal(scale=3, size=(6, 5))
sample = exact(means[random.integers(6, size=180)] + random.normal(size=(180, 5)))


def case(name, centers):
    fitted = KMeans(
        len(centers), init=centers, n_init=1, algorithm="lloyd", tol=0, max_iter=300, copy_x=True
    ).fit(sample)
    return {
        "name": name,
        "start": centers,
        "centers": fitted.cluster_centers_,
        "labels": fitted.labels_,
        "inertia": fitted.inertia_,
        "daviesBouldin": davies_bouldin_score(sample, fitted.labels_),
    }


far = np.full((1, 5), 100.0)
cases = [
    case("six centres", sample[:6]),
    case("two centres", sample[[3, 50]]),
    case("eleven centres", sample[20:31]),
    case("a centre that starts without rows", np.concatenate([sample[:4], far])),
]
arbitrary = random.integers(4, size=180)
write(
    "k-means",
    f"scikit-learn {sklearn.__version__}",
    {
        "sample": sample,
        "cases": cases,
        "arbitrary": {"labels": arbitrary, "daviesBouldin": davies_bouldin_score(sample, arbitrary)},
    },
)
