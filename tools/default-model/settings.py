"""All sizes, budgets and learning rates of the recipe, as two presets."""
from dataclasses import dataclass, field, replace

PACKAGES = {  # npm package: (version, style words)
    "fluent-emoji": ("1.2.7", ("3d", "glossy 3d")),
    "fluent-emoji-flat": ("1.2.6", ("flat", "flat design")),
    "fluent-emoji-high-contrast": ("1.2.6", ("line art", "black and white")),
    "fxemoji": ("1.2.2", ("fx", "simple")),
    "noto": ("1.2.9", ("cartoon", "noto")),
}
NEW_STYLE = "blueprint"  # that of the style LoRA, which the model has not seen

NOISE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
             prediction_type="v_prediction", rescale_betas_zero_snr=True)
SCHEDULER = dict(**NOISE, clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing="trailing")

GENERATION = dict(steps=20, guidance=4.0, prompts=[
    "a red apple, 3d", "a rocket on a blue background, flat", "two cats, cartoon", "a fox and a palm tree, flat",
    "a pizza above a birthday cake, 3d", "a small red heart in the top left corner, cartoon", "a sunflower, line art"])


@dataclass(frozen=True)
class Stage:
    minutes: float
    batch: int
    lr: float
    compiled: bool = False  # on a GPU; takes a minute or two, which only long stages win back


@dataclass(frozen=True)
class Settings:
    size: int
    icons: int  # of each set; 0: all
    vocabulary: int
    vae_channels: tuple
    unet_channels: tuple
    text_width: int
    text_layers: int
    tiny_width: int
    tiny_blocks: tuple
    rank: int  # of the LoRAs
    asked: int  # prompts that the evaluation asks for
    stages: dict = field(hash=False)
    head_dim: int = 32

    def within(self, minutes: float) -> "Settings":
        """The same in so many minutes of training altogether."""
        share = minutes / sum(stage.minutes for stage in self.stages.values())
        return replace(self, stages={n: replace(s, minutes=s.minutes * share) for n, s in self.stages.items()})

    def vae(self) -> dict:
        return dict(in_channels=3, out_channels=3, latent_channels=4, sample_size=self.size, norm_num_groups=8,
                    down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
                    block_out_channels=list(self.vae_channels), layers_per_block=1, act_fn="silu")

    def unet(self) -> dict:
        # attention_head_dim is the number of heads of a level in Stable Diffusion's format.
        return dict(sample_size=self.size // 8, in_channels=4, out_channels=4, layers_per_block=1, norm_num_groups=16,
                    block_out_channels=list(self.unet_channels), cross_attention_dim=self.text_width,
                    attention_head_dim=[c // self.head_dim for c in self.unet_channels],
                    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
                    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"])

    def text(self) -> dict:
        return dict(hidden_size=self.text_width, intermediate_size=4 * self.text_width, projection_dim=self.text_width,
                    num_hidden_layers=self.text_layers, num_attention_heads=self.text_width // self.head_dim,
                    max_position_embeddings=77, hidden_act="quick_gelu")

    def tiny(self) -> dict:
        """TAESD's shape, narrower: with its 64 channels it would take longer than the autoencoder itself."""
        channels = (self.tiny_width,) * 4
        return dict(encoder_block_out_channels=channels, decoder_block_out_channels=channels,
                    num_encoder_blocks=self.tiny_blocks, num_decoder_blocks=self.tiny_blocks[::-1], scaling_factor=1.0)


PRESETS = {
    # For one H100. Few channels at 256 x 256, where the time goes.
    "full": Settings(
        size=256, icons=0, vocabulary=3000, vae_channels=(32, 64, 96, 128), unet_channels=(96, 192, 256),
        text_width=192, text_layers=4, tiny_width=32, tiny_blocks=(1, 3, 3, 3), rank=32, asked=256,
        stages=dict(autoencoder=Stage(6, 64, 8e-4, compiled=True), denoiser=Stage(13, 256, 6e-4, compiled=True),
                    tiny=Stage(1.2, 64, 1e-3), controlnet=Stage(2, 128, 4e-4), lcm=Stage(1.8, 128, 4e-4),
                    style=Stage(0.7, 128, 1e-3))),
    # Every part of the recipe in some minutes of two cores; its pictures show nothing.
    "miniature": Settings(
        size=64, icons=40, vocabulary=700, vae_channels=(8, 16, 16, 32), unet_channels=(32, 32, 64),
        text_width=32, text_layers=1, tiny_width=16, tiny_blocks=(1, 1, 1, 1), rank=4, asked=16,
        stages=dict(autoencoder=Stage(0.4, 8, 2e-3), denoiser=Stage(0.4, 8, 1e-3), tiny=Stage(0.2, 8, 2e-3),
                    controlnet=Stage(0.2, 8, 1e-3), lcm=Stage(0.2, 8, 1e-3), style=Stage(0.2, 8, 1e-3))),
}
