"""Checks `sumi convert` with the diffusers library: convert_reference.py SUMI [FIXTURES] (needs torch, diffusers 0.35,
transformers and safetensors; not run by the tests).

SUMI is the built command, FIXTURES the folder of tests/fixtures. For every model there:
  folder -> single file: diffusers' own converters give every tensor of the folder back;
  single file -> folder: the folder loads in diffusers, with the same tensors and configurations;
  sd1 as .safetensors and .ckpt: the pictures of the folders are those of the original, bit for bit.
"""
import json, pathlib, subprocess, sys, tempfile

import diffusers
import torch
import transformers
from diffusers.loaders import single_file_utils as ldm
from safetensors.torch import load_file

SUMI = sys.argv[1]
FIXTURES = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent / "fixtures")
MODELS = ["sd1", "sd2", "inpaint", "pix2pix", "lcm", "bksdm-small", "bksdm-tiny", "sdxl", "ssd1b", "sdxl-refiner"]
diffusers.logging.set_verbosity_error()
transformers.logging.set_verbosity_error()
diffusers.logging.disable_progress_bar()
failures = 0


def convert(*arguments):
    subprocess.run([SUMI, "convert", *map(str, arguments)], check=True)


def check(good, what):
    global failures
    failures += not good
    print("ok  " if good else "FAIL", what, flush=True)


def same(actual, expected):
    bare = lambda tensors: {k.removeprefix("text_model."): v for k, v in tensors.items() if not k.endswith("position_ids")}
    actual, expected = bare(actual), bare(expected)
    return actual.keys() == expected.keys() and all(
        torch.equal(actual[k].reshape(expected[k].shape), expected[k]) and actual[k].dtype == expected[k].dtype for k in expected)


def weights(folder):
    return load_file(next(folder.glob("*.safetensors")))


def config(folder, name="config.json"):
    return {k: v for k, v in json.loads((folder / name).read_text()).items() if not k.startswith("_")}


def check_single(name, model, file):
    tensors = load_file(file)
    unet = config(model / "unet")
    expected = weights(model / "unet")
    expected.pop("time_embedding.cond_proj.weight", None)  # LCM's guidance, which diffusers reads from folders alone
    check(same(ldm.convert_ldm_unet_checkpoint(dict(tensors), unet), expected), f"{name}: diffusers reads the UNet")
    check(same(ldm.convert_ldm_vae_checkpoint(dict(tensors), config(model / "vae")), weights(model / "vae")), f"{name}: diffusers reads the VAE")


def check_folder(name, model, folder):
    for part in sorted(p.name for p in model.iterdir() if p.is_dir()):
        if part == "scheduler":
            check(config(folder / part, "scheduler_config.json") == config(model / part, "scheduler_config.json"), f"{name}: {part}")
        elif not part.startswith("tokenizer"):
            check(same(weights(folder / part), weights(model / part)) and config(folder / part) == config(model / part), f"{name}: {part}")
    kind = getattr(diffusers, json.loads((model / "model_index.json").read_text())["_class_name"])
    pipe = kind.from_pretrained(folder, torch_dtype=torch.float32)
    original = kind.from_pretrained(model, torch_dtype=torch.float32)
    for part, module in original.components.items():
        if isinstance(module, torch.nn.Module):
            stored = {k: v.float() for k, v in weights(model / part).items()}
            check(same(getattr(pipe, part).state_dict(), stored), f"{name}: {part} as loaded")
        if part.startswith("tokenizer") and module is not None:
            check(getattr(pipe, part)("a red apple, 3d!", padding="max_length", max_length=77).input_ids
                  == module("a red apple, 3d!", padding="max_length", max_length=77).input_ids, f"{name}: {part}")
    return pipe, original


def picture(pipe):
    pipe.set_progress_bar_config(disable=True)
    return pipe("a red apple, 3d", num_inference_steps=4, output_type="np", generator=torch.Generator().manual_seed(7)).images


with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
    out = pathlib.Path(scratch)
    for name in MODELS:
        model = FIXTURES / "models" / name
        single = out / f"{name}.safetensors"
        convert(model, single)
        check_single(name, model, single)
        convert(single, out / name, "--config", model)
        check_folder(name, model, out / name)
    for file in ("sd1.safetensors", "sd1.ckpt"):
        folder = out / ("from-" + file.replace(".", "-"))
        convert(FIXTURES / "single" / file, folder, "--config", FIXTURES / "models/sd1")
        pipe, original = check_folder(file, FIXTURES / "models/sd1", folder)
        check((picture(pipe) == picture(original)).all(), f"{file}: the same picture")
    convert(FIXTURES / "single/sd1.ckpt", out / "plain.safetensors")
    check(same(load_file(out / "plain.safetensors"), load_file(FIXTURES / "single/sd1.safetensors")), "sd1.ckpt as safetensors")

    control = FIXTURES / "models/controlnet-sd1"
    convert(control, out / "controlnet.safetensors")
    back = ldm.convert_controlnet_checkpoint(load_file(out / "controlnet.safetensors"), config(control))
    check(same(back, weights(control)), "controlnet-sd1: diffusers reads the file")
    convert(out / "controlnet.safetensors", out / "controlnet")
    loaded = diffusers.ControlNetModel.from_pretrained(out / "controlnet", torch_dtype=torch.float32)
    original = diffusers.ControlNetModel.from_pretrained(control, torch_dtype=torch.float32)
    check(same(loaded.state_dict(), original.state_dict()), "controlnet-sd1 as loaded")

    # Without a configuration beside it: CLIP's own tokenizer, and head counts of the full-size family.
    convert(FIXTURES / "single/sd1.safetensors", out / "alone")
    alone = diffusers.StableDiffusionPipeline.from_pretrained(out / "alone", torch_dtype=torch.float32)
    check(alone.tokenizer("a red apple").input_ids == [49406, 320, 736, 3055, 49407], "sd1 alone: CLIP's tokenizer")

print(f"{failures} failed")
sys.exit(failures > 0)
