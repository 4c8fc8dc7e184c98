"""Figures and a sheet of pictures of what was exported."""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import autoencoder
from compose import Composer, article
from render import COLOURS
from settings import GENERATION, PACKAGES, Settings

NEAREST, SMALL, BATCH = 5, 24, 16
SHEET = ["red apple", "green apple", "rocket", "pizza", "cat", "dog face", "fox", "sunflower", "rose", "red heart",
         "blue heart", "house", "castle", "airplane", "sailboat", "bicycle", "guitar", "trumpet", "snowman", "umbrella",
         "ghost", "robot", "alien", "crown", "gem stone", "books", "pencil", "key", "light bulb", "clock", "hamburger",
         "ice cream"]
PAIRS = [("a cat", "a dog face"), ("a rocket", "a star"), ("an apple", "a banana"), ("a house", "a tree")]
COUNTED = ["cats", "red apples", "stars", "rockets"]
CORNERS = [("rocket", "top left"), ("cat", "bottom right"), ("red heart", "top right"), ("ghost", "bottom left"),
           ("key", "top left")]


def small(pictures: torch.Tensor) -> torch.Tensor:
    """What a search compares: 24 x 24 colours."""
    return F.adaptive_avg_pool2d(pictures.float(), SMALL).flatten(1)


class Search:
    """By distance of colours among the training pictures: each icon alone, on white."""

    def __init__(self, composer: Composer):
        self.composer = composer
        chunks = [range(i, min(i + BATCH, len(composer.facts))) for i in range(0, len(composer.facts), BATCH)]
        drawn = [small(composer.draw([[(i, 0, 0, .92)] for i in chunk], [None] * len(chunk))) for chunk in chunks]
        self.table = torch.cat(drawn)

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


def reconstruction(vae, composer: Composer, settings: Settings) -> dict:
    found = []
    with torch.no_grad():
        for _ in range(max(1, settings.asked // BATCH)):
            pictures, _ = composer.batch(BATCH, held_out=True)
            found.append(autoencoder.psnr(vae.decode(vae.encode(pictures).latent_dist.mean).sample, pictures))
    found = torch.cat(found).sort().values
    worst = found[:max(1, len(found) // 20)]
    return dict(psnr=round(float(found.mean()), 2), psnr_of_the_worst_twentieth=round(float(worst.mean()), 2))


def sheet(artist: Artist, out: pathlib.Path) -> None:
    styles = [words[0] for words in PACKAGES.values()]
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
    figures = dict(
        reconstruction=reconstruction(autoencoder.load(exported / "emoji/vae", device), composer, settings),
        asked_name_among_five_nearest=of_icons(artist, search, settings, random),
        background_of_unseen_combinations=of_backgrounds(artist, composer, settings),
        halves_of_unseen_pairs_among_five_nearest=of_pairs(artist, search, settings))
    sheet(artist, out)
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(f"evaluate: {json.dumps(figures)}")
