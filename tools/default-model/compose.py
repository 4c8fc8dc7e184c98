"""Scenes: draws captions and layouts in numpy, and puts the sprites together on the device."""
import json
import pathlib
import random
import re
import zlib

import numpy as np
import torch
import torch.nn.functional as F

from render import COLOURS
from settings import PACKAGES

SLOTS = 3
KINDS = {"one": .45, "background": .2, "pair": .12, "column": .07, "count": .1, "corner": .06}
NUMBERS = {2: "two", 3: "three"}
IRREGULAR = {"man": "men", "woman": "women", "person": "people", "child": "children", "mouse": "mice", "foot": "feet",
             "tooth": "teeth", "wolf": "wolves", "leaf": "leaves", "knife": "knives", "sheep": "sheep", "fish": "fish"}
AN = re.compile(r"(?!uni[cfv]|uk|euro|one )[aeiou]|hour")
HEAD = re.compile(r"^(.*?)( (?:with|of|in|on|and|at|over|behind|(?:hold|blow|lift|show|play|gett|feed|wear)ing) .*)?$")


def is_plural(words: str) -> bool:
    """`eyes`, `chopsticks`: neither counted nor given an article."""
    head = HEAD.match(words)[1]
    return head.endswith("s") and not head.endswith(("ss", "us", "is", "eros"))


def article(words: str) -> str:
    return words if is_plural(words) else ("an " if AN.match(words) else "a ") + words


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


def to_device(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """Without waiting for the GPU, which is to be kept in work while captions are made up."""
    return tensor.pin_memory().to(device, non_blocking=True) if device == "cuda" else tensor


class Composer:
    def __init__(self, work: pathlib.Path, device: str, seed: int | None = None, style: str | None = None):
        """Of all sets in turn, with their style words or `style`."""
        self.facts = json.loads((work / "sprites/sprites.json").read_text())
        self.sprites = torch.from_numpy(np.load(work / "sprites/sprites.npy")).to(device)
        self.random = random.Random(seed)
        self.by_set = {s: [i for i, f in enumerate(self.facts) if f["set"] == s] for s in PACKAGES}
        self.by_set = {s: v for s, v in self.by_set.items() if v}
        self.device, self.size, self.style = device, self.sprites.shape[-1], style

    def name(self, i: int) -> str:
        fact = self.facts[i]
        coloured = any(c in fact["name"].split() for c in COLOURS)
        told = fact["colour"] and not coloured and self.random.random() < .3
        return f'{fact["colour"]} {fact["name"]}' if told else fact["name"]

    def scene(self, held_out: bool = False) -> tuple[str, list, str | None]:
        """Caption, placed sprites (index, x, y, scale) in -1..1, and the background's colour word.
        One in twenty of the pairs and of the coloured backgrounds is held out of training, by a hash of its words."""
        r = self.random
        while True:
            set_name = r.choice(list(self.by_set))
            i, j = r.choices(self.by_set[set_name], k=2)
            a, b, colour, key = self.name(i), self.name(j), None, ""
            kind = r.choices(list(KINDS), KINDS.values())[0]
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
                n = r.choice([2, 3])
                spots = [(-.5, 0), (.5, 0)] if n == 2 else [(0, -.48), (-.5, .48), (.5, .48)]
                text, placed = f"{NUMBERS[n]} {plural(a)}", [(i, x, y, .46) for x, y in spots]
            else:
                x, y = r.choices([-.62, .62], k=2)
                text = f"a small {a} in the {'top' if y < 0 else 'bottom'} {'left' if x < 0 else 'right'} corner"
                placed = [(i, x, y, .33)]
            if kind in ("pair", "column"):
                key = "|".join(sorted((self.facts[i]["name"], self.facts[j]["name"])))
            out = bool(key) and zlib.crc32(key.encode()) % 20 == 0
            if out == held_out:
                break
        style = self.style or r.choice(PACKAGES[set_name][1])
        bare = text.removeprefix("an ").removeprefix("a ")
        return r.choice([text, f"{text}, {style}", f"{text}, {style}", f"{style} {bare}"]), placed, colour

    def batch(self, count: int, held_out: bool = False) -> tuple[torch.Tensor, list[str]]:
        """Pictures [count, 3, size, size] in -1..1 on the device, and their captions."""
        captions, placed, colours = zip(*(self.scene(held_out) for _ in range(count)))
        return self.draw(placed, colours), list(captions)

    def draw(self, scenes: list, colours: list) -> torch.Tensor:
        index = np.zeros((len(scenes), SLOTS), np.int64)
        place = np.zeros((len(scenes), SLOTS, 3), np.float32)
        ground = np.ones((len(scenes), 3), np.float32)
        for k, (placed, colour) in enumerate(zip(scenes, colours)):
            if colour:  # lighter or darker, and a little another hue
                light = self.random.uniform(.9, 1.1)
                ground[k] = [value / 255 * light + self.random.gauss(0, .01) for value in COLOURS[colour]]
            for slot, (i, x, y, scale) in enumerate(placed):
                index[k, slot] = i
                place[k, slot] = x, y, scale * self.random.uniform(.95, 1)
        ground = to_device(torch.from_numpy(ground.clip(0, 1)), self.device)
        picture = ground[:, :, None, None].repeat(1, 1, self.size, self.size)
        for slot in range(SLOTS):
            rows = np.flatnonzero(place[:, slot, 2])
            if len(rows):
                at, which, where = (to_device(torch.from_numpy(told), self.device)
                                    for told in (rows, index[rows, slot], place[rows, slot]))
                picture[at] = self.put(picture[at], self.sprites[which], where)
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
