"""Writes tests/fixtures/controlnet-*.safetensors: what diffusers (0.35) computes in float32, channels last.

`controlnet-sd1`: in full mode; `guess.*` in guess mode at weight 0.8, for the second of the two pictures alone.
`unet.*`: the UNet's predictions with these residuals."""
import pathlib

import diffusers
import torch
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures"


def last(tensor):
    return tensor.permute(0, 2, 3, 1).contiguous()


for name in ["sd1", "sdxl"]:
    unet = diffusers.UNet2DConditionModel.from_pretrained(FIXTURES / "models" / name / "unet", torch_dtype=torch.float32)
    net = diffusers.ControlNetModel.from_pretrained(FIXTURES / "models" / f"controlnet-{name}", torch_dtype=torch.float32)
    random = torch.Generator().manual_seed(7)
    latent = torch.randn(2, 4, 7, 5, generator=random)
    prompt = torch.randn(2, 11, net.config.cross_attention_dim, generator=random)
    picture = (torch.rand(1, 3, 56, 40, generator=random) * 255).round() / 255
    timesteps = torch.tensor([981.0, 20.0])
    file = {"input.latent": last(latent), "input.timesteps": timesteps, "input.prompt": prompt,
            "input.picture": last(picture)}
    added = None
    if net.config.addition_embed_type:
        pooled = torch.randn(2, net.config.projection_class_embeddings_input_dim - 6 * net.config.addition_time_embed_dim,
                             generator=random)
        sizes = torch.tensor([[64.0, 48, 0, 8, 56, 40]]).repeat(2, 1)
        added = {"text_embeds": pooled, "time_ids": sizes}
        file |= {"input.pooled": pooled, "input.sizes": sizes}

    def predict(down, middle):
        return last(unet(latent, timesteps, prompt, added_cond_kwargs=added, down_block_additional_residuals=down,
                         mid_block_additional_residual=middle).sample)

    with torch.no_grad():
        down, middle = net(latent, timesteps, prompt, picture.repeat(2, 1, 1, 1), added_cond_kwargs=added,
                           return_dict=False)
        file |= {f"down.{i}": last(tensor) for i, tensor in enumerate(down)} | {"middle": last(middle)}
        file["unet.prediction"] = predict(down, middle)
        one = added and {key: value[1:] for key, value in added.items()}
        down, middle = net(latent[1:], timesteps[1:], prompt[1:], picture, added_cond_kwargs=one, guess_mode=True,
                           conditioning_scale=0.8, return_dict=False)
        down, middle = [torch.cat([torch.zeros_like(t), t]) for t in down], torch.cat([torch.zeros_like(middle), middle])
        file["unet.guess"] = predict(down, middle)
    save_file(file, FIXTURES / f"controlnet-{name}.safetensors")
