"""The figure that choices rest on: P_10 among the images of one validation set, exact cosine search, leave-one-out."""
import pathlib

import numpy as np

FIRST = 10


class Validation:
    """The images that IMAGES.txt lists (SET/<class>/file), and of which the folder `features` holds features."""

    def __init__(self, images, features):
        index = np.fromfile(pathlib.Path(features) / "index.i4", np.int32)
        lines = pathlib.Path(images).read_text().splitlines()
        paths = [pathlib.Path(lines[i]) for i in index]
        sets = np.array([path.parts[-3] for path in paths])
        self.labels = np.array([path.parts[-2] for path in paths])
        self.members = {str(name): np.flatnonzero(sets == name) for name in np.unique(sets)}
        for name, members in self.members.items():
            if len(members) <= FIRST:
                raise ValueError(f"the validation set {name} has {len(members)} images; P_10 needs more than {FIRST}")

    def precision(self, vectors):
        """float [n, dimensions] to {set: P_10}, and their mean under "mean"."""
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        result = {}
        for name, members in self.members.items():
            scores = vectors[members] @ vectors[members].T
            np.fill_diagonal(scores, -np.inf)
            nearest = np.argpartition(-scores, FIRST, axis=1)[:, :FIRST]
            result[name] = float((self.labels[members][nearest] == self.labels[members][:, None]).mean())
        return result | {"mean": float(np.mean(list(result.values())))}
