"""Writes tests/fixtures/sde-samplers.json: where k-diffusion (0.1.1) ends with noise that is given.

The model sees x / sqrt(sigma^2 + 1) = v and estimates the clean sample as .8 tanh(v). Noise comes in the order in which
it is drawn. DPM++ SDE asks for the noise of the first half of a step and of the whole: one Brownian path over sigma.
"""
import importlib.util
import json
import pathlib
import sys
import types

import torch

# The package's other modules need libraries that its samplers do not.
package = importlib.util.find_spec("k_diffusion").submodule_search_locations[0]
sys.modules["k_diffusion"] = types.ModuleType("k_diffusion")
sys.modules["k_diffusion"].__path__ = [package]
sys.modules["k_diffusion.utils"] = types.ModuleType("k_diffusion.utils")
sys.modules["k_diffusion.utils"].append_dims = lambda x, _: x
sys.modules["k_diffusion"].utils = sys.modules["k_diffusion.utils"]
from k_diffusion import sampling  # noqa: E402

STEPS = 9
betas = torch.linspace(.00085 ** .5, .012 ** .5, 1000, dtype=torch.float64) ** 2
alphas = torch.cumprod(1 - betas, 0)
table = ((1 - alphas) / alphas).sqrt()
sigmas = sampling.get_sigmas_karras(STEPS, float(table[0]), float(table[-1])).double()
random = torch.Generator().manual_seed(11)
start = torch.randn(4, generator=random).double()
noise = torch.randn(2 * STEPS, 4, generator=random).double()


def model(x, sigma, **_):
    return .8 * torch.tanh(x / (sigma ** 2 + 1).sqrt())


class Path:
    """The noise of a part of a step, out of independent noise of its halves."""

    def __init__(self):
        self.left, self.first = iter(noise), None

    def __call__(self, sigma, to):
        if self.first is None:
            self.sigma, self.middle, self.first = sigma, to, next(self.left)
            return self.first
        part = (sigma - self.middle) / (sigma - to)
        whole, self.first = part.sqrt() * self.first + (1 - part).sqrt() * next(self.left), None
        return whole


drawn = iter(noise)
ends = {
    "dpmpp-sde": sampling.sample_dpmpp_sde(model, start * sigmas[0], sigmas, noise_sampler=Path(), disable=True),
    "dpmpp-3m-sde": sampling.sample_dpmpp_3m_sde(model, start * sigmas[0], sigmas, disable=True,
                                                 noise_sampler=lambda *_: next(drawn)),
}
out = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "sde-samplers.json"
out.write_text(json.dumps({"sigmas": sigmas.tolist(), "start": start.tolist(), "noise": noise.tolist(),
                           "ends": {name: end.tolist() for name, end in ends.items()}}, indent=1) + "\n")
