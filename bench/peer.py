#!/usr/bin/env python3
"""One other program for bench/peers.py, in a process of its own that keeps its model loaded: it prints a line when it is ready, then
answers each number on standard input with the seconds of so many calls.

    bench/peer.py NAME WHAT FOLDER SIZE BATCH STEPS DEVICE [--export]

WHAT is unet (a step: rows of both halves of guidance), vae (decoding a picture), image (a picture of STEPS steps) or controlled (the same with
the ControlNet beside the model, FOLDER-controlnet). On a GPU "compiled" keeps what it compiled in CUDA graphs, and "autotuned" also tries the
kernels that it generates, which takes minutes."""
import json, pathlib, sys, time, types


def inputs(torch, config, size, batch, dtype):
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(batch, config.in_channels, size // 8, size // 8, generator=generator).to(dtype)
    prompt = torch.randn(batch, 77, config.cross_attention_dim, generator=generator).to(dtype)
    return latents, torch.tensor([500] * batch), prompt


def latents_of_vae(torch, size, dtype):
    return torch.randn(1, 4, size // 8, size // 8, generator=torch.Generator().manual_seed(1)).to(dtype)


def load_unet(torch, folder, dtype):
    from diffusers import UNet2DConditionModel
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=dtype).eval()
    return unet.to(memory_format=torch.channels_last)


def load_vae(torch, folder, dtype):
    from diffusers import AutoencoderKL
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=dtype).eval()
    return vae.to(memory_format=torch.channels_last)


TORCH_TYPES = {"f32": "float32", "tf32": "float32", "bf16": "bfloat16", "f16": "float16"}


MODES = {"compiled": "reduce-overhead", "autotuned": "max-autotune"}


def compiled(torch, kind, device, call):
    mode = MODES.get(program_of(kind))
    return call if not mode else torch.compile(call) if device == "cpu" else torch.compile(call, mode=mode, fullgraph=True)


def pipeline(diffusers, torch, what, folder, size, steps, device, dtype):
    """A call's arguments too."""
    arguments = {"height": size, "width": size, "num_inference_steps": steps, "guidance_scale": 7.5}
    more = {"safety_checker": None, "torch_dtype": dtype}
    if what == "controlled":
        from PIL import Image
        net = diffusers.ControlNetModel.from_pretrained(f"{folder}-controlnet", torch_dtype=dtype).to(memory_format=torch.channels_last)
        pipe = diffusers.StableDiffusionControlNetPipeline.from_pretrained(folder, controlnet=net, **more)
        arguments["image"] = Image.new("RGB", (size, size), "gray")
    else: pipe = diffusers.DiffusionPipeline.from_pretrained(folder, **more)
    pipe.set_progress_bar_config(disable=True)
    pipe.unet.to(memory_format=torch.channels_last); pipe.vae.to(memory_format=torch.channels_last)
    return pipe.to(device), arguments


def call_of_diffusers(kind, what, folder, size, batch, steps, device):
    import diffusers, torch
    dtype = getattr(torch, TORCH_TYPES[kind.split("-")[1]])
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = kind.endswith("tf32")
    torch.backends.cudnn.benchmark = True
    if what in ("image", "controlled"):
        pipe, arguments = pipeline(diffusers, torch, what, folder, size, steps, device, dtype)
        pipe.unet = compiled(torch, kind, device, pipe.unet)
        pipe.vae.decode = compiled(torch, kind, device, pipe.vae.decode)
        if what == "controlled": pipe.controlnet = compiled(torch, kind, device, pipe.controlnet)
        run = lambda: pipe("a red apple, 3d", **arguments)
    elif what == "vae":
        vae, latents = load_vae(torch, folder, dtype).to(device), latents_of_vae(torch, size, dtype).to(device)
        decode = compiled(torch, kind, device, vae.decode)
        run = lambda: decode(latents)
    else:
        unet = load_unet(torch, folder, dtype).to(device)
        latents, timestep, prompt = (each.to(device) for each in inputs(torch, unet.config, size, batch, dtype))
        latents = latents.contiguous(memory_format=torch.channels_last)
        step = compiled(torch, kind, device, unet)
        run = lambda: step(latents, timestep, prompt)
    def call():
        with torch.inference_mode(): run()
        if device != "cpu": torch.cuda.synchronize()
    return call, f"diffusers {diffusers.__version__}, torch {torch.__version__}"


