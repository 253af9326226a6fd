"""Terms of distillation in numpy, written from the papers' formulas: python make-distillation-vectors.py > distillation-vectors.json
soft: Hinton et al. 2015; scores and hidden: TinyBERT (Jiao et al. 2020), means over tokens that are no padding; attention and relation:
MiniLM (Wang et al. 2020), equations 4 to 7, mean over heads and tokens."""
import json

import numpy as np

rng = np.random.default_rng(0)
B, S, H, D, W, V, C = 2, 4, 2, 3, 5, 6, 3
lengths = [4, 2]
mask = np.array([[i < n for i in range(S)] for n in lengths])


def pair(*shape):
    return rng.normal(size=shape).round(3), rng.normal(size=shape).round(3)


inputs = {
    "classes": pair(B, C),
    "tokens": pair(B, S, C),
    "positions": pair(B, S),
    "hidden": (rng.normal(size=(B, S, W)).round(3), rng.normal(size=(B, S, V)).round(3)),
    "scores": pair(B, H, S, S),
    "values": (rng.normal(size=(B, H, S, D)).round(3), rng.normal(size=(B, H, S, D + 1)).round(3)),
    "vectors": pair(B, W),
}
projection = rng.normal(size=(W, V)).round(3)
# a second teacher, of weight 3 beside 1; its vectors are V wide
second = {"classes": rng.normal(size=(B, C)), "tokens": rng.normal(size=(B, S, C)), "positions": rng.normal(size=(B, S)), "vectors": rng.normal(size=(B, V))}
second = {k: x.round(3) for k, x in second.items()}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def kl(teacher, student):
    p, q = softmax(teacher), softmax(student)
    return np.where(p > 0, p * (np.log(np.maximum(p, 1e-300)) - np.log(np.maximum(q, 1e-300))), 0).sum(-1)


def sigmoid_kl(t, s):
    p, q = 1 / (1 + np.exp(-t)), 1 / (1 + np.exp(-s))
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


def keys(x):
    """Only keys that are tokens."""
    return np.where(mask[:, None, None, :], x, -np.inf)


def queries(x):
    """Mean over heads and queries that are tokens; x [B, H, S]."""
    return sum(x[b, :, :n].sum() for b, n in enumerate(lengths)) / (H * sum(lengths))


def relation(v):
    return keys(v @ v.transpose(0, 1, 3, 2) / np.sqrt(v.shape[-1]))


T = 2.0
s, t = inputs["classes"]
cases = {"classes": T * T * kl(t / T, s / T).mean(), "binary": T * T * sigmoid_kl(t / T, s / T).mean(), "numbers": ((s - t) ** 2).mean()}
s, t = inputs["tokens"]
cases["tokens"] = T * T * kl(t / T, s / T)[mask].mean()
s, t = (np.where(mask, x, -np.inf) for x in inputs["positions"])
cases["positions"] = T * T * kl(t / T, s / T).mean()
s, t = inputs["hidden"]
cases["hidden"] = ((s @ projection - t) ** 2).mean(-1)[mask].mean()
s, t = inputs["scores"]
cases["scores"] = np.concatenate([((s - t) ** 2)[b, :, :n, :n].ravel() for b, n in enumerate(lengths)]).mean()
cases["attention"] = queries(kl(keys(t), keys(s)))
s, t = inputs["values"]
cases["relation"] = queries(kl(relation(t), relation(s)))
s, t = inputs["vectors"]
cases["cosine"] = (1 - (s * t).sum(-1) / np.linalg.norm(s, axis=-1) / np.linalg.norm(t, axis=-1)).mean()
cases["mse"] = ((s - t) ** 2).mean()



def divergence(p, q):
    """KL of probabilities."""
    return np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / q), 0).sum(-1)


def sigmoid(x):
    return np.stack([1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x))], -1)


def mix(f, name):
    return 0.25 * f(inputs[name][1] / T) + 0.75 * f(second[name] / T)


def cosine(s, t):
    return (1 - (s * t).sum(-1) / np.linalg.norm(s, axis=-1) / np.linalg.norm(t, axis=-1)).mean()


s = {k: v[0] for k, v in inputs.items()}
at = lambda x: softmax(np.where(mask, x, -np.inf))
cases["classes of two"] = T * T * divergence(mix(softmax, "classes"), softmax(s["classes"] / T)).mean()
cases["binary of two"] = T * T * divergence(mix(sigmoid, "classes"), sigmoid(s["classes"] / T)).mean()
cases["numbers of two"] = ((s["classes"] - 0.25 * inputs["classes"][1] - 0.75 * second["classes"]) ** 2).mean()
cases["tokens of two"] = T * T * divergence(mix(softmax, "tokens"), softmax(s["tokens"] / T))[mask].mean()
cases["positions of two"] = T * T * divergence(mix(at, "positions"), at(s["positions"] / T)).mean()
v = s["vectors"]
cases["cosine of two"] = 0.25 * cosine(v, inputs["vectors"][1]) + 0.75 * cosine(v @ projection, second["vectors"])
cases["mse of two"] = 0.25 * ((v - inputs["vectors"][1]) ** 2).mean() + 0.75 * ((v @ projection - second["vectors"]) ** 2).mean()

print(json.dumps({
    "mask": mask.astype(int).ravel().tolist(),
    "projection": projection.ravel().tolist(),
    "inputs": {k: [{"dims": list(x.shape), "data": x.ravel().tolist()} for x in v] for k, v in inputs.items()},
    "second": {k: {"dims": list(x.shape), "data": x.ravel().tolist()} for k, x in second.items()},
    "cases": {k: round(float(v), 7) for k, v in cases.items()},
}))
