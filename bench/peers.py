#!/usr/bin/env python3
"""Sumi beside other programs on this machine: seconds per UNet step, alternating in one run, same random weights.

    bench/peers.py                                  # all peers, Stable Diffusion 1.5 at 512 x 512 with guidance
    bench/peers.py --peers diffusers-f32,openvino-f32 --rounds 5 --sumi "f32" --sumi "bf16"

Makes an environment of its own (--env, default build/peers-env) and installs the peers there from PyPI. `sumi bench --write`
gives them the weights. Each peer is one process that keeps its model loaded and answers "step" with the seconds of each
repeat; rounds go through all programs in turn, so that drift of the machine meets all of them alike. The ratio of a row is the
median over the rounds of (peer's median / Sumi's median in that round). All models are in memory at once: 4 to 8 GB a peer in float32.
"""
import argparse, json, os, pathlib, platform, statistics, subprocess, sys, time, types

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = ["torch", "diffusers==0.35.*", "transformers==4.57.*", "safetensors", "openvino", "onnxruntime", "onnx", "onnxscript"]
PEERS = ["diffusers-f32", "diffusers-bf16", "compiled-f32", "compiled-bf16", "openvino-f32", "openvino-bf16", "onnxruntime-f32"]


# ---------------------------------------------------------------- a peer: loads its model, then answers on standard input

def inputs(torch, config, size, batch, dtype):
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(batch, config.in_channels, size // 8, size // 8, generator=generator).to(dtype)
    prompt = torch.randn(batch, 77, config.cross_attention_dim, generator=generator).to(dtype)
    return latents, torch.tensor([500] * batch), prompt


def load_unet(torch, folder, dtype):
    from diffusers import UNet2DConditionModel
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=dtype).eval()
    return unet.to(memory_format=torch.channels_last)


def step_of_diffusers(kind, folder, size, batch):
    import diffusers, torch
    dtype = torch.bfloat16 if kind.endswith("bf16") else torch.float32
    unet = load_unet(torch, folder, dtype)
    latents, timestep, prompt = inputs(torch, unet.config, size, batch, dtype)
    latents = latents.contiguous(memory_format=torch.channels_last)
    run = torch.compile(unet) if kind.startswith("compiled") else unet
    def step():
        with torch.inference_mode(): run(latents, timestep, prompt)
    return step, f"diffusers {diffusers.__version__}, torch {torch.__version__}"


def export_openvino(unet, given, file):
    import openvino as ov
    latents, timestep, prompt = given
    model = ov.convert_model(unet, example_input={"sample": latents, "timestep": timestep, "encoder_hidden_states": prompt})
    model.reshape({i: list(each.shape) for i, each in enumerate(given)})
    ov.save_model(model, file, compress_to_fp16=False)


def export_onnxruntime(unet, given, file):
    import torch
    torch.onnx.export(unet, given, str(file), input_names=["sample", "timestep", "prompt"], output_names=["out"],
                      external_data=True, dynamo=True, optimize=True)


def program_of(kind): return kind.split("-")[0]


EXPORTS = {"openvino": (export_openvino, "unet.xml"), "onnxruntime": (export_onnxruntime, "unet.onnx")}


def exported(kind, folder, size, batch):
    return pathlib.Path(folder) / f"peer-{program_of(kind)}-{size}-{batch}" / EXPORTS[program_of(kind)][1]


def export(kind, folder, size, batch):
    """In a process of its own, for it takes several times the memory of a step."""
    import torch
    file = exported(kind, folder, size, batch)
    unet = load_unet(torch, folder, torch.float32)
    file.parent.mkdir(exist_ok=True)
    with torch.no_grad(): EXPORTS[program_of(kind)][0](unet, inputs(torch, unet.config, size, batch, torch.float32), file)


def config_of(folder):
    return types.SimpleNamespace(**{"in_channels": 4, **json.loads((pathlib.Path(folder) / "unet/config.json").read_text())})


