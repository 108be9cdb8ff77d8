"""Saves state dictionaries with torch, and says what is in them: *.bin and tensors.json
beside this file. python make.py, torch 2."""
import collections, json, os
import torch

here = os.path.dirname(os.path.abspath(__file__))
g = torch.Generator().manual_seed(3)


def some(*shape, dtype=torch.float32):
    return (torch.randn(*shape, generator=g) * 3).to(dtype)


plain = collections.OrderedDict()
model = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.LayerNorm(3))
with torch.no_grad():
    for p in model.parameters():
        p.copy_(some(*p.shape))
plain = model.state_dict()  # an OrderedDict with the attribute _metadata

big = some(6, 8)
shared = some(12)
views = {
    "whole": big, "transposed": big.t(), "columns": big[:, 2:5], "rows": big[1:4], "every second": big[::2, 1::3], "a row": big[3], "one": big[2, 3],
    "turned": some(2, 3, 4).permute(2, 0, 1), "half of it": shared[6:], "the other": shared[:6], "tied": shared, "tied again": shared,
    "a parameter": torch.nn.Parameter(some(2, 2)), "of one": some(1, 4, 1), "none": some(0, 3),
}
types = {str(d).split(".")[1]: some(2, 3, dtype=d) for d in [torch.float32, torch.float16, torch.bfloat16, torch.float64]}
types |= {str(d).split(".")[1]: torch.tensor([0, 1, 100], dtype=d) for d in [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]}
types["bool"] = torch.tensor([True, False, True])
nested = {"epoch": 3, "loss": 0.25, "state_dict": plain, "args": ["a", ("b", None)], "best": True}

files = {"plain": (plain, {}), "old": (plain, {"_use_new_zipfile_serialization": False}), "views": (views, {}), "views-old": (views, {"_use_new_zipfile_serialization": False}),
         "types": (types, {}), "types-old": (types, {"_use_new_zipfile_serialization": False}), "protocol-4": (plain, {"pickle_protocol": 4}),
         "protocol-5": (views, {"pickle_protocol": 5}), "nested": (nested, {})}
golden = []
for name, (what, options) in files.items():
    torch.save(what, os.path.join(here, name + ".bin"), **options)
    tensors = [{"name": n, "dtype": str(t.dtype).split(".")[1], "shape": list(t.shape), "values": t.detach().double().reshape(-1).tolist()}
               for n, t in what.get("state_dict", what).items()]
    golden.append({"file": name + ".bin", "tensors": tensors})
with open(os.path.join(here, "tensors.json"), "w") as f:
    json.dump(golden, f)
    f.write("\n")
