"""Makes adamw-vectors.json: PyTorch's AdamW with clipping over six steps. usage: make-adamw-vectors.py > adamw-vectors.json"""
import json
import torch

torch.manual_seed(0)
numbers = lambda t: [round(x, 7) for x in t.flatten().tolist()]
start = torch.randn(3, 7).round(decimals=4), torch.randn(5).round(decimals=4)
w, b = (torch.nn.Parameter(s.clone()) for s in start)
adam = torch.optim.AdamW([{"params": [w], "weight_decay": 0.1}, {"params": [b], "weight_decay": 0.0}], betas=(0.8, 0.95), eps=1e-6)
steps = []
for i in range(6):
    rate = 0.1 / (i + 1)
    gradients = [(torch.randn_like(p) * (3 if i % 2 else 0.05)).round(decimals=4) for p in (w, b)]
    for p, g in zip((w, b), gradients):
        p.grad = g.clone()
    for group in adam.param_groups:
        group["lr"] = rate
    norm = torch.nn.utils.clip_grad_norm_([w, b], 1.5)
    adam.step()
    steps.append({"rate": rate, "gradients": [numbers(g) for g in gradients], "norm": norm.item(), "w": numbers(w.detach()), "b": numbers(b.detach())})
lines = ",\n".join(json.dumps(s) for s in steps)
print(f'{{"torch": "{torch.__version__}",\n"start": {json.dumps([numbers(s) for s in start])},\n"steps": [\n{lines}\n]}}')
