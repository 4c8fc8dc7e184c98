#!/usr/bin/env python3
"""Compares the pictures of the command with those of the reference.

usage: tests/reference.py FIXTURES [--sumi PATH] [--only PATTERN]

FIXTURES is a folder like tests/fixtures: models/, cases/*.json with what was asked and cases/*.safetensors with what
came out. Every case that a command line can express is run in float32; a picture passes where no value is more than
one of 255 levels off. Files of single/ must give the pictures of the folders with their names.
Needs numpy, pillow and safetensors. Exit status 1 where a case fails.
"""
import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

LEVELS = 1
TOME_RMS = 2e-3  # tokens are picked by argmax: a tie may go the other way


class Skipped(Exception):
    """The command line cannot express the case."""


def write_png(tensor, path):
    """(1, channels, height, width) in 0..1."""
    levels = np.rint(tensor[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(levels.squeeze(-1) if levels.shape[-1] == 1 else levels).save(path)
    return path


class Case:
    def __init__(self, fixtures, name):
        self.fixtures, self.name = fixtures, name
        self.asked = json.loads((fixtures / "cases" / f"{name}.json").read_text())
        self.replaced = {}  # models and ControlNets by name: files in their place

    @property
    def is_picture(self):
        return "pipeline" in self.asked

    def tensors(self):
        return load_file(self.fixtures / "cases" / f"{self.name}.safetensors")

    def model(self, name):
        return self.replaced.get(name, self.fixtures / "models" / name)

    def model_with_scheduler(self, scratch):
        """The model's folder; where the case names another scheduler, one with its settings over the model's."""
        asked, name = dict(self.asked["scheduler"]), self.asked["model"]
        source = self.fixtures / "models" / name
        settings = json.loads((source / "scheduler/scheduler_config.json").read_text())
        cls = asked.pop("cls")
        if name in self.replaced or (cls == settings["_class_name"] and not asked):
            return self.model(name)
        folder = scratch / "model"
        (folder / "scheduler").mkdir(parents=True)
        for part in source.iterdir():
            if part.name != "scheduler":
                (folder / part.name).symlink_to(part.resolve())
        text = json.dumps(settings | asked | {"_class_name": cls})
        (folder / "scheduler/scheduler_config.json").write_text(text)
        return folder

    def arguments(self, scratch, known):
        """What follows `sumi generate`. `known`: the help page, to tell which options there are."""
        asked = self.asked
        arguments = ["-p", asked["prompt"], "-m", self.model_with_scheduler(scratch)]
        if asked["model"] in self.replaced:
            arguments += ["--config", self.fixtures / "models" / asked["model"]]
        if asked.get("syntax") != "weighted":
            arguments += ["--prompt-syntax", "plain"]
        effective = asked["effective"]
        arguments += ["-W", effective["width"], "-H", effective["height"]]
        for key, option in OPTIONS.items():
            if asked.get(key) is not None:
                arguments += [option, asked[key]]
        for key, option, between in (("original_size", "--original-size", "x"), ("target_size", "--target-size", "x"),
                                     ("crops_coords_top_left", "--crop", ",")):  # (height, width) and (top, left)
            if key in asked:
                arguments += [option, between.join(str(number) for number in reversed(asked[key]))]
        if asked.get("guess_mode"):
            arguments.append("--guess-mode")
        if "vae" in asked:
            arguments += ["--vae", self.model(asked["vae"])]
        for lora in asked.get("loras", []):
            arguments += ["--lora", f"{self.fixtures / 'loras' / lora['file']}:{lora['scale']}"]
        if "embedding" in asked:
            arguments += ["--embedding", self.fixtures / "embeddings" / asked["embedding"]["file"]]
        if "deepcache" in asked:
            arguments += ["--deepcache", f"{asked['deepcache']['interval']}:{asked['deepcache']['branch']}"]
        if "tome" in asked:
            arguments += tome_arguments(asked["tome"])
        return [str(each) for each in arguments + self.picture_arguments(scratch)]

    def picture_arguments(self, scratch):
        """Pictures that the call takes, written as files."""
        inputs = {key.removeprefix("input."): tensor for key, tensor in self.tensors().items() if key.startswith("input.")}
        files = {key: write_png(tensor, scratch / f"{key}.png") for key, tensor in inputs.items()
                 if key.split(".")[0] in ("image", "mask_image", "control_image")}
        if "controlnet" not in self.asked:
            start = ["--init", files["image"]] if "image" in files else []
            return start + (["--mask", files["mask_image"]] if "mask_image" in files else [])
        arguments, names = [], self.asked["controlnet"]
        weights = self.asked.get("controlnet_conditioning_scale", 1.0)
        window = self.asked.get("control_guidance_start", 0), self.asked.get("control_guidance_end", 1)
        for i, name in enumerate(names):
            file = files["image" if len(names) == 1 else f"image.{i}"]
            weight = weights[i] if isinstance(weights, list) else weights
            arguments += ["--control", f"{self.model(name)}={file}:{weight}:{window[0]}:{window[1]}"]
        return arguments


OPTIONS = {"seed": "--seed", "num_inference_steps": "--steps", "negative_prompt": "-n", "guidance_scale": "--guidance",
           "guidance_rescale": "--guidance-rescale", "eta": "--eta", "clip_skip": "--clip-skip",
           "num_images_per_prompt": "--batch", "strength": "--strength", "image_guidance_scale": "--image-guidance",
           "prompt_2": "--prompt-2", "negative_prompt_2": "--negative-2", "denoising_end": "--denoising-end",
           "aesthetic_score": "--aesthetic-score"}


def tome_arguments(tome):
    sites = [site for site, key in (("cross", "merge_crossattn"), ("mlp", "merge_mlp")) if tome.get(key)]
    return ["--tome", str(tome["ratio"]), "--tome-fixed", "--tome-max-downsample", str(tome.get("max_downsample", 1)),
            "--tome-sites", ",".join(["self", *sites])]


def expected_levels(image):
    return np.rint(np.clip(image, 0, 1) * 255).astype(int)


def run(case, sumi, known):
    """The largest and the mean difference in levels of 255, and whether they pass. ValueError: there is no picture."""
    with tempfile.TemporaryDirectory(prefix="sumi-reference-") as folder:
        scratch = pathlib.Path(folder)
        arguments = case.arguments(scratch, known)
        command = [sumi, "generate", *arguments, "--dtype", "f32", "-q", "-o", scratch / "{index}.png"]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise ValueError(ran.stderr.strip() or f"exit status {ran.returncode}")
        expected = case.tensors()["image"]
        made = np.stack([np.asarray(Image.open(scratch / f"{i + 1}.png").convert("RGB")).astype(int)
                         for i in range(len(expected))])
    if made.shape != expected.shape:
        raise ValueError(f"shape {made.shape}, expected {expected.shape}")
    largest = np.abs(made - expected_levels(expected)).max()
    apart = made / 255 - expected
    good = np.sqrt((apart ** 2).mean()) < TOME_RMS + 1 / 510 if "tome" in case.asked else largest <= LEVELS
    return int(largest), float(np.abs(apart).mean() * 255), bool(good)


def plain(case, model):
    """The model's own scheduler and no more than a prompt, or one ControlNet."""
    return case.asked.get("controlnet", [case.asked.get("model")]) == [model] and \
        len(case.asked.get("scheduler", {})) == 1 and case.name in (model, f"txt2img-{model}", f"txt2img-{model}-pndm")


def cases_of(fixtures):
    cases = [Case(fixtures, path.stem) for path in sorted((fixtures / "cases").glob("*.json"))]
    for file in sorted((fixtures / "single").glob("*")):
        for case in [each for each in cases if plain(each, file.stem)]:
            single = Case(fixtures, case.name)
            single.replaced = {file.stem: file}
            single.name_shown = f"single/{file.name}"
            cases.append(single)
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fixtures", type=pathlib.Path)
    parser.add_argument("--sumi", default=pathlib.Path(__file__).parent.parent / "sumi", help="the command")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="cases of such names, as in 'txt2img-*'")
    options = parser.parse_args()
    known = subprocess.run([options.sumi, "generate", "--help"], capture_output=True, text=True, check=True).stdout
    counts = {"passed": 0, "FAILED": 0, "skipped": 0}

    def tell(verdict, name, what):
        counts[verdict] += 1
        print(f"{verdict:8}{name:36}{what}", flush=True)

    others = 0
    for case in cases_of(options.fixtures.resolve()):
        name = getattr(case, "name_shown", case.name)
        if not fnmatch.fnmatch(name, options.only):
            continue
        if not case.is_picture:
            others += 1
            continue
        try:
            largest, mean, good = run(case, options.sumi, known)
            tell("passed" if good else "FAILED", name, f"largest {largest}, mean {mean:.4f} of 255")
        except Skipped as why:
            tell("skipped", name, why)
        except (ValueError, OSError) as why:
            tell("FAILED", name, why)
    if others:
        print(f"skipped {others} cases that no picture comes from")
    print(f"{counts['passed']} passed, {counts['FAILED']} failed, {counts['skipped'] + others} skipped")
    if counts["passed"] + counts["FAILED"] == 0:
        sys.exit("no case was run")
    return 1 if counts["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
