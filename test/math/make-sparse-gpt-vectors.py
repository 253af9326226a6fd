"""Makes sparse-gpt-vectors.json: the authors' fasterprune (github.com/IST-DASLab/sparsegpt, sparsegpt.py) and Wanda's prune step
(github.com/locuslab/wanda) in numpy float64. usage: make-sparse-gpt-vectors.py > sparse-gpt-vectors.json

One difference: the authors' threshold takes the number at the bound along (mask = score <= sorted[int(n * share)], one number
more than the share); here exactly round(share * n) become zero, summed over the blocks from the left.
"""
import json

import numpy as np
from scipy.linalg import cholesky


def sparse_gpt(W, X, share=None, keep=None, of=0, block=128, damping=0.01):
    W = W.copy()
    rows, columns = W.shape
    H = X.T @ X
    H[np.diag_indices(columns)] += damping * np.mean(np.diag(H))
    U = cholesky(np.linalg.inv(H), lower=False)
    for i1 in range(0, columns, block):
        i2 = min(i1 + block, columns)
        W1, Err1, U1 = W[:, i1:i2].copy(), np.zeros((rows, i2 - i1)), U[i1:i2, i1:i2]
        mask = np.zeros(W1.shape, bool)
        if share is not None:
            count = round(share * rows * i2) - round(share * rows * i1)
            score = (W1 / np.diag(U1)) ** 2
            mask.flat[np.argsort(score, axis=None, kind="stable")[:count]] = True
        for i in range(i2 - i1):
            if of and i % of == 0:
                score = (W1[:, i : i + of] / np.diag(U1)[i : i + of]) ** 2
                np.put_along_axis(mask, i + np.argsort(score, axis=1, kind="stable")[:, : of - keep], True, 1)
            q = np.where(mask[:, i], 0, W1[:, i])
            err = (W1[:, i] - q) / U1[i, i]
            W1[:, i:] -= np.outer(err, U1[i, i:])
            W1[:, i] = q
            Err1[:, i] = err
        W[:, i1:i2] = W1
        W[:, i2:] -= Err1 @ U[i1:i2, i2:]
    return W


def wanda(W, X, share=None, keep=None, of=0):
    score = np.abs(W) * np.linalg.norm(X, axis=0)
    out = W.copy()
    rows, columns = W.shape
    for r in range(rows):
        if of:
            for c in range(0, columns, of):
                out[r, c + np.argsort(score[r, c : c + of], kind="stable")[: of - keep]] = 0
        else:
            count = round(share * columns * (r + 1)) - round(share * columns * r)
            out[r, np.argsort(score[r], kind="stable")[:count]] = 0
    return out


random = np.random.default_rng(0)
rows, columns, tokens = 5, 24, 60
W = random.normal(size=(rows, columns)).round(3)
X = (random.normal(size=(tokens, columns)) @ random.normal(size=(columns, columns)) * 0.3).round(3)
numbers = lambda a: [float(f"{v:.12g}") for v in np.asarray(a).flatten()]
amounts = {"half": {"share": 0.5}, "more": {"share": 0.7}, "two of four": {"keep": 2, "of": 4}, "one of eight": {"keep": 1, "of": 8}}
cases = [
    {"name": f"{name}, blocks of {block}", "amount": amount, "block": block, "weights": numbers(sparse_gpt(W, X, block=block, **amount))}
    for name, amount in amounts.items()
    for block in (8, 128)
]
rules = [{"name": name, "amount": amount, "weights": numbers(wanda(W, X, **amount))} for name, amount in amounts.items()]
H = X.T @ X
factor = cholesky(np.linalg.inv(H), lower=False)
print(json.dumps({"rows": rows, "columns": columns, "weights": numbers(W), "inputs": numbers(X), "factor": numbers(factor), "cases": cases, "wanda": rules}))
