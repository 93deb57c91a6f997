"""The one curve that everything fades along."""

from __future__ import annotations

import numpy as np
import torch

from foundation.easing import smoothstep


def test_it_rises_from_nothing_to_all_and_is_level_at_both_ends() -> None:
    share = np.linspace(0, 1, 1001)
    eased = smoothstep(share)
    assert eased[0] == 0 and eased[-1] == 1 and eased[500] == 0.5
    assert (np.diff(eased) > 0).all()
    slope = np.gradient(eased, share)
    assert max(slope[0], slope[-1]) < 0.01 and np.isclose(slope.max(), 1.5, atol=1e-4)
    np.testing.assert_allclose(eased + eased[::-1], 1, atol=1e-12)


def test_numbers_arrays_and_tensors_keep_their_kind() -> None:
    assert smoothstep(0.25) == 0.15625
    array = np.array([0.25], np.float32)
    assert smoothstep(array).dtype == np.float32 and smoothstep(array)[0] == 0.15625
    assert torch.equal(smoothstep(torch.tensor([0.25])), torch.tensor([0.15625]))
