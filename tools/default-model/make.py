#!/usr/bin/env python3
"""From the icons to Sumi's default model and what goes with it:

    python tools/default-model/make.py --out DIR

Each stage is done where what it makes is there, and training goes on from where it was left: after an interruption
the same command finishes the work."""
import argparse
import pathlib
import shutil
import signal

from settings import NEW_STYLE, PRESETS


def stages(args, settings, work):
    """In order: a name, what it makes, and how; what is made appears whole or not at all."""
    import autoencoder
    import denoiser
    import evaluate
    import export
    import fetch
    import lora
    import render
    import tokenizer
    from compose import Composer

    def trained(by, style=None):
        return lambda out: by(Composer(work, args.device, style=style), settings, work, out, args.device)

    return {
        "fetch": (work / "archives", lambda out: fetch.fetch(out, args.archives)),
        "render": (work / "sprites", lambda out: render.render(work / "archives", out, settings)),
        "tokenizer": (work / "tokenizer", lambda out: tokenizer.learn(Composer(work, "cpu", seed=0), settings, out)),
        "autoencoder": (work / "vae", trained(autoencoder.train_autoencoder)),
        "denoiser": (work / "denoiser", trained(denoiser.train_denoiser)),
        "tiny": (work / "tiny", trained(autoencoder.train_tiny)),
        "controlnet": (work / "controlnet", trained(denoiser.train_controlnet)),
        "lcm": (work / "lcm-lora", trained(lora.train_lcm)),
        "style": (work / "style-lora", trained(lora.train_style, NEW_STYLE)),
        "export": (args.out / "models", lambda out: export.export(settings, work, out)),
        "evaluate": (args.out / "evaluation",
                     lambda out: evaluate.evaluate(settings, work, args.out / "models", out, args.device)),
    }


def main():
    import torch
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=pathlib.Path, required=True, help="a folder, also for what stages leave to each other")
    p.add_argument("--preset", choices=PRESETS, default="full")
    p.add_argument("--archives", type=pathlib.Path, help="a folder with the icons' packages (default: the registry)")
    p.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--minutes", type=float, help="of training altogether (default: the preset's)")
    p.add_argument("--only", nargs="+", metavar="STAGE", help="these stages, those before them being done")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, after which training is kept
    settings = PRESETS[args.preset]
    if args.minutes:
        settings = settings.within(args.minutes)
    if args.device == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
    work = args.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    known = stages(args, settings, work)
    unknown = set(args.only or ()) - set(known)
    if unknown:
        p.error(f"no stage is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name, (made, make) in known.items():
        if made.exists() or args.only and name not in args.only:
            continue
        partial = made.with_name(made.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        make(partial)
        partial.rename(made)
        print(f"{name}: done", flush=True)


if __name__ == "__main__":
    main()
