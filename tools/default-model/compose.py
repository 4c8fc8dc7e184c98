"""Scenes: draws captions and layouts in numpy, and puts the sprites together on the device."""
import json
import pathlib
import re
import zlib

import numpy as np
import torch
import torch.nn.functional as F

from render import COLOURS
from settings import PACKAGES

SLOTS = 3
NUMBERS = {2: "two", 3: "three"}
IRREGULAR = {"man": "men", "woman": "women", "child": "children", "mouse": "mice", "foot": "feet", "tooth": "teeth",
             "wolf": "wolves", "leaf": "leaves", "knife": "knives", "sheep": "sheep", "fish": "fish"}
HEAD = re.compile(r"^(.*?)( (?:with|of|in|on|and|at|behind|holding|blowing) .*)?$")


def is_plural(words: str) -> bool:
    """`eyes`, `chopsticks`: neither counted nor given an article."""
    head = HEAD.match(words)[1]
    return head.endswith("s") and not head.endswith(("ss", "us", "is"))


def article(words: str) -> str:
    return words if is_plural(words) else ("an " if words[0] in "aeiou" else "a ") + words


def plural(words: str) -> str:
    head, rest = HEAD.match(words).groups("")
    first, last = head[:-len(head.split()[-1])], head.split()[-1]
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return first + last + rest


class Composer:
    def __init__(self, work: pathlib.Path, device: str, seed: int | None = None, style: str | None = None):
        """Of all sets in turn, with their style words or `style`."""
        self.facts = json.loads((work / "sprites/sprites.json").read_text())
        self.sprites = torch.from_numpy(np.load(work / "sprites/sprites.npy")).to(device)
        self.random = np.random.default_rng(seed)
        self.by_set = {s: [i for i, f in enumerate(self.facts) if f["set"] == s] for s in PACKAGES}
        self.by_set = {s: v for s, v in self.by_set.items() if v}
        self.device, self.size, self.style = device, self.sprites.shape[-1], style

    def name(self, i: int) -> str:
        fact = self.facts[i]
        coloured = any(c in fact["name"].split() for c in COLOURS)
        return f'{fact["colour"]} {fact["name"]}' if fact["colour"] and not coloured and self.random.random() < .3 \
            else fact["name"]

    def scene(self, held_out: bool = False) -> tuple[str, list, str | None]:
        """Caption, placed sprites (index, x, y, scale) in -1..1, and the background's colour word.
        One in twenty of the pairs and of the coloured backgrounds is held out of training, by a hash of its words."""
        r = self.random
        while True:
            set_name = list(self.by_set)[r.integers(len(self.by_set))]
            i, j = r.choice(self.by_set[set_name], 2)
            a, b, colour, key = self.name(i), self.name(j), None, ""
            kind = r.choice(["one", "background", "pair", "column", "count", "corner"], p=[.45, .2, .12, .07, .1, .06])
            if is_plural(a) and kind in ("count", "corner"):
                continue
            if kind == "one":
                text, placed = r.choice([a, article(a)]), [(i, 0, 0, .92)]
            elif kind == "background":
                colour = r.choice(list(COLOURS))
                text, placed = f"{article(a)} on {article(colour)} background", [(i, 0, 0, .8)]
                key = f"{self.facts[i]['name']}|{colour}"
            elif kind == "pair":
                text = r.choice([f"{article(a)} and {article(b)}", f"{article(a)} next to {article(b)}",
                                 f"{article(a)} on the left and {article(b)} on the right"])
                placed = [(i, -.5, 0, .47), (j, .5, 0, .47)]
            elif kind == "column":
                text, placed = f"{article(a)} above {article(b)}", [(i, 0, -.5, .47), (j, 0, .5, .47)]
                if r.random() < .5:
                    text = f"{article(b)} below {article(a)}"
            elif kind == "count":
                n = int(r.integers(2, 4))
                spots = [(-.5, 0), (.5, 0)] if n == 2 else [(0, -.48), (-.5, .48), (.5, .48)]
                text, placed = f"{NUMBERS[n]} {plural(a)}", [(i, x, y, .46) for x, y in spots]
            else:
                x, y = r.choice([-.62, .62], 2)
                text = f"a small {a} in the {'top' if y < 0 else 'bottom'} {'left' if x < 0 else 'right'} corner"
                placed = [(i, x, y, .33)]
            if kind in ("pair", "column"):
                key = "|".join(sorted((self.facts[i]["name"], self.facts[j]["name"])))
            out = bool(key) and zlib.crc32(key.encode()) % 20 == 0
            if out == held_out:
                break
        style = self.style or r.choice(PACKAGES[set_name][1])
        text = r.choice([text, f"{text}, {style}", f"{text}, {style}", f"{style} {text}"])
        return str(text), placed, colour

    def batch(self, count: int, held_out: bool = False) -> tuple[torch.Tensor, list[str]]:
        """Pictures [count, 3, size, size] in -1..1 on the device, and their captions."""
        scenes = [self.scene(held_out) for _ in range(count)]
        return self.draw([placed for _, placed, _ in scenes], [colour for _, _, colour in scenes]), [s[0] for s in scenes]

    def draw(self, scenes: list, colours: list) -> torch.Tensor:
        index = np.zeros((len(scenes), SLOTS), np.int64)
        place = np.zeros((len(scenes), SLOTS, 3), np.float32)
        ground = np.ones((len(scenes), 3), np.float32)
        for k, (placed, colour) in enumerate(zip(scenes, colours)):
            if colour:  # lighter or darker, and a little another hue
                ground[k] = np.array(COLOURS[colour]) / 255 * self.random.uniform(.9, 1.1) + self.random.normal(0, .01, 3)
            for slot, (i, x, y, scale) in enumerate(placed):
                index[k, slot] = i
                place[k, slot] = x, y, scale * self.random.uniform(.95, 1)
        picture = torch.from_numpy(ground.clip(0, 1)).to(self.device)[:, :, None, None].repeat(1, 1, self.size, self.size)
        for slot in range(SLOTS):
            rows = np.flatnonzero(place[:, slot, 2])
            if len(rows):
                at = torch.from_numpy(rows).to(self.device)
                sprite = self.sprites[torch.from_numpy(index[rows, slot]).to(self.device)]
                picture[at] = self.put(picture[at], sprite, torch.from_numpy(place[rows, slot]).to(self.device))
        return (picture * 2 - 1).contiguous(memory_format=torch.channels_last)

    def put(self, picture: torch.Tensor, sprite: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        sprite = sprite.float() / 255
        alpha = sprite[:, 3:]
        sprite = torch.cat([sprite[:, :3] * alpha, alpha], 1)  # premultiplied, so that edges mix rightly
        scale = place[:, 2]
        theta = torch.zeros(len(sprite), 2, 3, device=self.device)
        theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
        theta[:, 0, 2], theta[:, 1, 2] = -place[:, 0] / scale, -place[:, 1] / scale
        grid = F.affine_grid(theta, [len(sprite), 4, self.size, self.size], align_corners=False)
        fine = F.grid_sample(sprite, grid, align_corners=False)
        coarse = F.grid_sample(F.avg_pool2d(sprite, 2), grid, align_corners=False)  # no aliasing where small
        drawn = torch.where((scale < .6)[:, None, None, None], coarse, fine)
        return drawn[:, :3] + picture * (1 - drawn[:, 3:])
