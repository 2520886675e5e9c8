"""Golden values of src/math/learning/logistic-regression.ts from scikit-learn.

    pip install -r training/requirements-golden-logistic-regression.txt
    python training/golden/logistic-regression.py     writes test/fixtures/golden/logistic-regression.json
"""

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

from common import exact, write

random = np.random.default_rng(4)


def case(name, classes, rows, columns, c, ours=None):
    means = random.normal(size=(classes, columns))
    labels = random.integers(classes, size=rows)
    sample = exact(means[labels] + random.normal(size=(rows, columns)))
    held_out = exact(random.normal(size=(4, columns)))
    model = LogisticRegression(C=c, tol=1e-12, max_iter=20000).fit(sample, labels)
    return {
        "name": name,
        "sample": sample,
        "labels": labels,
        "classes": classes,
        "c": c if ours is None else ours,
        "weights": model.coef_ if classes > 2 else None,
        "intercepts": model.intercept_ - model.intercept_.mean() if classes > 2 else None,
        "heldOut": held_out,
        "probabilities": model.predict_proba(held_out),
    }


write(
    "logistic-regression",
    f"scikit-learn {sklearn.__version__}",
    {
        "cases": [
            case("three classes", 3, 90, 4, 1.0),
            case("five classes, weak penalty", 5, 150, 6, 50.0),
            case("four classes, strong penalty", 4, 60, 10, 0.02),
            case("two classes, whose penalty counts twice there", 2, 60, 3, 2.0, ours=1.0),
        ]
    },
)
