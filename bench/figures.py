"""The figures that Sumi aims at on a CPU, each from programs that run in turn: `bench/peers.py --figures`; those of a GPU are in figures_cuda.py.
A row prints as soon as it is measured. What a machine or the peers cannot do is left out and says why."""
import copy, json, mmap, os, pathlib, statistics, subprocess, tempfile, time

from peers import Sumi, machine, peers_of, prepare, rounds_of, times_as_fast


def row(figure, must, aim, measured): print(f"| {figure} | {must} | {aim} | {measured} |", flush=True)


def changed(args, **changes):
    args = copy.copy(args)
    vars(args).update(changes)
    prepare(args)
    return args


def steps_beside_openvino(args):
    programs = [Sumi(f"sumi-{dtype}", args, dtype=dtype) for dtype in ("bf16", "int8", "f32")]
    peers = list(peers_of(["openvino-bf16", "openvino-f32"], args))
    rounds = rounds_of([*programs, *peers], args.rounds, args.repeat)
    for peer in peers: peer.end()
    for name, other, must, aim in (("sumi-bf16", "openvino-bf16", 1.35, 1.5), ("sumi-int8", "openvino-bf16", 1.6, 1.9),
                                   ("sumi-f32", "openvino-f32", 1.3, 1.7)):
        if all(other in each for each in rounds):
            seconds = ", ".join(f"{statistics.median(each[program] for each in rounds):.2f} s" for program in (name, other))
            row(f"UNet step, {name} over {other}", must, aim, f"{times_as_fast(rounds, name, other):.2f} ({seconds})")


def avx2_over_direct(args):
    cap = {"SUMI_ISA": "avx2"}
    own = ["winograd-avx2", "winograd-upsampled-avx2", "panels-avx2"]
    rounds = rounds_of([Sumi("capped", args, dtype="f32", env=cap), Sumi("direct", args, dtype="f32", env=cap, disable=own)], args.rounds, 1)
    row("UNet step in f32 capped at AVX2, over oneDNN's direct f32", 1.3, 1.6, f"{times_as_fast(rounds, 'capped', 'direct'):.2f}")


def decode(args):
    args = changed(args, what="vae")
    peers = list(peers_of(["openvino-bf16", "diffusers-bf16"], args))
    rounds = rounds_of([Sumi("sumi-bf16", args, dtype="bf16"), *peers], args.rounds, args.repeat)
    for peer in peers: peer.end()
    others = "".join(f"; {times_as_fast(rounds, 'sumi-bf16', peer.name):.2f} over {peer.name}" for peer in peers)
    row("VAE decode in bf16", "3.5 s", "3.0 s", f"{statistics.median(each['sumi-bf16'] for each in rounds):.2f} s{others}")


def picture_over_diffusers(args):
    args = changed(args, what="image")
    peers = list(peers_of(["diffusers-bf16"], args))
    rounds = rounds_of([Sumi("sumi-bf16", args, dtype="bf16", steps=20), *peers], args.rounds, 1)
    for peer in peers:
        row("picture of 20 steps, sumi-bf16 over diffusers-bf16", 1.9, 2.2, f"{times_as_fast(rounds, 'sumi-bf16', peer.name):.2f}")
        peer.end()


def share_of_sdxl(args):
    """Of the arithmetic that a step has with a negative prompt: without one, SDXL's is zeros, and attention to it is left out."""
    model = {"dtype": "bf16", "model": "synthetic:sdxl", "size": 1024}
    programs = [Sumi("without", args, **model), Sumi("with", args, **model, negative="blurry")]
    shares, seconds = ([], []), ([], [])
    for _ in range(args.rounds):
        rows = [program.row(1) for program in programs]
        for i, each in enumerate(rows):
            peak = each["gflops"] / each["share_of_peak"] * 1e9
            shares[i].append(rows[1]["flops"] / each["seconds_per_step"] / peak)
            seconds[i].append(each["seconds_per_step"])
    texts = [f"{100 * statistics.median(shares[i]):.0f} % ({statistics.median(seconds[i]):.1f} s)" for i in range(2)]
    row("SDXL step at 1024 x 1024, share of peak", "105 %", "120 %", f"{texts[0]}; {texts[1]} with a negative prompt")


def touch(bytes):
    with mmap.mmap(-1, bytes) as memory: memory[::mmap.PAGESIZE] = b"1" * (bytes // mmap.PAGESIZE)


def start(args):
    """From the start of the process to the first step: a picture of one step less that step and decoding. The host of a virtual machine
    may take back what lay unused for seconds, and then the program waits for its memory. So: just after that was in use, and after a while."""
    with tempfile.TemporaryDirectory(dir=args.env) as folder:
        model = pathlib.Path(folder) / "sd15"
        subprocess.check_call([args.sumi_program, "bench", "--model", "synthetic:sd15", "--write", str(model), "--dtype", "f16"])
        os.sync()  # or writing it to the disk goes on beside
        def seconds():
            begin = time.perf_counter()
            out = subprocess.check_output([args.sumi_program, "generate", "a red apple, 3d", "-m", str(model), "--steps", "1", "--json", "-q",
                                           "-o", str(pathlib.Path(folder) / "start.png")], text=True)
            spent = json.loads(out)["seconds"]
            return time.perf_counter() - begin - spent["denoise"] - spent["decode"]
        seconds()  # its file into the page cache
        ready, idle = [], []
        for _ in range(max(3, args.rounds)):
            touch(4 << 30)
            ready.append(seconds())
            time.sleep(10)
            idle.append(seconds())
        row("start to first step, SD 1.5 f16 file", "1.5 s", "0.8 s",
            f"{statistics.median(ready):.2f} s; {statistics.median(idle):.2f} s after the machine was idle")


def batches(args):
    rounds = rounds_of([Sumi("one", args), Sumi("four", args, batch=4)], args.rounds, 1)
    row("pictures a second, batch 4 over batch 1", "1.00", "", f"{4 * times_as_fast(rounds, 'four', 'one'):.2f}")


def threads(args):
    rounds = rounds_of([Sumi("two", args, threads=2), Sumi("one", args, threads=1)], args.rounds, 1)
    row("UNet step, 2 threads over 1", 1.9, "", f"{times_as_fast(rounds, 'two', 'one'):.2f}")


FIGURES = {each.__name__: each for each in (steps_beside_openvino, decode, picture_over_diffusers, avx2_over_direct, share_of_sdxl, start,
                                            batches, threads)}


def figures_of(device):
    if device == "cpu": return FIGURES
    import figures_cuda
    return figures_cuda.FIGURES


def main(args):
    figures = figures_of(args.device)
    unknown = set(args.figures) - set(figures)
    if unknown: raise SystemExit(f"no figure is called {', '.join(sorted(unknown))}; there are {', '.join(figures)}")
    prepare(args)
    print(f"{machine(args.device)}; {args.model} at {args.size} x {args.size} where a row has no other; medians of {args.rounds} rounds\n", flush=True)
    print("| figure | must | aim | measured |\n|---|---|---|---|", flush=True)
    for name in args.figures or figures:
        try: figures[name](args)
        except (OSError, RuntimeError, subprocess.SubprocessError, KeyError) as why: row(name.replace("_", " "), "", "", f"not measured: {why}")
