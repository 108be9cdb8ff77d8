#!/usr/bin/env python3
"""Reads a run directory as TensorBoard does and compares every scalar with
metrics.jsonl. Run: python3 read_events.py RUN"""
import json
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

run = Path(sys.argv[1])
acc = EventAccumulator(str(run), size_guidance={"scalars": 0})
acc.Reload()
got = {tag: [(e.step, e.value) for e in acc.Scalars(tag)] for tag in acc.Tags()["scalars"]}
want = {}
f32 = lambda x: struct.unpack("f", struct.pack("f", x))[0]
for line in open(run / "metrics.jsonl"):
    r = json.loads(line)
    if "val" in r:
        want.setdefault("loss/validation", []).append((r["step"], f32(r["val"])))
    elif r.get("action") in ("skip", "rewind"):
        if "loss" in r:
            want.setdefault("spike/loss", []).append((r["step"], f32(r["loss"])))
    else:
        for key, tag in (("loss", "loss/train"), ("lr", "lr"), ("grad_norm", "grad_norm"), ("clip_scale", "clip_scale"), ("tokens_per_s", "tokens_per_s")):
            want.setdefault(tag, []).append((r["step"], f32(r.get(key, 0))))
assert got == want, (got, want)
print(f"{run}: {sum(map(len, got.values()))} scalars of {len(got)} curves, as metrics.jsonl has them")
