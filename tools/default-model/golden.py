#!/usr/bin/env python3
"""What diffusers makes of a model in float32, pictures and the latents after each step: golden.py MODEL OUT

Sumi's tests compare with it: OUT is tests/fixtures/golden."""
import json
import pathlib
import sys

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

ASKED = [("a red apple, 3d", 7), ("cat face, flat", 42), ("rocket, cartoon", 3), ("", 1)]


def main(model: pathlib.Path, out: pathlib.Path) -> None:
    told = json.loads((model / "generation.json").read_text())
    settings = {"steps": told["steps"], "guidance": told["guidance"]}
    pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, torch_dtype=torch.float32)
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for i, (prompt, seed) in enumerate(ASKED):
        latents = {}

        def keep(pipe, step, timestep, tensors):
            latents[f"latents.{step}"] = tensors["latents"].clone()
            return tensors

        made = pipe(prompt, num_inference_steps=told["steps"], guidance_scale=told["guidance"],
                    generator=torch.Generator().manual_seed(seed), callback_on_step_end=keep)
        made.images[0].save(out / f"{i}.png")
        save_file(latents, out / f"{i}.safetensors")
        rows.append(dict(prompt=prompt, seed=seed, **settings, file=f"{i}.png"))
    (out / "golden.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
