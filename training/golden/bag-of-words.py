"""Golden values of src/methods/features/bag-of-words.ts from scikit-learn.

    pip install -r training/requirements-golden-bag-of-words.txt
    python training/golden/bag-of-words.py     writes test/fixtures/golden/bag-of-words.json
"""

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import pairwise_distances_argmin

from common import exact, write

random = np.random.default_rng(5)
words = exact(random.normal(size=(7, 4)))
images = [exact(random.normal(size=(rows, 4))) for rows in (9, 1, 14, 0, 5, 3)]
counts = np.array(
    [np.bincount(pairwise_distances_argmin(image, words), minlength=7) if len(image) else np.zeros(7) for image in images]
)
tfidf = TfidfTransformer().fit(counts)
write(
    "bag-of-words",
    f"scikit-learn {sklearn.__version__}",
    {
        "words": words,
        "images": images,
        "inverseDocumentFrequencies": tfidf.idf_,
        "histograms": tfidf.transform(counts).toarray(),
    },
)
