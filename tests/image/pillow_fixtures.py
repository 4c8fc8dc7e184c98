"""Writes tests/fixtures/image: a picture of noise and a mask, and what Pillow (13) and transformers (4.57) make of them."""
import pathlib

import numpy
from PIL import Image, ImageFilter
from transformers import CLIPImageProcessor

OUT = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "image"
FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SIZES = [(10, 7), (40, 31), (9, 31), (8, 17)]

OUT.mkdir(exist_ok=True)
random = numpy.random.default_rng(7)
noise = Image.fromarray(random.integers(0, 256, (17, 23, 3), dtype=numpy.uint8))
noise.save(OUT / "noise.png")
noise.convert("L").save(OUT / "noise-grey.png")
for name, how in FILTERS.items():
    for width, height in SIZES:
        noise.resize((width, height), how).save(OUT / f"{name}-{width}x{height}.png")

seen = CLIPImageProcessor(size=8, crop_size=8, do_rescale=False, do_normalize=False)(noise)["pixel_values"][0]
Image.fromarray(numpy.asarray(seen).transpose(1, 2, 0).astype(numpy.uint8)).save(OUT / "clip-8.png")

mask = numpy.zeros((40, 50), numpy.uint8)
mask[10:28, 15:38] = 255
mask[0:6, 0:9] = 255
mask = Image.fromarray(mask)
mask.save(OUT / "mask.png")
for radius in [1, 4]:
    mask.filter(ImageFilter.GaussianBlur(radius)).save(OUT / f"blur-{radius}.png")
