#!/usr/bin/env python3
"""Sumi beside other programs on this machine: seconds per UNet step, alternating in one run, same random weights.

    bench/peers.py                                  # all peers, Stable Diffusion 1.5 at 512 x 512 with guidance
    bench/peers.py --peers diffusers-f32,openvino-f32 --rounds 5 --sumi "f32" --sumi "bf16"
    bench/peers.py --what vae --peers openvino-bf16 --sumi bf16      # decoding; --what image: a whole picture
    bench/peers.py --device cuda --what image --steps 50 --sumi-program build/cuda/apps/cli/sumi
    bench/peers.py --figures                        # the table of aims of docs/performance.md; see bench/figures.py
    bench/peers.py --device cuda --figures --sumi-program build/cuda/apps/cli/sumi     # see bench/figures_cuda.py

Makes an environment of its own (--env, default build/peers-env) and installs the peers there from PyPI. `sumi bench --write`
gives them the weights. Each peer is one process that keeps its model loaded (bench/peer.py); rounds go through all programs in turn, so
that drift of the machine meets all of them alike. The ratio of a row is the median over the rounds of (peer's median / Sumi's median in that
round). All models are in memory at once: 4 to 8 GB a peer in float32.
"""
import argparse, json, os, pathlib, platform, statistics, subprocess, sys

from peer import EXPORTS, exported, program_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["torch", "diffusers==0.35.*", "transformers==4.57.*", "safetensors", "openvino", "onnxruntime", "onnx", "onnxscript"]
PEERS = {"cpu": ["diffusers-f32", "diffusers-bf16", "compiled-f32", "compiled-bf16", "openvino-f32", "openvino-bf16", "onnxruntime-f32"],
         "cuda": ["diffusers-f32", "diffusers-tf32", "diffusers-f16", "compiled-f16", "autotuned-f16"]}
OURS = {"cpu": ["f32", "bf16"], "cuda": ["f32", "tf32", "bf16", "f16"]}


