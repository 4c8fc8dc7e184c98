"""The one loop that all parts are trained by: for a time, and from where it was left."""
import math
import pathlib
import time

import torch

from settings import Stage

KEPT_EVERY, TOLD_EVERY = 60, 20  # seconds
WARM_UP = 100  # steps


def fast(module: torch.nn.Module, stage: Stage, device: str):
    """To be called in place of the module."""
    if not (stage.compiled and device == "cuda"):
        return module
    torch._dynamo.config.suppress_errors = True  # what cannot be compiled runs as it is, with a warning
    return torch.compile(module, dynamic=False)


def rate(share: float, step: int) -> float:
    """Of the learning rate: level for half of the time, then down along a cosine."""
    falling = max(0.0, (share - .5) / .5)
    return min(1, (step + 1) / WARM_UP) * (.02 + .98 * .5 * (1 + math.cos(math.pi * min(1, falling))))


def tell(name: str, step: int, seconds: float, limit: float, losses: list, more: dict) -> None:
    told = {"loss": torch.stack(losses).mean(), **more}
    numbers = ", ".join(f"{key} {float(value):.4g}" for key, value in told.items())
    print(f"{name}: step {step}, {seconds:.0f} of {limit:.0f} s, {numbers}", flush=True)
    if not math.isfinite(told["loss"]):
        raise SystemExit(f"{name}: the loss is no number; remove work/{name}.pt and lower the learning rate")


def train(name: str, work: pathlib.Path, stage: Stage, device: str, modules: dict, loss_of) -> None:
    """Trains what wants a gradient in `modules` on `loss_of()`, a loss and what to tell, for the stage's minutes;
    leaves the averages of the values there."""
    kept = work / f"{name}.pt"
    parameters = [p for m in modules.values() for p in m.parameters() if p.requires_grad]
    averages = [p.detach().clone() for p in parameters]
    optimiser = torch.optim.AdamW(parameters, lr=stage.lr, betas=(.9, .99), weight_decay=1e-3, fused=device == "cuda")
    step, spent = 0, 0.0
    if kept.exists():
        state = torch.load(kept, map_location=device)
        with torch.no_grad():
            for pairs in (zip(parameters, state["parameters"]), zip(averages, state["averages"])):
                for to, value in pairs:
                    to.copy_(value)
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["seconds"]
    millions = sum(p.numel() for p in parameters) / 1e6
    print(f"{name}: {millions:.2f} M parameters, {stage.minutes:.1f} minutes", flush=True)

    def keep(seconds: float) -> None:
        partial = kept.with_suffix(".partial")
        torch.save(dict(parameters=[p.detach() for p in parameters], averages=averages,
                        optimiser=optimiser.state_dict(), step=step, seconds=seconds), partial)
        partial.rename(kept)

    limit, begun, losses = stage.minutes * 60, time.time() - spent, []
    kept_at = told_at = spent
    try:
        while (now := time.time() - begun) < limit:
            for group in optimiser.param_groups:
                group["lr"] = stage.lr * rate(now / limit, step)
            with torch.autocast(device, torch.bfloat16):
                loss, told = loss_of()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            step += 1
            torch._foreach_lerp_(averages, [p.detach() for p in parameters], 1 - min(.9995, (1 + step) / (10 + step)))
            losses.append(loss.detach())
            if now - told_at >= TOLD_EVERY:
                tell(name, step, now, limit, losses, told)
                losses, told_at = [], now
            if now - kept_at >= KEPT_EVERY:
                keep(now)
                kept_at = now
    except KeyboardInterrupt:
        keep(now)
        raise SystemExit(f"{name}: kept at {now:.0f} of {limit:.0f} s; the same command goes on from there") from None
    if losses:
        tell(name, step, limit, limit, losses, told)
    keep(limit)
    with torch.no_grad():
        for parameter, average in zip(parameters, averages):
            parameter.copy_(average)
