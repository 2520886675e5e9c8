"""Computes the golden values that src/math/measures and src/evaluate are held against, with pytrec-eval-terrier, which carries trec_eval 9.

    python training/golden/evaluation.py      writes test/fixtures/golden/evaluation.json

Runs and qrels are stored as the text of TREC files, so the readers are held against it too.
"""

import json
import platform
import random
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytrec_eval
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "test" / "fixtures" / "golden" / "evaluation.json"
CUTS = "1,5,10,30,100"
MEASURES = {"map", "recip_rank", "iprec_at_recall"} | {
    f"{family}.{CUTS}" for family in ("map_cut", "P", "recall", "ndcg_cut", "success")
}
# One character per kind that byte order and UTF-16 order may disagree on.
NAMES = ["a", "A", "é", "\ue000", "\uffee", "\U0001f600", "~", "-", "0"]


def text_of_run(run):
    lines = [
        f"{topic} Q0 {document} {rank} {score!r} golden"
        for topic, documents in run.items()
        for rank, (document, score) in enumerate(documents, 1)
    ]
    return "\n".join(lines) + "\n"


def text_of_qrels(qrels):
    return "".join(f"{topic} 0 {doc} {rel}\n" for topic, docs in qrels.items() for doc, rel in docs.items())


def shuffled(generator, documents):
    documents = list(documents)
    generator.shuffle(documents)
    return documents


def hand_made():
    """Small topics, one for each rule."""
    tiny = 2.0**-30
    qrels = {
        "exact-ties": {"b": 1, "d": 1, "aa": 0, "a": 1},
        "float32-ties": {"d2": 1, "d5": 1},
        "float32-order-against-double": {"z": 1},
        "byte-order": {f"{name}x": index % 2 for index, name in enumerate(NAMES)},
        "prefix-order": {"img1": 1, "img10": 0, "img100": 1, "img2": 0},
        "unjudged": {"j1": 1, "j2": 0, "j3": 1},
        "negative": {"n1": -1, "n2": 1, "n3": -2, "n4": 0},
        "graded": {"g1": 3, "g2": 0, "g3": 2, "g4": 1, "g5": 3, "g6": 2},
        "graded-with-gap": {"g1": 5, "g2": 0, "g3": 1, "g4": 1},
        "nothing-relevant": {"r1": 0, "r2": 0},
        "nothing-found": {"q1": 1, "q2": 1},
        "fewer-than-k": {f"r{i}": 1 for i in range(7)},
        "infinite": {"i1": 1, "i2": 0, "i3": 1},
        "overflow": {"o1": 1, "o2": 0},
        "not-in-run": {"m1": 1},
        "not-in-run-either": {"m1": 0, "m2": 1},
    }
    run = {
        "exact-ties": [("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0), ("aa", 1.0), ("e", 2.0)],
        "float32-ties": [(f"d{i}", 0.7 + i * tiny) for i in range(8)],
        "float32-order-against-double": [("a", 0.5 + 4 * tiny), ("z", 0.5), ("b", 0.5 + 2 * tiny)],
        "byte-order": [(f"{name}x", 0.25) for name in NAMES],
        "prefix-order": [("img1", 3.0), ("img10", 3.0), ("img100", 3.0), ("img2", 3.0)],
        "unjudged": [("u1", 0.9), ("j1", 0.8), ("u2", 0.7), ("j2", 0.6), ("j3", 0.5)],
        "negative": [("n1", 0.9), ("n2", 0.8), ("n3", 0.7), ("n4", 0.6)],
        "graded": [("g4", 0.9), ("g2", 0.8), ("g1", 0.7), ("g9", 0.6), ("g3", 0.5), ("g6", 0.4)],
        "graded-with-gap": [("g3", 0.9), ("g1", 0.8)],
        "nothing-relevant": [("r1", 0.9), ("x", 0.8)],
        "nothing-found": [("x", 0.9), ("y", 0.8)],
        "fewer-than-k": [("r1", -1.0), ("x", -2.0), ("r3", -3.0)],
        "infinite": [("i1", 0.1), ("i2", float("inf")), ("i3", 4.0)],
        "overflow": [("o1", 1e60), ("o2", 1e50)],
        "not-in-qrels": [("a", 1.0)],
    }
    return run, qrels


def random_case(seed, topics, gallery, depth, levels, score):
    generator = random.Random(seed)
    documents = [f"class{i % 7}/img{i}" for i in range(gallery)]
    run, qrels = {}, {}
    for number in range(topics):
        judged = generator.sample(documents, generator.randint(1, gallery - 1))
        qrels[f"q{number}"] = {document: generator.choice(levels) for document in judged}
        run[f"q{number}"] = [(doc, score(generator)) for doc in shuffled(generator, documents)[:depth]]
    return run, qrels


def case(run, qrels):
    results = pytrec_eval.RelevanceEvaluator(qrels, MEASURES).evaluate({t: dict(docs) for t, docs in run.items()})
    names = sorted(next(iter(results.values())))
    both = {name: float(np.mean([topic[name] for topic in results.values()])) for name in names}
    # trec_eval -c divides the same sums by the number of topics in the qrels.
    complete = {name: value * len(results) / len(qrels) for name, value in both.items()}
    return {
        "run": text_of_run(run),
        "qrels": text_of_qrels(qrels),
        "topics": {t: [round(v[n], 12) for n in names] for t, v in results.items()},
        "names": names,
        "means": {"both": both, "allJudged": complete},
    }


def bootstrap():
    """Percentile intervals by scipy, to be met within what 10,000 resamples leave to chance."""
    generator = np.random.default_rng(7)
    first = generator.beta(2, 5, 400).round(6)
    second = np.clip(first + generator.normal(0.01, 0.05, 400), 0, 1).round(6)

    def interval(values):
        result = stats.bootstrap(
            (values,), np.mean, n_resamples=20000, method="percentile", rng=np.random.default_rng(8), batch=500
        )
        return [float(result.confidence_interval.low), float(result.confidence_interval.high)]

    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "intervals": {
            "first": interval(first),
            "second": interval(second),
            "secondMinusFirst": interval(second - first),
        },
        "percentiles": {
            "values": [0.3, 0.1, 0.9, 0.5, 0.2, 0.75],
            "at": [0, 2.5, 50, 97.5, 100],
            "expected": np.percentile([0.3, 0.1, 0.9, 0.5, 0.2, 0.75], [0, 2.5, 50, 97.5, 100]).tolist(),
        },
    }


def main():
    near = 2.0**-26
    cases = {
        "handMade": case(*hand_made()),
        "continuous": case(*random_case(1, 12, 60, 40, [0, 1], lambda g: g.random())),
        "ties": case(*random_case(2, 12, 60, 60, [0, 0, 1, 2, 3], lambda g: g.randint(0, 6) / 10)),
        "float32Ties": case(
            *random_case(3, 12, 60, 50, [-1, 0, 1], lambda g: 0.8 + g.randint(0, 40) * near)
        ),
        "deep": case(*random_case(4, 4, 300, 250, [0, 0, 0, 1], lambda g: round(g.gauss(0, 1), 3))),
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "command": "python training/golden/evaluation.py",
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("pytrec_eval-terrier", "numpy", "scipy")},
        },
        "cases": cases,
        "bootstrap": bootstrap(),
    }
    OUT.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{OUT.relative_to(ROOT)}: {OUT.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
