"""What the scripts of this folder share."""

import json
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "golden"


def write(topic, made_by, content):
    """test/fixtures/golden/<topic>.json, one line a value at the upper levels, with the command that makes it."""
    header = {"command": f"python training/golden/{topic}.py", "madeBy": made_by}
    entries = [f"{json.dumps(key)}: {json.dumps(plain(value))}" for key, value in {**header, **content}.items()]
    (GOLDEN / f"{topic}.json").write_text("{\n" + ",\n".join(entries) + "\n}\n")


def plain(value):
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (float, np.floating)):
        return float(f"{float(value):.12g}")
    if isinstance(value, np.integer):
        return int(value)
    return value


def exact(values):
    """Rounded to 1/64: the same numbers in float32 and in float64, and short in JSON."""
    return np.round(np.asarray(values) * 64) / 64
