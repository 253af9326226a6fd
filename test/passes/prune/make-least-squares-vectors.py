"""Ridge regression with and without a bias by numpy's lstsq on stacked rows: vectors for least-squares.test.ts."""
import json
import numpy as np

rng = np.random.default_rng(3)
n, out, rows, ridge = 5, 3, 40, 0.05
x = rng.normal(size=(rows, n)) @ rng.normal(size=(n, n)) + 0.5
d = x @ rng.normal(size=(n, out)) + rng.normal(size=(rows, out)) + 1
w = rng.integers(0, 3, size=rows).astype(float)
sw = np.sqrt(w)[:, None]


def fit(biased):
    xc, dc = x, d
    if biased:
        xc, dc = x - (w @ x) / w.sum(), d - (w @ d) / w.sum()
    mean = np.mean(np.diag((sw * xc).T @ (sw * xc)))
    a = np.vstack([sw * xc, np.sqrt(ridge * mean) * np.eye(n)])
    b = np.vstack([sw * dc, np.zeros((n, out))])
    weight = np.linalg.lstsq(a, b, rcond=None)[0]
    bias = (w @ d) / w.sum() - (w @ x) / w.sum() @ weight if biased else np.zeros(out)
    left = (w[:, None] * (d - x @ weight - bias) ** 2).sum() / (w[:, None] * d**2).sum()
    return dict(weight=weight.ravel().tolist(), bias=bias.tolist(), left=left)


json.dump(dict(n=n, out=out, ridge=ridge, x=x.ravel().tolist(), d=d.ravel().tolist(), w=w.tolist(), biased=fit(True), plain=fit(False)),
          open(__file__.replace("make-least-squares-vectors.py", "least-squares-vectors.json"), "w"))
