"""Makes test/math/ranking-vectors.json: scikit-learn's and scipy's results that src/math/statistics-*.ts is held against.

Run by hand from this folder, never by a test:  python make-ranking-vectors.py  (then oxfmt over the JSON it wrote)
Used last with scipy 1.17.1, scikit-learn 1.9.1, numpy 2.4.6. Same seed, same file.
"""
import json
import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

rng = np.random.default_rng(11)
f = lambda v: np.round(np.asarray(v, dtype=float), 12).tolist()

# ---- two classes: scores in steps of a half, so that many tie
binary_gold = rng.integers(0, 2, 60)
binary_scores = np.round((binary_gold + rng.normal(size=60)) * 2) / 2

# ---- many classes, one against the rest; probabilities because scikit-learn wants rows that sum to 1
classes = rng.integers(0, 4, 50)
logits = np.round(rng.normal(size=(50, 4)) + 1.5 * np.eye(4)[classes], 1)
probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
guess = logits.argmax(1)
recall_gold, recall_guess = np.where(classes == 3, 2, classes), guess  # class 3 is predicted, but never gold

# ---- several labels a row; label 4 never occurs, some rows have none
multi_gold = (rng.random((40, 6)) < 0.3).astype(int)
multi_logits = np.round(rng.normal(size=(40, 6)) - 0.5 + 1.5 * multi_gold, 3)
multi_gold[:, 4], multi_logits[:, 4] = 0, -1
multi_guess = (multi_logits >= 0).astype(int)
f1 = lambda average, gold=multi_gold, guess=multi_guess: metrics.f1_score(gold, guess, average=average, zero_division=np.nan)
occurring = [c for c in range(6) if multi_gold[:, c].any()]
counts = rng.multinomial(40, np.full(40, 1 / 40))

# ---- retrieval: 12 queries, 30 documents, grades 0 to 3, scores without ties
grades = np.where(rng.random((12, 30)) < 0.15, rng.integers(1, 4, (12, 30)), 0)
grades[np.arange(12), rng.integers(0, 30, 12)] = 1
scores = rng.normal(size=(12, 30)) + 0.8 * grades
order = np.argsort(-scores, axis=1)
ranked = np.take_along_axis(grades, order, axis=1)
first = (ranked > 0).argmax(1) + 1

# ---- the same from embeddings: 9 queries, 120 documents, graded pairs of which some are judged 0; query 8 has only such
query_vectors, document_vectors = (np.round(rng.normal(size=(n, 6)) * scale, 3) for n, scale in ((9, 2), (120, 0.5)))
judged = np.full((9, 120), -1)
for query in range(9):
    chosen = rng.choice(120, 6, replace=False)
    judged[query, chosen] = [0, 0, 1, 1, 2, 3] if query < 8 else 0
    answers = chosen[2:] if query < 8 else []
    document_vectors[answers] = np.round(document_vectors[answers] + 0.15 * query_vectors[query], 3)
wanted, cosines = np.maximum(judged, 0)[:8], metrics.pairwise.cosine_similarity(query_vectors, document_vectors)[:8]
places = (-cosines).argsort(1).argsort(1)  # from 0
within = lambda k: float((((places < k) & (wanted > 0)).sum(1) / (wanted > 0).sum(1)).mean())
best = np.where(wanted > 0, places, 999).min(1) + 1


def exact_power(n, drop, discordance):
    """Power of the exact two-sided McNemar test at 5 % with n rows, summed over all outcomes."""
    better = (discordance - drop) / 2 / discordance
    power = 0.0
    for m in range(1, n + 1):
        chance = stats.binom.pmf(m, n, discordance)
        if chance < 1e-9:
            continue
        k = np.arange(m + 1)
        p = np.minimum(1, 2 * stats.binom.cdf(np.minimum(k, m - k), m, 0.5))
        power += chance * stats.binom.pmf(k, m, better)[p <= 0.05].sum()
    return float(power)


def connor(drop, s):
    a, b = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
    return int(np.ceil(((a * np.sqrt(s) + b * np.sqrt(s - drop**2)) / drop) ** 2))


power = []
for drop, discordance in ((0.02, 0.05), (0.05, 0.1), (0.01, 0.02), (0.1, 0.3)):
    n = connor(drop, discordance)
    power.append({"drop": drop, "discordance": discordance, "rows": n, "power": exact_power(n, drop, discordance)})

json.dump({
    "made": f"support/make-ranking-vectors.py: scipy {scipy.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__}",
    "binary": {"gold": binary_gold.tolist(), "scores": f(binary_scores), "auroc": metrics.roc_auc_score(binary_gold, binary_scores),
               "averagePrecision": metrics.average_precision_score(binary_gold, binary_scores)},
    "classes": {"gold": classes.tolist(), "scores": f(probabilities.ravel()),
                "auroc": metrics.roc_auc_score(classes, np.round(probabilities, 12) / np.round(probabilities, 12).sum(1, keepdims=True), multi_class="ovr", average="macro"),
                "recallGold": recall_gold.tolist(), "recallGuess": recall_guess.tolist(),
                "macroRecall": metrics.balanced_accuracy_score(recall_gold, recall_guess)},
    "multiLabel": {"gold": multi_gold.tolist(), "logits": f(multi_logits), "microF1": f1("micro"), "macroF1": f1("macro"),
                   "subsetAccuracy": metrics.accuracy_score(multi_gold, multi_guess),
                   "macroAuroc": metrics.roc_auc_score(multi_gold[:, occurring], multi_logits[:, occurring], average="macro"),
                   "counts": counts.tolist(),
                   "resampledMicroF1": f1("micro", np.repeat(multi_gold, counts, 0), np.repeat(multi_guess, counts, 0))},
    "retrieval": {"grades": grades.tolist(), "scores": f(scores),
                  "ndcg": {k: f([metrics.ndcg_score(g[None], s[None], k=k, ignore_ties=True) for g, s in zip(grades, scores)]) for k in (1, 5, 10)},
                  "recall": {k: f((ranked[:, :k] > 0).sum(1) / (grades > 0).sum(1)) for k in (1, 10)},
                  "mrr10": float(np.where(first <= 10, 1 / first, 0).mean())},
    "embeddings": {"queries": query_vectors.tolist(), "documents": document_vectors.tolist(),
                   "judged": [[int(q), int(d), int(judged[q, d])] for q, d in np.argwhere(judged >= 0)],
                   "ndcg10": metrics.ndcg_score(wanted, cosines, k=10, ignore_ties=True), "recall1": within(1), "recall10": within(10), "recall100": within(100),
                   "mrr10": float(np.where(best <= 10, 1 / best, 0).mean())},
    "power": power,
    "logSumExp": {"values": f(logits[0] * 300), "result": float(scipy.special.logsumexp(logits[0] * 300))},
}, open("../math/ranking-vectors.json", "w"))
