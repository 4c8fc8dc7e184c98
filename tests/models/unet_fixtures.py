"""Writes tests/fixtures/unet-*.safetensors: what diffusers (0.35) predicts in float32 on random input, channels last."""
import pathlib

import diffusers
import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
GUIDANCE = 7.5


def guidance_sinusoids(channels):
    half = channels // 2
    frequencies = torch.exp(-torch.log(torch.tensor(10000.0)) * torch.arange(half) / (half - 1))
    angles = torch.full((2, 1), (GUIDANCE - 1) * 1000) * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


for path in [*sorted((FIXTURES / "models").iterdir()), ROOT / "models" / "emoji"]:
    unet = diffusers.UNet2DConditionModel.from_pretrained(path / "unet", torch_dtype=torch.float32)
    config = unet.config
    if config.addition_embed_type or not isinstance(config.cross_attention_dim, int):
        continue
    random = torch.Generator().manual_seed(7)
    latent = torch.randn(2, config.in_channels, 13, 10, generator=random)  # both sides odd on the way down
    prompt = torch.randn(2, 11, config.cross_attention_dim, generator=random)
    timesteps = torch.tensor([981.0, 20.0])
    condition = guidance_sinusoids(config.time_cond_proj_dim) if config.time_cond_proj_dim else None
    with torch.no_grad():
        prediction = unet(latent, timesteps, prompt, timestep_cond=condition).sample
    save_file({"input.latent": latent.permute(0, 2, 3, 1).contiguous(), "input.timesteps": timesteps,
               "input.prompt": prompt, "prediction": prediction.permute(0, 2, 3, 1).contiguous()},
              FIXTURES / f"unet-{path.name}.safetensors")
