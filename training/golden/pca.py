"""Golden values of src/math/pca.ts and eigen.ts from scikit-learn and NumPy.

    pip install -r training/requirements-golden-pca.txt
    python training/golden/pca.py     writes test/fixtures/golden/pca.json
"""

import numpy as np
import sklearn
from sklearn.decomposition import PCA

from common import exact, write

random = np.random.default_rng(3)


def case(name, rows, columns, components):
    mixing = random.normal(size=(columns, columns)) * np.linspace(2, 0.2, columns)
    sample = exact(random.normal(size=(rows, columns)) @ mixing + random.normal(size=columns) * 3)
    held_out = exact(random.normal(size=(3, columns)))
    plain = PCA(components, svd_solver="full").fit(sample)
    white = PCA(components, svd_solver="full", whiten=True).fit(sample)
    return {
        "name": name,
        "sample": sample,
        "components": components,
        "mean": plain.mean_,
        "directions": plain.components_,
        "explainedVariance": plain.explained_variance_,
        "heldOut": held_out,
        "projected": plain.transform(held_out),
        "whitened": white.transform(held_out),
    }


a = random.normal(size=(9, 9))
a = exact(a + a.T)
write(
    "pca",
    f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}",
    {
        "cases": [
            case("more rows than columns", 60, 9, 9),
            case("fewer components than columns", 75, 14, 5),
            case("fewer rows than columns", 12, 30, 11),
        ],
        "symmetric": {"matrix": a, "eigenvalues": np.linalg.eigvalsh(a)[::-1]},
    },
)