class Peer:
    def __init__(self, name, args):
        self.name, self.log = name, args.env / f"{name}.log"
        command = [str(args.env / "bin/python"), str(ROOT / "bench/peer.py"), name, args.what, str(args.folder), str(args.size), str(args.batch),
                   str(args.steps), args.device]
        log = open(self.log, "w")
        if program_of(name) in EXPORTS and args.what != "image" and not exported(name, args.what, args.folder, args.size, args.batch).exists():
            subprocess.run([*command, "--export"], stdout=log, stderr=log)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.version = self.answer()["ready"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line: raise RuntimeError(f"it ended; its log is {self.log}")
        return json.loads(line)

    def seconds(self, repeat):
        self.process.stdin.write(f"{repeat}\n"); self.process.stdin.flush()
        return statistics.median(self.answer())

    def end(self): self.process.stdin.close(); self.process.wait()


class Sumi:
    """`sumi bench`, a new process each time."""

    def __init__(self, name, args, what=None, model=None, size=None, env={}, **options):
        self.name, self.program, self.env = name, args.sumi_program, {**os.environ, **env}
        options = {"model": model or args.model, "what": what or args.what, "size": size or args.size, "batch": args.batch // 2,
                   "steps": args.steps, "device": args.device, "warmup": 1 if args.device == "cpu" else 3,
                   **options}
        self.options = [part for key, value in options.items()
                        for each in (value if isinstance(value, list) else [value]) for part in (f"--{key}", str(each))]
        self.version = subprocess.check_output([self.program, "--version"], text=True).strip()

    def row(self, repeat):
        out = subprocess.check_output([self.program, "bench", *self.options, "--repeat", str(repeat), "--csv", "", "--json"],
                                      text=True, env=self.env)
        self.last = json.loads(out.splitlines()[-1])
        return self.last

    def seconds(self, repeat):
        row = self.row(repeat)
        return row.get("seconds_per_step") or row["seconds"]

    def end(self): pass


def rounds_of(programs, rounds, repeat):
    """For each round, the median seconds of each program."""
    measured = []
    for i in range(rounds):
        measured.append({program.name: program.seconds(repeat) for program in programs})
        print(f"round {i + 1}: " + ", ".join(f"{name} {seconds:.3g} s" for name, seconds in measured[-1].items()), file=sys.stderr)
    return measured


def times_as_fast(rounds, name, other): return statistics.median(each[other] / each[name] for each in rounds)


def prepare(args):
    """The environment and the weights."""
    python = args.env / "bin/python"
    if not python.exists():
        print(f"installing the peers into {args.env}", flush=True)
        subprocess.check_call([sys.executable, "-m", "venv", str(args.env)])
        subprocess.check_call([str(python), "-m", "pip", "install", "-q", *PACKAGES])
    args.folder = args.env / args.model.replace(":", "-")
    if not args.folder.exists(): subprocess.check_call([args.sumi_program, "bench", "--model", args.model, "--write", str(args.folder)])


def peers_of(names, args):
    """Those that run here."""
    for name in names:
        try: peer = Peer(name, args); print(f"{name}: {peer.version}", file=sys.stderr); yield peer
        except (RuntimeError, OSError) as why: print(f"{name}: left out: {why}", file=sys.stderr)


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"): return line.split(":", 1)[1].strip()
    return platform.processor()


def graphics_processor():
    """Its name, driver and clocks now and at most."""
    query = "name,driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit"
    return subprocess.check_output(["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader"], text=True).splitlines()[0]


def machine(device): return f"{processor()}, {os.cpu_count()} cores" if device == "cpu" else graphics_processor()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default="synthetic:sd15"); p.add_argument("--size", type=int, default=512)
    p.add_argument("--what", default="unet", choices=["unet", "vae", "image"], help="a UNet step, decoding a picture, or a whole picture")
    p.add_argument("--batch", type=int, default=2, help="rows of the UNet's batch: both halves of guidance")
    p.add_argument("--steps", type=int, default=20, help="of a whole picture"); p.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    p.add_argument("--peers", help="default: all that there are for the device, by commas")
    p.add_argument("--sumi", action="append", metavar="DTYPE", help="default: each that a peer has")
    p.add_argument("--rounds", type=int, default=3); p.add_argument("--repeat", type=int, default=2)
    p.add_argument("--env", type=pathlib.Path, default=ROOT / "build/peers-env")
    p.add_argument("--sumi-program", default=str(ROOT / "build/release/apps/cli/sumi"))
    p.add_argument("--figures", nargs="*", metavar="NAME", help="measure what docs/performance.md aims at, or the figures of these names")
    args = p.parse_args()

    if args.figures is not None:
        import figures
        return figures.main(args)
    if args.peers is None: args.peers = ",".join(PEERS[args.device])
    prepare(args)
    ours = [Sumi(f"sumi-{dtype}", args, dtype=dtype) for dtype in args.sumi or OURS[args.device]]
    programs = [*ours, *peers_of(filter(None, args.peers.split(",")), args)]
    rounds = rounds_of(programs, args.rounds, args.repeat)
    print(f"\n{machine(args.device)}; {args.model}, {args.what}, {args.size} x {args.size}, batch {args.batch}; "
          f"median of {args.rounds} rounds\n")
    print("| program | version | seconds | " + " | ".join(f"over {each.name}" for each in ours) + " |\n" + "|---" * (3 + len(ours)) + "|")
    for program in programs:
        ratios = [times_as_fast(rounds, each.name, program.name) for each in ours]
        print(f"| {program.name} | {program.version} | {statistics.median(r[program.name] for r in rounds):.3g} | "
              + " | ".join(f"{x:.2f}" for x in ratios) + " |")
    for program in programs: program.end()


if __name__ == "__main__":
    main()
