"""Files of Deng's regressor in their true layout."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import torch

from preprocessing.deng import DengFiles
from tests.face_model.test_deng import front_model
from tests.preprocessing.deng.parts import FIVE_DM, weights_of_true_names


@pytest.fixture(scope="package")
def weights() -> dict[str, torch.Tensor]:
    return weights_of_true_names()


@pytest.fixture(scope="package")
def files(weights: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> DengFiles:
    """A model and weights of the true layout: the published file holds the training's state too."""
    folder = tmp_path_factory.mktemp("deng")
    state = {"state": {0: {"step": 3}}, "param_groups": [{"lr": 1e-4}]}
    content = {"net_recon": weights, "opt_00": state, "sched_00": {"step_size": 10, "_last_lr": [1e-4]}}
    torch.save(content, folder / "epoch_20.pth")
    model = front_model()
    five = np.array([[30], [36, 39], [42, 45], [48], [54]], dtype=object)
    shape = model["meanshape"].reshape(-1, 3)
    for places, point in zip(five, FIVE_DM[[2, 0, 1, 3, 4]], strict=True):
        shape[model["keypoints"][0, places] - 1] = point
    scipy.io.savemat(folder / "BFM_model_front.mat", model)
    return DengFiles(folder / "BFM_model_front.mat", folder / "epoch_20.pth")
