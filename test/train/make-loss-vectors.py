"""Makes loss-vectors.json: PyTorch's losses and their gradients on small inputs. usage: make-loss-vectors.py > loss-vectors.json"""
import json
import torch
from torch.nn import functional as F

torch.manual_seed(0)
numbers = lambda t: [round(x, 6) for x in t.flatten().tolist()]
x = (torch.randn(4, 3) * 3).round(decimals=3)
t = (torch.randn(4, 3) * 3).round(decimals=3)
h, g = torch.randn(2, 3, 4).round(decimals=3), torch.randn(2, 3, 4).round(decimals=3)
mask = torch.tensor([[1, 1, 1], [1, 0, 0]])
labels, ignored = torch.tensor([2, 0, 1, 1]), torch.tensor([2, -100, 1, 0])
hits = torch.tensor([[1.0, 0, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0]])
w = torch.tensor([0.5, 2.0, 1.25])
row = mask.bool()


def case(loss, value):
    v = value.clone().requires_grad_()
    out = loss(v)
    out.backward()
    return {"loss": out.item(), "gradient": numbers(v.grad)}


kl = lambda v, T: T * T * F.kl_div(F.log_softmax(v / T, -1), F.softmax(t / T, -1), reduction="batchmean")
cases = {
    "crossEntropy": case(lambda v: F.cross_entropy(v, labels), x),
    "crossEntropySmooth": case(lambda v: F.cross_entropy(v, labels, label_smoothing=0.1), x),
    "crossEntropyAll": case(lambda v: F.cross_entropy(v, ignored, weight=w, label_smoothing=0.2), x),
    "binary": case(lambda v: F.binary_cross_entropy_with_logits(v, hits), x),
    "binaryWeighted": case(lambda v: F.binary_cross_entropy_with_logits(v, hits, pos_weight=w), x),
    "mse": case(lambda v: F.mse_loss(v, t), x),
    "maskedMse": case(lambda v: ((v - g) ** 2)[row].mean(), h),
    "kl": case(lambda v: kl(v, 1.0), x),
    "klWarm": case(lambda v: kl(v, 2.0), x),
    "klMasked": case(lambda v: 4 * F.kl_div(F.log_softmax(v[row] / 2, -1), F.softmax(g[row] / 2, -1), reduction="batchmean"), h),
    "soft": case(lambda v: F.cross_entropy(v / 2.0, F.softmax(t / 2.0, -1)) * 4, x),
    "cosine": case(lambda v: (1 - F.cosine_similarity(v, t, dim=-1)).mean(), x),
}
inputs = {"x": numbers(x), "t": numbers(t), "h": numbers(h), "g": numbers(g), "hits": numbers(hits)}
lines = lambda group: ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in group.items())
print(f'{{"torch": "{torch.__version__}",\n"inputs": {{\n{lines(inputs)}\n}},\n"cases": {{\n{lines(cases)}\n}}}}')
