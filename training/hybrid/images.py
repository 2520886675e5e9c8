"""Lists the images that training and validation read: python images.py OUT --train FOLDER[:COUNT]... --validate SET[:PER_CLASS]... --judges FOLDER...

  OUT/train.txt        COUNT images of each FOLDER, at random, or all; subfolders count, and what they mean does not
  OUT/validation.txt   PER_CLASS images of each class of each SET, or all: SET/<class>/*, where a SET is named by its folder

One absolute path a line. An image that is in a validation set or in a judge's folder, byte for byte, is left out of training, and one that is in
a judge's folder is left out of validation. The same picture at another size or quality is not recognised: keep the sources apart.
"""
import argparse
import hashlib
import pathlib

import numpy as np

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def images_below(folder):
    """The image files below the folder, in the order of their paths."""
    return sorted(path for path in folder.resolve().rglob("*") if path.suffix.lower() in SUFFIXES)


def sample(paths, count, random):
    """`count` of the paths in their order, or all of them where there are no more or count is None."""
    if count is None or count >= len(paths):
        return paths
    return [paths[i] for i in np.sort(random.permutation(len(paths))[:count])]


def counted(argument):
    """FOLDER or FOLDER:COUNT -> (folder, count or None)."""
    name, colon, count = argument.rpartition(":")
    folder = pathlib.Path(name if colon else argument)
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{folder} is not a folder")
    if colon and not count.isdigit():
        raise argparse.ArgumentTypeError(f"{count!r} is not a number of images")
    return folder, int(count) if colon else None


def digests(paths):
    """{SHA-256 of the file: path}."""
    return {hashlib.sha256(path.read_bytes()).digest(): path for path in paths}


def without(paths, known):
    """The paths whose content is not among the known digests, and of several with one content the last."""
    own = digests(paths)
    return sorted(path for digest, path in own.items() if digest not in known)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--train", type=counted, nargs="+", required=True, metavar="FOLDER[:COUNT]")
    parser.add_argument("--validate", type=counted, nargs="+", required=True, metavar="SET[:PER_CLASS]")
    parser.add_argument("--judges", type=pathlib.Path, nargs="+", required=True, metavar="FOLDER", help="the images that judge the model in the end")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    judges = [path for folder in args.judges for path in images_below(folder)]
    if not judges:
        parser.error("the judges' folders hold no images")
    train = [path for folder, count in args.train for path in sample(images_below(folder), count, random)]
    classes = [(each, count) for folder, count in args.validate for each in sorted(folder.resolve().iterdir()) if each.is_dir()]
    validation = [path for folder, count in classes for path in sample(sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES), count, random)]
    judged = digests(judges)
    lists = {"validation": without(validation, judged)}
    lists["train"] = without(train, judged | digests(lists["validation"]))
    args.out.mkdir(parents=True, exist_ok=True)
    for name, before in (("train", train), ("validation", validation)):
        (args.out / f"{name}.txt").write_text("".join(f"{path}\n" for path in lists[name]))
        print(f"{name}: {len(lists[name])} images; {len(before) - len(lists[name])} of those chosen were left out as copies")


if __name__ == "__main__":
    main()
