#!/usr/bin/env python3
"""Adapters of random weights for a model in diffusers layout: bench/synthesize.py lora|controlnet FOLDER TO

A LoRA has rank 64 on all linear layers of the UNet's transformers, in float16; a ControlNet is made of the UNet's first half."""
import pathlib, sys


def lora(folder, to):
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file
    generator, factors = torch.Generator().manual_seed(1), {}
    with safe_open(next((folder / "unet").glob("*.safetensors")), "pt") as unet:
        for name in unet.keys():
            shape = unet.get_slice(name).get_shape()
            if ".attentions." not in name or len(shape) != 2: continue
            layer = f"unet.{name.removesuffix('.weight')}"
            for factor, size in (("lora_A", (64, shape[1])), ("lora_B", (shape[0], 64))):
                factors[f"{layer}.{factor}.weight"] = (0.02 * torch.randn(size, generator=generator)).half()
    save_file(factors, to)


def controlnet(folder, to):
    import torch
    from diffusers import ControlNetModel, UNet2DConditionModel
    torch.manual_seed(1)
    net = ControlNetModel.from_unet(UNet2DConditionModel.from_pretrained(folder, subfolder="unet"))
    for layer in [*net.controlnet_down_blocks, net.controlnet_mid_block]: torch.nn.init.normal_(layer.weight, std=1e-3)  # they begin as zeros
    net.half().save_pretrained(to)


if __name__ == "__main__":
    {"lora": lora, "controlnet": controlnet}[sys.argv[1]](pathlib.Path(sys.argv[2]), sys.argv[3])
