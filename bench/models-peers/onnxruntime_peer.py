"""Runs an ONNX graph on ready tensors when it is asked to: python onnxruntime_peer.py MODEL.onnx THREADS [nospin]

Reads lines of JSON {"images": n, "runs": m}, answers {"runsMs": [...], "cpuMs": of all of them}. Driven by run.ts.
"""
import json
import sys
import time

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[2])
if sys.argv[3:] == ["nospin"]:
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
[entry] = session.get_inputs()
print(json.dumps({"version": f"onnxruntime {onnxruntime.__version__}"}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    shape = [asked["images"], *entry.shape[1:]]
    tensor = np.sin(np.arange(np.prod(shape)) * 0.013).astype(np.float32).reshape(shape)
    taken, cpu = [], time.process_time()
    for _ in range(asked["runs"]):
        start = time.perf_counter()
        session.run(None, {entry.name: tensor})
        taken.append((time.perf_counter() - start) * 1000)
    print(json.dumps({"runsMs": taken, "cpuMs": (time.process_time() - cpu) * 1000}), flush=True)
