#!/usr/bin/env python3
"""Writes events.golden with the real tensorboard package (2.21.0): the header, a start
of a session, and scalars of three steps. Run: python3 make_events.py"""
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

WALL = 1764460800.25


def scalars(step, seconds, **values):
    return Event(
        wall_time=WALL + seconds,
        step=step,
        summary=Summary(value=[Summary.Value(tag=t.replace("__", "/"), simple_value=v) for t, v in values.items()]),
    )


with open(Path(__file__).parent / "events.golden", "wb") as f:
    w = RecordWriter(f)
    for e in (
        Event(wall_time=WALL, file_version="brain.Event:2"),
        Event(wall_time=WALL, session_log=SessionLog(status=SessionLog.START)),
        scalars(0, 0, loss__validation=4.125),
        scalars(1, 0.5, loss__train=4.0, lr=0.001, grad_norm=0.0, clip_scale=1.0),
        scalars(300, 2.5, loss__train=-1e-30, lr=3e38),
    ):
        w.write(e.SerializeToString())
    w.flush()
