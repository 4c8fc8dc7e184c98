"""Pictures to lines: what the ControlNet is given, and what the style LoRA is to draw."""
import torch
import torch.nn.functional as F

PAPER = (-.8, -.45, .1)  # a blueprint's blue, of values in -1..1


def gradient(pictures: torch.Tensor) -> torch.Tensor:
    """Sobel's, of lightness after a little blur: to the right, and down."""
    grey = F.avg_pool2d(F.pad(pictures.float().mean(1, keepdim=True), (1, 1, 1, 1), "replicate"), 3, 1)
    right = torch.tensor([[-1., 0, 1], [-2, 0, 2], [-1, 0, 1]], device=grey.device)
    return F.conv2d(F.pad(grey, (1, 1, 1, 1), "replicate"), torch.stack([right, right.T])[:, None])


def edges(pictures: torch.Tensor) -> torch.Tensor:
    """White on black, in 0..1 and three channels: of each slope only the steepest pixel, as Canny's."""
    both = gradient(pictures)
    size = both.pow(2).sum(1, keepdim=True).sqrt()
    upright = both[:, :1].abs() >= both[:, 1:].abs()  # a line that runs up and down changes from left to right
    beside = torch.where(upright, F.max_pool2d(size, (1, 3), 1, (0, 1)), F.max_pool2d(size, (3, 1), 1, (1, 0)))
    return ((size >= beside) & (size > .35)).float().repeat(1, 3, 1, 1)


def blueprint(pictures: torch.Tensor) -> torch.Tensor:
    """White outlines on blue, dark parts a shade lighter than the paper."""
    paper = torch.tensor(PAPER, device=pictures.device).view(1, 3, 1, 1)
    ink = gradient(pictures).pow(2).sum(1, keepdim=True).sqrt().clamp(0, 1)
    ink = ink.maximum(.2 * (1 - pictures.mean(1, keepdim=True)) / 2)
    return (paper + ink * (1 - paper)).contiguous(memory_format=torch.channels_last)
