"""Figures and a sheet of pictures of what was exported."""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import autoencoder
from compose import Composer, article
from lines import gradient
from render import COLOURS
from settings import GENERATION, PACKAGES, Settings

NEAREST, SMALL, BATCH = 5, 24, 16
SHEET = ["red apple", "green apple", "rocket", "pizza", "cat", "dog face", "fox", "sunflower", "rose", "red heart",
         "blue heart", "house", "castle", "airplane", "sailboat", "bicycle", "guitar", "trumpet", "snowman", "umbrella",
         "ghost", "robot", "alien", "crown", "gem stone", "books", "pencil", "key", "light bulb", "alarm clock",
         "hamburger", "ice cream"]
PAIRS = [("a cat", "a dog face"), ("a rocket", "a star"), ("a red apple", "a banana"), ("a house", "a palm tree")]
COUNTED = ["cats", "red apples", "stars", "rockets"]
CORNERS = [("rocket", "top left"), ("cat", "bottom right"), ("red heart", "top right"), ("ghost", "bottom left"),
           ("key", "top left")]


def small(pictures: torch.Tensor) -> torch.Tensor:
    """What a search compares: 24 x 24 colours, and how strong the edges are there."""
    edges = gradient(pictures).pow(2).sum(1, keepdim=True).sqrt()
    return F.adaptive_avg_pool2d(torch.cat([pictures.float(), edges], 1), SMALL).flatten(1)


def icons(composer: Composer, numbers) -> torch.Tensor:
    """Each alone, on white."""
    return composer.draw([[(i, 0, 0, .92)] for i in numbers], [None] * len(numbers))


class Search:
    """By distance of colours and edges among all icons."""

    def __init__(self, composer: Composer):
        self.composer = composer
        every = range(len(composer.facts))
        self.table = torch.cat([small(icons(composer, every[i:i + BATCH])) for i in every[::BATCH]])

    def finds(self, picture: torch.Tensor, name: str) -> bool:
        distance = (self.table - small(picture[None])).pow(2).sum(1)
        return name in {self.composer.facts[i]["name"] for i in distance.topk(NEAREST, largest=False).indices.tolist()}


class Artist:
    """Pictures [count, 3, size, size] in -1..1 of prompts."""

    def __init__(self, model: pathlib.Path, device: str):
        from diffusers import StableDiffusionPipeline
        dtype = torch.float16 if device == "cuda" else torch.float32
        self.pipe = StableDiffusionPipeline.from_pretrained(model, safety_checker=None, torch_dtype=dtype).to(device)
        self.pipe.set_progress_bar_config(disable=True)
        self.device = device

    def __call__(self, prompts: list[str]) -> torch.Tensor:
        made = []
        for i in range(0, len(prompts), BATCH):
            some = prompts[i:i + BATCH]
            seeds = [torch.Generator().manual_seed(i + k) for k in range(len(some))]
            made.append(self.pipe(some, num_inference_steps=GENERATION["steps"], guidance_scale=GENERATION["guidance"],
                                  generator=seeds, output_type="pt").images)
        return torch.cat(made).float() * 2 - 1


def share(hits: list[bool]) -> float:
    return round(float(np.mean(hits)), 4)


def of_icons(artist: Artist, search: Search, settings: Settings, random) -> float:
    facts = search.composer.facts
    asked = [facts[i] for i in random.choice(len(facts), min(settings.asked, len(facts)), replace=False)]
    pictures = artist([f'{fact["name"]}, {PACKAGES[fact["set"]][1][0]}' for fact in asked])
    return share([search.finds(picture, fact["name"]) for picture, fact in zip(pictures, asked)])


def held_out(composer: Composer, kind: str, count: int) -> list:
    """Scenes of a kind that training never drew."""
    scenes = []
    while len(scenes) < count:
        text, placed, colour = composer.scene(held_out=True)
        is_pair = len(placed) == 2 and placed[0][2] == 0 and placed[0][1] < 0
        if (kind == "background") == bool(colour) and (kind == "background" or is_pair):
            scenes.append((text, placed, colour))
    return scenes


