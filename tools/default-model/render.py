"""Renders the icons to RGBA squares, with their names, styles and main colours."""
import concurrent.futures
import io
import json
import os
import pathlib
import re
import tarfile

import numpy as np
from PIL import Image

from settings import PACKAGES, Settings

TONE = re.compile(r"-(light|medium-light|medium|medium-dark|dark)(-skin-tone|$)|-tone\d$")
SKIPPED_NAME = re.compile(r"^(letter-|regional|flag-[a-z]{2}$|.$)")
COLOURS = {"red": (215, 35, 45), "orange": (250, 140, 30), "yellow": (252, 210, 50), "green": (50, 165, 60),
           "blue": (40, 115, 225), "purple": (145, 70, 190), "pink": (245, 130, 180), "brown": (125, 80, 50),
           "black": (30, 30, 30), "white": (245, 245, 245), "gray": (140, 140, 145)}


def wanted(name: str, names: set[str]) -> bool:
    """Skin tones are left out; `police-car-light` stays, as it has no brother `-medium`."""
    tone = TONE.search(name)
    plain = name[:tone.start()] if tone else name
    return not SKIPPED_NAME.match(name) and not (tone and ("tone" in tone[0] or f"{plain}-medium" in names))


def colour_of(rgba: np.ndarray, package: str) -> str:
    """The colour word of most opaque pixels, or '' where none has over 55 per cent, and for icons that are all ink."""
    if package == "fluent-emoji-high-contrast":
        return ""
    pixels = rgba[rgba[..., 3] > 200][::7, :3].astype(int)
    if len(pixels) < 20:
        return ""
    table = np.array(list(COLOURS.values()))
    counts = np.bincount(((pixels[:, None] - table) ** 2).sum(-1).argmin(1), minlength=len(table))
    best = int(counts.argmax())
    return list(COLOURS)[best] if counts[best] > 0.55 * len(pixels) else ""


def draw(item: tuple[str, int]) -> np.ndarray | None:
    import resvg_py  # in the processes of the pool alone
    svg, size = item
    try:
        data = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))
    except Exception:
        return None
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    square = Image.new("RGBA", (size, size))
    square.paste(picture, ((size - picture.width) // 2, (size - picture.height) // 2))
    return np.asarray(square)


def render(archives: pathlib.Path, out: pathlib.Path, settings: Settings) -> None:
    items, facts = [], []
    sets = {}
    for package, (version, _) in PACKAGES.items():
        with tarfile.open(archives / f"{package}-{version}.tgz") as tar:
            sets[package] = json.load(tar.extractfile("package/icons.json"))
    # FxEmoji writes names without spaces; the other sets tell where the words part.
    spelled = {n.replace("-", ""): n for s in ("noto", "fluent-emoji") for n in sets[s]["icons"]}
    for package, data in sets.items():
        names = set(data["icons"])
        chosen = [n for n in sorted(names) if wanted(n, names)]
        if package == "fxemoji":
            chosen = [n for n in chosen if n in spelled]
        if settings.icons:
            chosen = chosen[::max(1, len(chosen) // settings.icons)]
        for name in chosen:
            icon = data["icons"][name]
            width, height = (icon.get(k, data.get(k, 32)) for k in ("width", "height"))
            box = f'{icon.get("left", 0)} {icon.get("top", 0)} {width} {height}'
            body = icon["body"].replace("currentColor", "#222222")
            items.append((f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                          f'width="{width}" height="{height}" viewBox="{box}">{body}</svg>', settings.size))
            facts.append((spelled.get(name, name).replace("-", " "), package))
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        pictures = list(pool.map(draw, items, chunksize=16))
    kept = [i for i, p in enumerate(pictures) if p is not None and p[..., 3].any()]
    out.mkdir()
    np.save(out / "sprites.npy", np.stack([pictures[i] for i in kept]).transpose(0, 3, 1, 2))
    told = [dict(name=facts[i][0], set=facts[i][1], colour=colour_of(pictures[i], facts[i][1])) for i in kept]
    (out / "sprites.json").write_text(json.dumps(told))
    print(f"render: {len(kept)} of {len(items)} icons")