def step_of_openvino(kind, folder, size, batch):
    import openvino as ov, torch
    precision = "bf16" if kind.endswith("bf16") else "f32"
    compiled = ov.Core().compile_model(exported(kind, folder, size, batch), "CPU",
                                       {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    feed = dict(enumerate(each.numpy() for each in inputs(torch, config_of(folder), size, batch, torch.float32)))
    return (lambda: request.infer(feed)), f"openvino {ov.__version__}"


def step_of_onnxruntime(kind, folder, size, batch):
    import onnxruntime, torch
    session = onnxruntime.InferenceSession(str(exported(kind, folder, size, batch)), providers=["CPUExecutionProvider"])
    latents, timestep, prompt = inputs(torch, config_of(folder), size, batch, torch.float32)
    feed = {"sample": latents.numpy(), "timestep": timestep.numpy(), "prompt": prompt.numpy()}
    return (lambda: session.run(None, feed)), f"onnxruntime {onnxruntime.__version__}"


def serve(kind, folder, size, batch):
    answers, sys.stdout = sys.stdout, sys.stderr  # exporters print
    makers = {"openvino": step_of_openvino, "onnxruntime": step_of_onnxruntime}
    step, version = makers.get(program_of(kind), step_of_diffusers)(kind, folder, size, batch)
    step()  # compiles, packs, warms caches
    print(json.dumps({"ready": version}), file=answers, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begin = time.perf_counter(); step(); seconds.append(time.perf_counter() - begin)
        print(json.dumps(seconds), file=answers, flush=True)


# ---------------------------------------------------------------- the comparison

class Peer:
    def __init__(self, python, name, args, folder):
        self.name, self.log = name, args.env / f"{name}.log"
        command = [python, __file__, "--folder", str(folder), "--size", str(args.size), "--batch", str(args.batch)]
        log = open(self.log, "w")
        if program_of(name) in EXPORTS and not exported(name, folder, args.size, args.batch).exists():
            subprocess.run([*command, "--export", name], stdout=log, stderr=log)
        self.process = subprocess.Popen([*command, "--serve", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.version = self.answer()["ready"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line: raise RuntimeError(f"it ended; its log is {self.log}")
        return json.loads(line)

    def steps(self, repeat):
        self.process.stdin.write(f"{repeat}\n"); self.process.stdin.flush()
        return self.answer()


class Sumi:
    def __init__(self, dtype, args):
        self.name, self.args, self.dtype = f"sumi-{dtype}", args, dtype
        self.version = subprocess.check_output([args.sumi_program, "--version"], text=True).strip()

    def steps(self, repeat):
        out = subprocess.check_output(
            [self.args.sumi_program, "bench", "--model", self.args.model, "--what", "unet", "--size", str(self.args.size), "--batch",
             str(self.args.batch // 2), "--dtype", self.dtype, "--warmup", "1", "--repeat", str(repeat), "--csv", "", "--json"], text=True)
        return [json.loads(out.splitlines()[-1])["seconds_per_step"]]


def environment(env):
    python = env / "bin" / "python"
    if not python.exists():
        print(f"installing the peers into {env}", flush=True)
        subprocess.check_call([sys.executable, "-m", "venv", str(env)])
        subprocess.check_call([str(python), "-m", "pip", "install", "-q", *PACKAGES])
    return str(python)


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"): return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default="synthetic:sd15"); p.add_argument("--size", type=int, default=512)
    p.add_argument("--batch", type=int, default=2, help="rows of the UNet's batch: both halves of guidance")
    p.add_argument("--peers", default=",".join(PEERS)); p.add_argument("--sumi", action="append", metavar="DTYPE", help="default: f32 and bf16")
    p.add_argument("--rounds", type=int, default=3); p.add_argument("--repeat", type=int, default=2)
    p.add_argument("--env", type=pathlib.Path, default=ROOT / "build/peers-env")
    p.add_argument("--sumi-program", default=str(ROOT / "build/release/apps/cli/sumi"))
    p.add_argument("--serve", help=argparse.SUPPRESS); p.add_argument("--export", help=argparse.SUPPRESS); p.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.export: return export(args.export, args.folder, args.size, args.batch)
    if args.serve: return serve(args.serve, args.folder, args.size, args.batch)

    python = environment(args.env)
    folder = args.env / args.model.replace(":", "-")
    if not folder.exists(): subprocess.check_call([args.sumi_program, "bench", "--model", args.model, "--write", str(folder)])
    programs = [Sumi(dtype, args) for dtype in args.sumi or ["f32", "bf16"]]
    for name in filter(None, args.peers.split(",")):
        try: programs.append(Peer(python, name, args, folder)); print(f"{name}: {programs[-1].version}", flush=True)
        except (RuntimeError, OSError) as why: print(f"{name}: left out: {why}", flush=True)

    rounds = []
    for i in range(args.rounds):
        rounds.append({program.name: statistics.median(program.steps(args.repeat)) for program in programs})
        print(f"round {i + 1}: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in rounds[-1].items()), flush=True)

    ours = [program.name for program in programs if isinstance(program, Sumi)]
    print(f"\n{processor()}, {os.cpu_count()} cores; {args.model}, {args.size} x {args.size}, batch {args.batch}; median of {args.rounds} rounds\n")
    print("| program | version | s per step | " + " | ".join(f"over {name}" for name in ours) + " |\n" + "|---" * (3 + len(ours)) + "|")
    for program in programs:
        ratios = [statistics.median(r[program.name] / r[name] for r in rounds) for name in ours]
        print(f"| {program.name} | {program.version} | {statistics.median(r[program.name] for r in rounds):.2f} | " + " | ".join(f"{x:.2f}" for x in ratios) + " |")


if __name__ == "__main__":
    main()
