"""Structural similarity (Wang et al. 2004): 11 x 11 Gaussian windows of deviation 1.5, K = (0.01, 0.03), RGB range 1.

For each window the means, variances and covariance of both pictures, weighted by the Gaussian, give (2 mx my + c1)(2
cxy + c2) / ((mx^2 + my^2 + c1)(vx + vy + c2)). Only whole windows count, so the map is 10 pixels smaller.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

WINDOW_PX, SIGMA_PX = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


def _blur(pictures: Tensor) -> Tensor:
    """Gaussian means `[N, h, w]` over whole windows of `[N, H, W]`, one axis after the other."""
    offset = torch.arange(WINDOW_PX, dtype=pictures.dtype, device=pictures.device) - WINDOW_PX // 2
    kernel = torch.exp(-0.5 * (offset / SIGMA_PX) ** 2)
    count = len(pictures)
    kernel = (kernel / kernel.sum()).expand(count, 1, 1, WINDOW_PX)
    # As channels of one picture, each with its own kernel: on a CPU about twenty times as fast as as a batch of one
    # channel.
    rows = conv2d(pictures[None], kernel, groups=count)
    return conv2d(rows, kernel.transpose(-1, -2), groups=count)[0]


def ssim_map(first: Tensor, second: Tensor) -> Tensor:
    """The similarity -1 to 1 around each pixel, `[..., C, H - 10, W - 10]`, of pictures `[..., C, H, W]` 0-1."""
    x, y = first.reshape(-1, *first.shape[-2:]), second.reshape(-1, *second.shape[-2:])
    mean_x, mean_y, squares, product = _blur(torch.cat((x, y, x * x + y * y, x * y))).chunk(4)
    mean_product, mean_squares = mean_x * mean_y, mean_x**2 + mean_y**2
    luminance = (2 * mean_product + C1) / (mean_squares + C1)
    structure = (2 * (product - mean_product) + C2) / (squares - mean_squares + C2)
    return (luminance * structure).reshape(*first.shape[:-2], *mean_x.shape[-2:])


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """The mean similarity `[...]` of pictures `[..., C, H, W]`, RGB 0-1, at least 11 x 11."""
    return ssim_map(first, second).mean(dim=(-3, -2, -1))


def ssim_loss(made: Tensor, real: Tensor) -> Tensor:
    """1 minus the mean similarity of all pictures."""
    return 1 - ssim_map(made, real).mean()
