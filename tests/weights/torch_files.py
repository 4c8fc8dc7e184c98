"""Writes the files in torch/, which PyTorch itself saved: torch_files.py (needs torch 2 and numpy).

Element i of tensor number n of a file is n + i / 8, which every type here holds, but for the integers: n + i.
"""
import argparse, collections, pathlib

import numpy as np
import torch

OUT = pathlib.Path(__file__).parent / "torch"


def tensor(n, *shape, dtype=torch.float32):
    count = int(np.prod(shape))
    step = 1 / 8 if dtype.is_floating_point else 1
    return (n + torch.arange(count, dtype=torch.float32) * step).reshape(shape).to(dtype)


TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2,
         torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
types = {str(t).removeprefix("torch."): tensor(1, 2, dtype=t) for t in TYPES} | {"bool": torch.tensor([True, False])}
torch.save(types, OUT / "types.pt")

whole = tensor(0, 4, 6)
views = {"whole": whole, "turned": whole.t(), "rows": whole[1:3], "columns": whole[:, 2:4], "scalar": whole[1, 1],
         "steps": whole[::2, ::3], "wide": tensor(2, 3, 1).expand(3, 1), "none": torch.zeros(0, 3),
         "parameter": torch.nn.Parameter(tensor(3, 2, 2))}
torch.save(views, OUT / "views.pt")
torch.save(views, OUT / "oldest.pt", _use_new_zipfile_serialization=False)

torch.save({"params_ema": {"conv.weight": tensor(1, 2, 3)}, "params": {"conv.weight": tensor(2, 2, 3)}}, OUT / "upscaler.pth")
torch.save({"string_to_token": {"*": 265}, "string_to_param": torch.nn.ParameterDict({"*": tensor(1, 2, 4)}).state_dict(),
            "name": "thing", "step": 500, "sd_checkpoint": None}, OUT / "embedding.pt")

linear = torch.nn.Linear(3, 2)
linear.load_state_dict({"weight": tensor(1, 2, 3), "bias": tensor(2, 2)})
torch.save({"epoch": 3, "global_step": 875000, "pytorch-lightning_version": "1.4", "state_dict": linear.state_dict(),
            "callbacks": {argparse.Namespace: {"best": np.float64(0.25), "monitor": "val/loss", "path": pathlib.PurePosixPath("a")}},
            "optimizer_states": [torch.optim.AdamW(linear.parameters()).state_dict()],
            "hyper_parameters": argparse.Namespace(rate=1e-4, betas=(.9, .999), size={1, 2}),
            "more": collections.defaultdict(list, a=[tensor(5, 1)])}, OUT / "lightning.ckpt")
