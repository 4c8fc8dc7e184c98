"""LoRAs of the UNet: one for four steps (latent consistency, Luo et al., 2023), one for a new style."""
import copy
import pathlib

import torch
from safetensors.torch import save_file

from denoiser import Trained, some_empty
from lines import blueprint
from settings import Settings
from training import fast, train

GRID, GUIDANCE = 50, (3.0, 5.0)  # steps of the teacher's way, and its guidance scales
CHANGED = (".to_q", ".to_k", ".to_v", ".to_out.0", ".ff.net.0.proj", ".ff.net.2", ".proj_in", ".proj_out", ".conv1",
           ".conv2")


class LowRank(torch.nn.Module):
    """A layer, and up (down x) beside it."""

    def __init__(self, layer: torch.nn.Module, rank: int):
        super().__init__()
        self.layer = layer
        if isinstance(layer, torch.nn.Linear):
            self.down = torch.nn.Linear(layer.in_features, rank, bias=False)
            self.up = torch.nn.Linear(rank, layer.out_features, bias=False)
        else:
            self.down = torch.nn.Conv2d(layer.in_channels, rank, layer.kernel_size, layer.stride, layer.padding,
                                        bias=False)
            self.up = torch.nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        torch.nn.init.normal_(self.down.weight, std=1 / rank)
        torch.nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.layer(x) + self.up(self.down(x))


def adapted(unet, rank: int) -> tuple[torch.nn.Module, dict[str, LowRank]]:
    """A copy of the UNet with factors beside its layers, and these by their layers' names."""
    unet = copy.deepcopy(unet)
    layers = {name: module for name, module in unet.named_modules() if name.endswith(CHANGED)}
    factors = {}
    for name, layer in layers.items():
        parent, _, child = name.rpartition(".")
        factors[name] = LowRank(layer, rank).to(layer.weight.device)
        setattr(unet.get_submodule(parent), child, factors[name])
    return unet, factors


def save(factors: dict, out: pathlib.Path) -> None:
    tensors = {}
    for name, each in factors.items():
        tensors[f"unet.{name}.lora_A.weight"] = each.down.weight.detach().half().cpu().contiguous()
        tensors[f"unet.{name}.lora_B.weight"] = each.up.weight.detach().half().cpu().contiguous()
    out.mkdir(parents=True)
    save_file(tensors, out / "pytorch_lora_weights.safetensors")


def boundary(timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How much of a consistency function is its input, and how much what the network makes of it."""
    scaled = (timesteps.float() * 10).view(-1, 1, 1, 1)
    return .25 / (scaled ** 2 + .25), scaled / (scaled ** 2 + .25).sqrt()


def train_lcm(composer, settings: Settings, work: pathlib.Path, out: pathlib.Path, device: str) -> None:
    stage = settings.stages["lcm"]
    base = Trained(work, stage, device)
    unet, factors = adapted(base.unet, settings.rank)
    teacher, student = fast(base.unet, stage, device), fast(unet, stage, device)
    grid = torch.arange(1, GRID + 1, device=device) * (1000 // GRID) - 1

    def consistent(noisy, timesteps, text):
        """The latents at the end of the way, from anywhere on it."""
        of_latents, of_noise = base.noise.parts(timesteps)
        v = student(noisy, timesteps, text, return_dict=False)[0].float()
        of_input, of_network = boundary(timesteps)
        return of_input * noisy + of_network * (of_latents * noisy - of_noise * v)

    @torch.no_grad()
    def step_of_teacher(noisy, timesteps, earlier, text, empty):
        """By DDIM, with guidance."""
        both = teacher(noisy.repeat(2, 1, 1, 1), timesteps.repeat(2), torch.cat([text, empty]), return_dict=False)[0]
        v, without = both.float().chunk(2)
        low, high = GUIDANCE
        v = without + (low + (high - low) * torch.rand(len(v), 1, 1, 1, device=device)) * (v - without)
        of_latents, of_noise = base.noise.parts(timesteps)
        latents, noise = of_latents * noisy - of_noise * v, of_latents * v + of_noise * noisy
        of_latents, of_noise = base.noise.parts(earlier)
        return (of_latents * latents + of_noise * noise).contiguous(memory_format=torch.channels_last)

    def loss_of():
        pictures, captions = composer.batch(stage.batch)
        index = torch.randint(GRID, (stage.batch,), device=device)
        timesteps, earlier = grid[index], torch.where(index > 0, grid[index - 1], 0)
        noisy, _ = base.noise.add(base.latents_of(pictures), timesteps)
        text, empty = base.text(captions), base.text([""]).expand(stage.batch, -1, -1)
        before = step_of_teacher(noisy, timesteps, earlier, text, empty)
        with torch.no_grad():
            wanted = consistent(before, earlier, text)
        difference = consistent(noisy, timesteps, text) - wanted
        return ((difference ** 2 + .001 ** 2).sqrt() - .001).mean(), {}

    train("lcm", work, stage, device, factors, loss_of)
    save(factors, out)


def train_style(composer, settings: Settings, work: pathlib.Path, out: pathlib.Path, device: str) -> None:
    stage = settings.stages["style"]
    base = Trained(work, stage, device)
    unet, factors = adapted(base.unet, settings.rank)
    net = fast(unet, stage, device)

    def loss_of():
        pictures, captions = composer.batch(stage.batch)
        told = base.text(some_empty(composer, captions))
        latents = base.latents_of(blueprint(pictures))
        return base.noise.loss(latents, lambda *noisy: net(*noisy, told, return_dict=False)[0]), {}

    train("style", work, stage, device, factors, loss_of)
    save(factors, out)
