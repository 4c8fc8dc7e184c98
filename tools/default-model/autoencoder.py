"""The autoencoder, and a tiny one of the same latents."""
import pathlib

import torch
import torch.nn.functional as F

from settings import Settings, Stage
from training import fast, train

# Lightness, red to green, blue to yellow: with plain colours a young autoencoder learns red and green last. That colours
# count double brings the differences of red and green from 22 to 31 dB in the first 2000 steps of 8 small pictures.
OPPONENT = torch.tensor([[.5, .6, .35], [2.4, -2.4, 0.], [1., 1., -2.]])
KL = 1e-4


def psnr(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Of each picture, of values in -1..1, in dB."""
    return -10 * ((made.float() - wanted).clamp(-2, 2) / 2).pow(2).flatten(1).mean(1).clamp_min(1e-10).log10()


def picture_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Absolute and squared differences of opponent colours, and those of neighbours, at two scales."""
    difference = torch.einsum("nchw,kc->nkhw", made.float() - wanted, OPPONENT.to(wanted.device))
    loss = difference.pow(2).mean()
    for _ in range(2):
        slopes = sum(difference.diff(dim=side).abs().mean() for side in (2, 3))
        loss = loss + difference.abs().mean() + .5 * slopes
        difference = F.avg_pool2d(difference, 4)
    return loss


class Coder(torch.nn.Module):
    """There and back, by latents that are drawn as the encoder tells."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def forward(self, pictures):
        mean, log_variance = self.vae.quant_conv(self.vae.encoder(pictures)).chunk(2, 1)
        log_variance = log_variance.float().clamp(-30, 20)
        latents = mean + torch.randn_like(mean) * (.5 * log_variance).exp().to(mean.dtype)
        kl = .5 * (mean.float().pow(2) + log_variance.exp() - 1 - log_variance).mean()
        return self.vae.decoder(self.vae.post_quant_conv(latents)), kl


def train_autoencoder(composer, settings: Settings, work: pathlib.Path, out: pathlib.Path, device: str) -> None:
    from diffusers import AutoencoderKL
    vae = AutoencoderKL(**settings.vae()).to(device, memory_format=torch.channels_last)
    stage = settings.stages["autoencoder"]
    coder = fast(Coder(vae), stage, device)

    def loss_of():
        pictures, _ = composer.batch(stage.batch)
        made, kl = coder(pictures)
        red_green = [each[:, :1] - each[:, 1:2] for each in (made.detach(), pictures)]  # what it learns last
        told = {"PSNR": psnr(made.detach(), pictures).mean(), "red-green": psnr(*red_green).mean(), "KL": kl.detach()}
        return picture_loss(made, pictures) + KL * kl, told

    train("autoencoder", work, stage, device, {"vae": vae}, loss_of)
    with torch.no_grad():
        latents = torch.cat([vae.encode(composer.batch(stage.batch)[0]).latent_dist.mean for _ in range(16)])
    vae.register_to_config(scaling_factor=1 / float(latents.std()))
    vae.save_pretrained(out)
    print(f"autoencoder: scaling factor {vae.config.scaling_factor:.4f}")


def load(folder: pathlib.Path, device: str):
    from diffusers import AutoencoderKL
    vae = AutoencoderKL.from_pretrained(folder).to(device, memory_format=torch.channels_last).eval()
    return vae.requires_grad_(False)


def encoder_of(vae, stage: Stage, device: str):
    """From pictures to scaled latents, the means."""
    encode, factor = fast(torch.nn.Sequential(vae.encoder, vae.quant_conv), stage, device), vae.config.scaling_factor

    @torch.no_grad()
    def latents(pictures: torch.Tensor) -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16):
            return encode(pictures).chunk(2, 1)[0].float() * factor
    return latents


def train_tiny(composer, settings: Settings, work: pathlib.Path, out: pathlib.Path, device: str) -> None:
    """Both halves at a time: the encoder to the autoencoder's latents, the decoder from those to pictures."""
    from diffusers import AutoencoderTiny
    tiny = AutoencoderTiny(**settings.tiny()).to(device, memory_format=torch.channels_last)
    stage = settings.stages["tiny"]
    latents_of = encoder_of(load(work / "vae", device), stage, device)
    encode, decode = fast(tiny.encoder, stage, device), fast(tiny.decoder, stage, device)

    def loss_of():
        pictures, _ = composer.batch(stage.batch)
        latents = latents_of(pictures)
        made = decode(latents)
        return (picture_loss(made, pictures) + (encode(pictures).float() - latents).pow(2).mean(),
                dict(PSNR=psnr(made.detach(), pictures).mean()))

    train("tiny", work, stage, device, {"tiny": tiny}, loss_of)
    tiny.save_pretrained(out)
