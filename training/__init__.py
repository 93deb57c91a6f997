"""One explicit training loop, run folders, checkpoints, resume, averaging. Knows no model.

A model offers a `Trainable`; `train` runs it in a run folder until its `Duration` is over. The same call resumes a run
that was killed, and returns at once when the run is done.
"""

from training.duration import Duration
from training.loop import RunResult, Trainable, train
from training.schedules import cosine_decay, linear_decay_from
from training.validation import Standing, Validation

__all__ = ["Duration", "RunResult", "Standing", "Trainable", "Validation", "cosine_decay", "linear_decay_from", "train"]