def of_backgrounds(artist: Artist, composer: Composer, settings: Settings) -> float:
    """The colour word that is nearest to the four corners."""
    scenes = held_out(composer, "background", settings.asked // 2)
    pictures = artist([text for text, _, _ in scenes])
    table = torch.tensor(list(COLOURS.values()), device=pictures.device) / 127.5 - 1
    edge = max(2, settings.size // 32)
    corners = torch.stack([pictures[:, :, :edge, :edge], pictures[:, :, :edge, -edge:], pictures[:, :, -edge:, :edge],
                           pictures[:, :, -edge:, -edge:]]).mean((0, 3, 4))
    found = (corners[:, None] - table).pow(2).sum(2).argmin(1).tolist()
    return share([list(COLOURS)[i] == colour for i, (_, _, colour) in zip(found, scenes)])


def of_pairs(artist: Artist, search: Search, settings: Settings) -> float:
    """Each half of a picture of two, searched for by itself."""
    scenes = held_out(search.composer, "pair", settings.asked // 4)
    pictures, half, hits = artist([text for text, _, _ in scenes]), settings.size // 2, []
    for picture, (_, placed, _) in zip(pictures, scenes):
        for left, (i, *_) in zip((0, half), placed):
            crop = picture[:, half // 2:half // 2 + half, left:left + half]
            hits.append(search.finds(crop, search.composer.facts[i]["name"]))
    return share(hits)


@torch.no_grad()
def reconstruction(vae, batches) -> dict:
    """PSNR in dB of pictures that went through the autoencoder."""
    found = torch.cat([autoencoder.psnr(vae.decode(vae.encode(pictures).latent_dist.mean).sample, pictures)
                       for pictures in batches]).sort().values
    worst = found[:max(1, len(found) // 20)]
    return dict(mean=round(float(found.mean()), 2), worst_twentieth=round(float(worst.mean()), 2))


def sheet(artist: Artist, out: pathlib.Path) -> None:
    styles = [words[0] for _, words in PACKAGES.values()]
    prompts = [f"{article(name)}, {styles[i % len(styles)]}" for i, name in enumerate(SHEET)]
    prompts += [f"{article(name)} on {article(colour)} background, flat" for name, colour in zip(SHEET, COLOURS)]
    prompts += [f"{a} {how} {b}, {style}" for a, b in PAIRS for how, style in (("and", "3d"), ("above", "cartoon"))]
    prompts += [f"{number} {name}, flat" for number in ("two", "three") for name in COUNTED]
    prompts += [f"a small {name} in the {corner} corner, 3d" for name, corner in CORNERS]
    pictures = ((artist(prompts) + 1) * 127.5).clamp(0, 255).byte().cpu()
    size = pictures.shape[-1]
    grid = pictures.view(8, 8, 3, size, size).permute(0, 3, 1, 4, 2).reshape(8 * size, 8 * size, 3)
    Image.fromarray(grid.numpy()).save(out / "sheet.png")
    (out / "sheet.txt").write_text("\n".join(prompts) + "\n")


def evaluate(settings: Settings, work: pathlib.Path, exported: pathlib.Path, out: pathlib.Path, device: str) -> None:
    composer, random = Composer(work, device, seed=1), np.random.default_rng(1)
    artist, search = Artist(exported / "emoji", device), Search(composer)
    out.mkdir(parents=True)
    vae, count = autoencoder.load(exported / "emoji/vae", device), max(1, settings.asked // BATCH)
    plain = random.choice(len(composer.facts), (count, BATCH)).tolist()
    figures = dict(
        psnr_of_unseen_scenes=reconstruction(vae, (composer.batch(BATCH, held_out=True)[0] for _ in range(count))),
        psnr_of_icons=reconstruction(vae, (icons(composer, some) for some in plain)),
        asked_name_among_five_nearest=of_icons(artist, search, settings, random),
        background_of_unseen_combinations=of_backgrounds(artist, composer, settings),
        halves_of_unseen_pairs_among_five_nearest=of_pairs(artist, search, settings))
    sheet(artist, out)
    (out / "evaluate.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(f"evaluate: {json.dumps(figures)}")
