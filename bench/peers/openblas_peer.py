#!/usr/bin/env python3
"""OpenBLAS, which numpy brings along, at the float32 products of `pedestrian bench`, as a worker of run.py.

    python openblas_peer.py FORM M N K [--threads 2]

Prints one JSON line when it is warm, with the kernels that OpenBLAS chose (OPENBLAS_CORETYPE
chooses others), then for every line R on standard input one JSON line with R products,
until standard input ends. Needs numpy and threadpoolctl.
"""
import argparse
import json
import sys
import time

import numpy as np
from threadpoolctl import threadpool_info


def say(**fields):
    print(json.dumps(fields), flush=True)


def check(z, x, y):
    """The largest difference of four rows and four columns from sums in double precision, over √K."""
    worst, k = 0.0, x.shape[1]
    for i in np.linspace(0, z.shape[0] - 1, 4, dtype=int):  # einsum: not OpenBLAS
        worst = np.fmax(worst, np.abs(z[i] - np.einsum("k,kn->n", x[i], y, dtype=np.float64)).max())
    for j in np.linspace(0, z.shape[1] - 1, 4, dtype=int):
        worst = np.fmax(worst, np.abs(z[:, j] - np.einsum("mk,k->m", x, y[:, j], dtype=np.float64)).max())
    return worst / k ** 0.5 if np.isfinite(z).all() else np.inf


def main():
    p = argparse.ArgumentParser()
    p.add_argument("form", choices=["nn", "nt", "tn"])
    p.add_argument("m", type=int)
    p.add_argument("n", type=int)
    p.add_argument("k", type=int)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    libraries = [i for i in threadpool_info() if i["user_api"] == "blas"]
    if len(libraries) != 1 or libraries[0]["internal_api"] != "openblas" or libraries[0]["num_threads"] != a.threads:
        sys.exit(f"openblas_peer.py: wanted OpenBLAS with {a.threads} threads, numpy has {libraries}")
    random = np.random.default_rng(1)
    x = random.standard_normal((a.k, a.m), np.float32).T if a.form == "tn" else random.standard_normal((a.m, a.k), np.float32)
    y = random.standard_normal((a.n, a.k), np.float32).T if a.form == "nt" else random.standard_normal((a.k, a.n), np.float32)
    z = np.empty((a.m, a.n), np.float32)
    for _ in range(2):
        np.matmul(x, y, out=z)
    error = check(z, x, y)
    if not error < 1e-5:
        sys.exit(f"openblas_peer.py: {libraries[0]['architecture']} gives wrong products: off by {error:g} √K")
    say(ready=True, version=libraries[0]["version"], kernel=libraries[0]["architecture"], error=float(error))
    for line in sys.stdin:
        ms = []
        for _ in range(int(line)):
            t0 = time.perf_counter()
            np.matmul(x, y, out=z)
            ms.append(1e3 * (time.perf_counter() - t0))
        say(ms=ms, flop=2 * a.m * a.n * a.k)


if __name__ == "__main__":
    main()
