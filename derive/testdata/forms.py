"""Evaluates the NumPy forms of formulas, and compares them with the gradient.

go test ./derive -run TestForms -dump /tmp/forms.json
python3 derive/testdata/forms.py /tmp/forms.json
"""
import json
import math
import sys

import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def phi(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


Phi = np.vectorize(lambda x: math.erfc(-x / math.sqrt(2)) / 2)

functions = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "gelu": lambda x: x * Phi(x),
    "dgelu": lambda x: Phi(x) + x * phi(x),
    "silu": lambda x: x * sigmoid(x),
    "dsilu": lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
}

worst, count = 0.0, 0
for s in json.load(open(sys.argv[1])):
    names = dict(functions, np=np, n_T=s["Sizes"]["T"])
    names.update({k: v for k, v in s["Sizes"].items() if k != "1"})
    for name, m in s["Values"].items():
        a = np.array(m["V"]).reshape(m["N"], m["D"])
        if a.size == 1:
            a = a[0, 0]
        elif 1 in a.shape:
            a = a.ravel()  # a vector is an array of one axis
        names[name.replace("/", "_")] = a
    have = eval(s["NumPy"], names)
    want = np.array(s["Want"]["V"]).reshape(s["Want"]["N"], s["Want"]["D"])
    if np.ndim(have) == 1:
        want = want.ravel()
    assert np.shape(have) == want.shape, (s["Exercise"], s["NumPy"], np.shape(have), want.shape)
    error = np.max(np.abs(have - want)) / max(1, np.max(np.abs(want)))
    worst, count = max(worst, error), count + 1
    if error > 1e-9:
        print("differs", s["Exercise"], s["NumPy"], error)
print(count, "formulas, worst relative error", worst)