def export_openvino(module, named, file):
    import openvino as ov
    model = ov.convert_model(module, example_input=named if len(named) > 1 else next(iter(named.values())))
    model.reshape({i: list(each.shape) for i, each in enumerate(named.values())})
    ov.save_model(model, file, compress_to_fp16=False)


def export_onnxruntime(module, named, file):
    import torch
    torch.onnx.export(module, tuple(named.values()), str(file), input_names=list(named), output_names=["out"], external_data=True,
                      dynamo=True, optimize=True)


def program_of(kind): return kind.split("-")[0]


EXPORTS = {"openvino": (export_openvino, "xml"), "onnxruntime": (export_onnxruntime, "onnx")}


def exported(kind, what, folder, size, batch):
    program = program_of(kind)
    return pathlib.Path(folder) / f"peer-{program}-{size}-{batch}" / f"{what}.{EXPORTS[program][1]}"


def export(kind, what, folder, size, batch):
    """In a process of its own, for it takes several times the memory of a step."""
    import torch
    file = exported(kind, what, folder, size, batch)
    file.parent.mkdir(exist_ok=True)
    if what == "vae":
        vae = load_vae(torch, folder, torch.float32)
        class Decoder(torch.nn.Module):
            def __init__(self): super().__init__(); self.vae = vae
            def forward(self, latents): return self.vae.decode(latents, return_dict=False)[0]
        module, named = Decoder(), {"latents": latents_of_vae(torch, size, torch.float32)}
    else:
        module = load_unet(torch, folder, torch.float32)
        named = dict(zip(("sample", "timestep", "encoder_hidden_states"), inputs(torch, module.config, size, batch, torch.float32)))
    with torch.no_grad(): EXPORTS[program_of(kind)][0](module, named, file)


def feed_of(what, folder, size, batch):
    import torch
    if what == "vae": return [latents_of_vae(torch, size, torch.float32).numpy()]
    config = types.SimpleNamespace(**{"in_channels": 4, **json.loads((pathlib.Path(folder) / "unet/config.json").read_text())})
    return [each.numpy() for each in inputs(torch, config, size, batch, torch.float32)]


def call_of_openvino(kind, what, folder, size, batch):
    import openvino as ov
    precision = "bf16" if kind.endswith("bf16") else "f32"
    compiled = ov.Core().compile_model(exported(kind, what, folder, size, batch), "CPU",
                                       {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
    request, feed = compiled.create_infer_request(), dict(enumerate(feed_of(what, folder, size, batch)))
    return (lambda: request.infer(feed)), f"openvino {ov.__version__.split('-')[0]}"


def call_of_onnxruntime(kind, what, folder, size, batch):
    import onnxruntime
    session = onnxruntime.InferenceSession(str(exported(kind, what, folder, size, batch)), providers=["CPUExecutionProvider"])
    feed = dict(zip([each.name for each in session.get_inputs()], feed_of(what, folder, size, batch)))
    return (lambda: session.run(None, feed)), f"onnxruntime {onnxruntime.__version__}"


def main():
    kind, what, folder, size, batch, steps, device = *sys.argv[1:4], *map(int, sys.argv[4:7]), sys.argv[7]
    if "--export" in sys.argv: return export(kind, what, folder, size, batch)
    answers, sys.stdout = sys.stdout, sys.stderr  # exporters and pipelines print
    makers = {"openvino": call_of_openvino, "onnxruntime": call_of_onnxruntime}
    if what == "image" and program_of(kind) in makers: sys.exit(f"{kind} has no pipeline of its own here: compare --what unet and vae")
    if program_of(kind) in makers:
        if device != "cpu": sys.exit(f"{kind} runs on the processor alone here")
        call, version = makers[program_of(kind)](kind, what, folder, size, batch)
    else: call, version = call_of_diffusers(kind, what, folder, size, batch, steps, device)
    call()  # compiles, packs, warms caches
    print(json.dumps({"ready": version}), file=answers, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begin = time.perf_counter(); call(); seconds.append(time.perf_counter() - begin)
        print(json.dumps(seconds), file=answers, flush=True)


if __name__ == "__main__":
    main()
