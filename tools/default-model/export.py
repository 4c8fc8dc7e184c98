"""The folders that are used: float16, in diffusers layout."""
import json
import pathlib
import shutil

import torch

import autoencoder
import tokenizer
from settings import GENERATION, SCHEDULER, Settings


def export(settings: Settings, work: pathlib.Path, out: pathlib.Path) -> None:
    from diffusers import AutoencoderTiny, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel
    pipe = StableDiffusionPipeline(
        vae=autoencoder.load(work / "vae", "cpu"), unet=UNet2DConditionModel.from_pretrained(work / "denoiser/unet"),
        text_encoder=CLIPTextModel.from_pretrained(work / "denoiser/text_encoder"),
        tokenizer=tokenizer.load(work / "tokenizer", fast=False), scheduler=DDIMScheduler(**SCHEDULER),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.to(torch.float16).save_pretrained(out / "emoji")
    told = dict(GENERATION, width=settings.size, height=settings.size)
    (out / "emoji/generation.json").write_text(json.dumps(told, indent=1) + "\n")
    AutoencoderTiny.from_pretrained(work / "tiny").half().save_pretrained(out / "tiny-autoencoder")
    ControlNetModel.from_pretrained(work / "controlnet").half().save_pretrained(out / "controlnet")
    for name in ("lcm-lora", "style-lora"):
        shutil.copytree(work / name, out / name)
    for folder in sorted(out.iterdir()):
        bytes_ = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
        print(f"export: {folder.name}, {bytes_ / 1e6:.1f} MB")
