"""The UNet and the text encoder, trained together; and the ControlNet beside them."""
import pathlib

import torch

import autoencoder
import tokenizer
from lines import edges
from settings import NOISE, Settings, Stage
from training import fast, train

WITHOUT_TEXT = .1  # share of pictures whose caption is empty, for guidance


class Noise:
    """The forward process. v = sqrt(a) noise - sqrt(1 - a) latents (Salimans and Ho, 2022)."""

    def __init__(self, device: str):
        from diffusers import DDPMScheduler
        self.alphas = DDPMScheduler(**NOISE).alphas_cumprod.to(device)

    def parts(self, timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of latents and of noise in what is noisy."""
        alphas = self.alphas[timesteps].view(-1, 1, 1, 1)
        return alphas.sqrt(), (1 - alphas).sqrt()

    def add(self, latents: torch.Tensor, timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Noisy latents, and the v in them."""
        of_latents, of_noise = self.parts(timesteps)
        noise = torch.randn_like(latents)
        noisy = of_latents * latents + of_noise * noise
        return noisy.contiguous(memory_format=torch.channels_last), of_latents * noise - of_noise * latents

    def loss(self, latents: torch.Tensor, predict) -> torch.Tensor:
        """Of `predict(noisy, timesteps)`, the v that it finds, at timesteps by chance."""
        timesteps = torch.randint(len(self.alphas), latents.shape[:1], device=latents.device)
        noisy, v = self.add(latents, timesteps)
        return (predict(noisy, timesteps).float() - v).pow(2).mean()


class Text:
    """Captions to what the UNet attends to."""

    def __init__(self, encoder, tokens, device: str):
        self.encoder, self.tokens, self.device = encoder, tokens, device

    def __call__(self, captions: list[str]) -> torch.Tensor:
        return self.encoder(tokenizer.numbers(self.tokens, captions, self.device)).last_hidden_state


def text_encoder(settings: Settings, tokens):
    from transformers import CLIPTextConfig, CLIPTextModel
    return CLIPTextModel(CLIPTextConfig(vocab_size=len(tokens), bos_token_id=tokens.bos_token_id,
                                        eos_token_id=tokens.eos_token_id, pad_token_id=tokens.pad_token_id,
                                        **settings.text()))


def some_empty(composer, captions: list[str]) -> list[str]:
    return [text if composer.random.random() >= WITHOUT_TEXT else "" for text in captions]


def train_denoiser(composer, settings: Settings, work: pathlib.Path, out: pathlib.Path, device: str) -> None:
    from diffusers import UNet2DConditionModel
    tokens = tokenizer.load(work / "tokenizer")
    encoder = text_encoder(settings, tokens).to(device)
    unet = UNet2DConditionModel(**settings.unet()).to(device, memory_format=torch.channels_last)
    noise, stage = Noise(device), settings.stages["denoiser"]
    latents_of = autoencoder.encoder_of(autoencoder.load(work / "vae", device), stage, device)
    net, text = fast(unet, stage, device), Text(fast(encoder, stage, device), tokens, device)

    def loss_of():
        pictures, captions = composer.batch(stage.batch)
        told = text(some_empty(composer, captions))
        return noise.loss(latents_of(pictures), lambda *noisy: net(*noisy, told, return_dict=False)[0]), {}

    train("denoiser", work, stage, device, {"unet": unet, "text_encoder": encoder}, loss_of)
    unet.save_pretrained(out / "unet")
    encoder.save_pretrained(out / "text_encoder")


class Trained:
    """The parts that are ready, for what is trained beside them."""

    def __init__(self, work: pathlib.Path, stage: Stage, device: str):
        from diffusers import UNet2DConditionModel
        from transformers import CLIPTextModel
        folder = work / "denoiser"
        self.unet = UNet2DConditionModel.from_pretrained(folder / "unet").to(device, memory_format=torch.channels_last)
        self.unet.requires_grad_(False)
        encoder = CLIPTextModel.from_pretrained(folder / "text_encoder").to(device).requires_grad_(False)
        self.text = Text(encoder, tokenizer.load(work / "tokenizer"), device)
        self.latents_of = autoencoder.encoder_of(autoencoder.load(work / "vae", device), stage, device)
        self.noise = Noise(device)


def train_controlnet(composer, settings: Settings, work: pathlib.Path, out: pathlib.Path, device: str) -> None:
    from diffusers import ControlNetModel
    stage = settings.stages["controlnet"]
    base = Trained(work, stage, device)
    net = ControlNetModel.from_unet(base.unet, conditioning_embedding_out_channels=(16, 32, 64, 96))
    net = net.to(device, memory_format=torch.channels_last).requires_grad_(True)
    control, unet = fast(net, stage, device), fast(base.unet, stage, device)

    def loss_of():
        pictures, captions = composer.batch(stage.batch)
        told = base.text(some_empty(composer, captions))

        def predict(*noisy):
            down, mid = control(*noisy, told, edges(pictures), return_dict=False)
            return unet(*noisy, told, down_block_additional_residuals=down, mid_block_additional_residual=mid,
                        return_dict=False)[0]

        return base.noise.loss(base.latents_of(pictures), predict), {}

    train("controlnet", work, stage, device, {"controlnet": net}, loss_of)
    net.save_pretrained(out)
