"""The figures that Sumi aims at on an NVIDIA GPU: `bench/peers.py --device cuda --figures`. All in float16 with random weights, guidance on;
"compiled" is diffusers by torch.compile with CUDA graphs."""
import contextlib, json, pathlib, statistics, subprocess, tempfile, time

from figures import changed, row
from peers import ROOT, Sumi, peers_of, rounds_of, times_as_fast

DTYPE, PROMPT, GIB = "f16", "a red apple, 3d", 1 << 30


class Pictures:
    """`sumi generate` with a list of prompts, in a process that keeps its model: what it tells of each picture."""

    def __init__(self, name, args, folder, prompts, *more):
        self.name = name
        prompts_file = pathlib.Path(folder) / f"{name}.txt"
        prompts_file.write_text("\n".join(prompts) + "\n")
        self.command = [args.sumi_program, "generate", "-m", str(args.folder), "--prompts", str(prompts_file), "--seed", "1", "-W", str(args.size),
                        "-H", str(args.size), "--steps", str(args.steps), "--guidance", "7.5", "--device", args.device, "--dtype", DTYPE,
                        "--json", "-q", "-o", f"{folder}/{name}-{{index}}.png", *more]

    def told(self): return [json.loads(line) for line in subprocess.check_output(self.command, text=True).splitlines()]

    def seconds(self, repeat):
        """Of a picture, once the first two have recorded its steps."""
        return statistics.median(sum(each["seconds"].values()) for each in self.told()[2:])


@contextlib.contextmanager
def beside(names, args):
    peers = list(peers_of(names, args))
    try: yield peers
    finally:
        for peer in peers: peer.end()


def picture_figure(args, text, must, aim):
    ours = Sumi("sumi", args, dtype=DTYPE)
    with beside([f"compiled-{DTYPE}"], args) as peers: rounds = rounds_of([ours, *peers], args.rounds, args.repeat)
    row(text, must, aim, f"{statistics.median(each['sumi'] for each in rounds):.3f} s; the loop alone {ours.last['steps_per_second']:.1f} it/s; "
        f"{ours.last['peak_bytes'] / GIB:.2f} GiB")
    for peer in peers: row(f"the same over {peer.name}", 1.4, 2.5, f"{times_as_fast(rounds, 'sumi', peer.name):.2f}")


def sd15_picture(args):
    args = changed(args, what="image", model="synthetic:sd15", size=512, steps=50)
    picture_figure(args, "SD 1.5, 512, 50 steps; its memory", "0.45 s; 2.4 GiB", "0.25 s; 2.1 GiB")


def sdxl_picture(args):
    args = changed(args, what="image", model="synthetic:sdxl", size=1024, steps=30)
    picture_figure(args, "SDXL, 1024, 30 steps", "1.35 s", "0.90 s")


def sdxl_small(args):
    args = changed(args, what="image", model="synthetic:sdxl", size=512, steps=50)
    picture_figure(args, "SDXL, 512, 50 steps", "", "")


def ladder(args):
    """Every precision, then attention without tensor cores, in UNet steps a second."""
    plain = ["attention/cudnn", "attention/flash-mma", "attention/flash-mma-wide"]
    programs = [Sumi(dtype, args, what="unet", dtype=dtype) for dtype in ("f32", "tf32", "bf16", "f16", "fp8")]
    programs.append(Sumi("f16, plain attention", args, what="unet", dtype="f16", disable=plain))
    rounds = rounds_of(programs, args.rounds, args.repeat)
    for program in programs: row(f"UNet steps a second, {program.name}", "", "", f"{1 / statistics.median(each[program.name] for each in rounds):.1f}")


def ops(args):
    """Share of the peak by family of ops, from calls that wait for each other."""
    out = subprocess.check_output([args.sumi_program, "bench", "--model", args.model, "--size", str(args.size), "--what", "unet", "--device", args.device,
                                   "--dtype", DTYPE, "--ops", "--json", "--csv", ""], text=True)
    told = [json.loads(line) for line in out.splitlines()]
    whole = next(each for each in told if each["what"] != "op")
    families = {}
    for each in told:
        if each["what"] == "op": families.setdefault(each["shapes"].split()[0], []).append(each)
    for name, calls in sorted(families.items()):
        seconds = sum(each["median"] * each["calls"] for each in calls)
        flops = sum(each["flops"] * each["calls"] for each in calls)
        peak = whole["gflops"] / whole["share_of_peak"] * 1e9
        row(f"of a step's calls: {name}", "", "", f"{1e3 * seconds:.2f} ms, {100 * flops / seconds / peak:.0f} % of the peak")


