"""Golden values of src/methods/rerank from NumPy and scikit-image.

    pip install -r training/requirements-golden-rerank.txt
    python training/golden/rerank.py     writes test/fixtures/golden/rerank.json
"""

import numpy as np
import skimage
from skimage.metrics import structural_similarity

from common import exact, write
from drawings import draw, sha256

SIDE = 64
DIMENSIONS = 33
ALPHA = 3
EXPANDING = 10

random = np.random.default_rng(3)


def vector_ssim(a, b):
    joint = max(a.max(), b.max()) - min(a.min(), b.min())
    return structural_similarity(a, b, win_size=len(a), use_sample_covariance=False, data_range=joint)


def pixel_ssim(a, b):
    return structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def ratio(similarity, squared):
    """As a string: JSON has no infinity."""
    return "Infinity" if squared == 0 else similarity / squared


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def unit(a):
    return a / np.linalg.norm(a)


# A network as src/math/learning/mlp.ts keeps it: layer by layer, one row of weights a unit, then the biases.
SIZES = [DIMENSIONS, 5, 3, 1]
input_mean = exact(np.full(DIMENSIONS, 0.05) + 0.03 * random.normal(size=DIMENSIONS))
input_scale = exact(10 + random.normal(size=DIMENSIONS))
layers = [
    (exact(0.4 * random.normal(size=(units, inputs))), exact(0.2 * random.normal(size=units)))
    for inputs, units in zip(SIZES, SIZES[1:])
]


def predict(a, b):
    """Its linear output for the squared difference of two embeddings at length 1."""
    values = ((unit(a) - unit(b)) ** 2 - input_mean) * input_scale
    for weights, biases in layers[:-1]:
        values = np.maximum(weights @ values + biases, 0)
    weights, biases = layers[-1]
    return (weights @ values + biases).item()


def grey(crop):
    name, x, y = crop
    return draw(name)[y : y + SIDE, x : x + SIDE]


query = exact(3 * random.normal(size=DIMENSIONS))
query_crop = ("shapes", 8, 8)
# Near ones, far ones, an opposite one, the query itself, one of its direction but another length.
others = [exact(query + spread * random.normal(size=DIMENSIONS)) for spread in (0.25, 0.5, 1, 1, 2, 2, 3, 4, 6, 8)]
others += [exact(-query + random.normal(size=DIMENSIONS)), query, 2 * query]
others += [exact(random.normal(size=DIMENSIONS)) for _ in range(3)]
crops = [(name, x, y) for name in ("shapes", "sharp-shapes", "octaves", "rings") for x, y in ((8, 8), (9, 8), (40, 30), (2, 50))]
assert len(crops) == len(others) == 16

# Re-rankers take candidates by similarity, highest first.
order = sorted(range(len(others)), key=lambda i: -cosine(query, others[i]))
candidates = [(others[i], crops[i]) for i in order]
similarities = [cosine(query, embedding) for embedding, _ in candidates]

expanded = unit(query) + sum(
    max(0, similarity) ** ALPHA * unit(embedding)
    for similarity, (embedding, _) in list(zip(similarities, candidates))[:EXPANDING]
)


def scores(embedding, crop):
    difference = query - embedding
    pixels, query_pixels = grey(crop), grey(query_crop)
    pixel_difference = (query_pixels.astype(float) - pixels.astype(float)) / 255
    squared, pixel_squared = (difference**2).sum(), (pixel_difference**2).sum()
    return {
        "EUCLIDEAN": -np.linalg.norm(difference),
        "INNER_PRODUCT": query @ embedding,
        "SSIM": vector_ssim(query, embedding),
        "SSIM_OVER_EUCLIDEAN": ratio(vector_ssim(query, embedding), squared),
        "PIXEL_EUCLIDEAN": -np.linalg.norm(pixel_difference),
        "PIXEL_SSIM": pixel_ssim(query_pixels, pixels),
        "PIXEL_SSIM_OVER_EUCLIDEAN": ratio(pixel_ssim(query_pixels, pixels), pixel_squared),
        "LEARNED_HEURISTIC": predict(query, embedding),
        "LEARNED_LABELS": 1 / (1 + np.exp(-predict(query, embedding))),
        "QUERY_EXPANSION": cosine(expanded, embedding),
    }


def image(embedding, crop):
    name, x, y = crop
    return {"embedding": embedding, "drawing": name, "left": x, "top": y}


rows = [scores(*candidate) for candidate in candidates]
names = sorted({name for name, _, _ in [*crops, query_crop]})
write(
    "rerank",
    f"NumPy {np.__version__} and scikit-image {skimage.__version__}",
    {
        "sha256": {name: sha256(draw(name)) for name in names},
        "query": image(query, query_crop),
        "candidates": [
            {**image(*candidate), "similarity": similarity} for candidate, similarity in zip(candidates, similarities)
        ],
        "network": {
            "sizes": SIZES,
            "inputMean": input_mean,
            "inputScale": input_scale,
            "parameters": np.concatenate([np.concatenate([weights.ravel(), biases]) for weights, biases in layers]),
        },
        "scores": {name: [row[name] for row in rows] for name in rows[0]},
    },
)