def controlnet(args):
    args = changed(args, what="controlled", steps=50)
    with tempfile.TemporaryDirectory(dir=args.env) as folder:
        net = f"{args.folder}-controlnet"  # where bench/peer.py looks for it
        synthesize(args, "controlnet", net)
        subprocess.check_call([args.sumi_program, "generate", PROMPT, "--seed", "1", "--steps", "4", "-o", f"{folder}/control.png", "-q"])
        ours = Pictures("sumi", args, folder, [PROMPT] * (2 + args.repeat), "--control", f"{net}={folder}/control.png")
        with beside([f"diffusers-{DTYPE}", f"compiled-{DTYPE}"], args) as peers:
            rounds = rounds_of([ours, *peers], args.rounds, args.repeat)
        for peer in peers:
            row(f"a picture with a ControlNet, over {peer.name}", 1.4, 2.5,
                f"{times_as_fast(rounds, 'sumi', peer.name):.2f} ({statistics.median(each['sumi'] for each in rounds):.3f} s)")


def lora_change(args):
    """Other strengths of a LoRA of rank 64 on all linears of the UNet's transformers; a picture of them beside one of the strengths before."""
    args = changed(args, model="synthetic:sdxl", size=1024, steps=10)
    with tempfile.TemporaryDirectory(dir=args.env) as folder:
        synthesize(args, "lora", f"{folder}/bench.safetensors")
        strengths = [0.5] * 4 + [value for i in range(args.repeat + 2) for value in (0.6 + i / 10,) * 3]
        prompts = [f"{PROMPT} <lora:bench:{strength}>" for strength in strengths]
        told = Pictures("with", args, folder, prompts, "--lora-dir", folder).told()
        plain = Pictures("without", args, folder, [PROMPT] * 5).told()[2:]
        whole = [sum(each["seconds"].values()) for each in told]
        change = [whole[i] - whole[i + 1] for i in range(7, len(whole), 3)]
        row("change of LoRA weights, SDXL", "0.09 s", "0.05 s", f"{statistics.median(change):.3f} s")
        row("a step with the LoRA over one without", "1", "1",
            f"{statistics.median(each['seconds']['denoise'] for each in told[9::3]) / statistics.median(each['seconds']['denoise'] for each in plain):.3f}")


def limited(args):
    args = changed(args, what="image", steps=50)
    programs = [Sumi("whole", args, dtype=DTYPE), *(Sumi(limit, args, dtype=DTYPE, **{"device-memory": limit}) for limit in ("2100M", "1950M"))]
    rounds = rounds_of(programs, args.rounds, args.repeat)
    for program, must in zip(programs[1:], (("97 %", ""), ("", "97 %"))):
        row(f"SD 1.5 within {program.name}, of full speed", *must, f"{100 * times_as_fast(rounds, program.name, 'whole'):.1f} %")


def batches(args):
    args = changed(args, what="image", steps=20)
    rounds = rounds_of([Sumi("one", args, dtype=DTYPE), Sumi("eight", args, dtype=DTYPE, batch=8)], args.rounds, args.repeat)
    row("pictures a second, batch 8 over batch 1", 1.15, 1.3, f"{8 * times_as_fast(rounds, 'eight', 'one'):.2f}")


def start(args):
    """From the process to its first picture, with plans that an earlier process has tuned and the file in the page cache."""
    args = changed(args, steps=50)
    with tempfile.TemporaryDirectory(dir=args.env) as folder:
        one = Pictures("start", args, folder, [PROMPT])
        seconds = []
        for _ in range(args.rounds + 1):
            begin = time.perf_counter(); one.told(); seconds.append(time.perf_counter() - begin)
        row("start: process to first picture of 50 steps", "3 s", "1.5 s", f"{statistics.median(seconds[1:]):.2f} s (the first process: {seconds[0]:.2f} s)")


def synthesize(args, what, to):
    subprocess.check_call([str(args.env / "bin/python"), str(ROOT / "bench/synthesize.py"), what, str(args.folder), to])


FIGURES = {each.__name__: each for each in (sd15_picture, sdxl_picture, sdxl_small, ladder, ops, controlnet, lora_change, limited, batches, start)}
