"""Train the phonetic encoder on the corpus of `make_corpus`.

    python -m scripts.phonetic.train CORPUS RUN [--steps N] [--causal] [--start WEIGHTS]

One core, seeded; killed at any moment, the same call goes on from the last state in RUN. The averaged weights end up in
RUN/phonetic.safetensors.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from foundation.progress import progress
from preprocessing.speech.phonetic.encoder import load_network
from preprocessing.speech.phonetic.features import mel_filters, mel_power, normalise
from preprocessing.speech.phonetic.inventory import PHONES, VISEME_OF_PHONE
from preprocessing.speech.phonetic.network import PhoneticNetwork
from scripts.phonetic.augment import Batches, Chances, bend, hide, warped_filters
from scripts.phonetic.voices import HELD_OUT
from training.optimising import update

Voice = tuple[np.ndarray, np.ndarray]
VISEMES_OF = torch.tensor(VISEME_OF_PHONE)


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn."""

    steps: int = 4000
    batch: int = 24
    seconds: float = 4.0
    rate: float = 2e-3
    warmup: int = 200
    decay: float = 0.02
    average: float = 0.998
    smoothing: float = 0.05
    save_every: int = 50
    seed: int = 1


def load_corpus(folder: Path) -> dict[str, Voice]:
    """Name -> (sound, labels) of every file of the corpus.

    Raises:
        InputError: the folder has none.
    """
    voices = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors, _ = read_tensors(path)
        voices[path.stem] = (tensors["sound"], tensors["labels"])
    if not voices:
        raise InputError(f"no corpus in {folder}", "files of scripts.phonetic.make_corpus", "make it first")
    return voices


def weight(name: str) -> float:
    """How often a voice speaks in training: voices made of recordings more than formants, English well represented."""
    if name.startswith("flite"):
        return 4.0
    if name.startswith("festival"):
        return 1.5
    return 6.0 if name == "espeak_en" else 0.5


def viseme_scores(logits: Tensor) -> Tensor:
    """Log-probabilities of visemes `[..., 13]` from phone logits: the sum over each group's phones."""
    members = nn.functional.one_hot(VISEMES_OF).to(logits)
    return (logits.softmax(-1) @ members).clamp(min=1e-6).log()


def phone_loss(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy over phones plus that over visemes: within a viseme mistakes cost less."""
    known = labels >= 0
    logits, labels = logits[known].float(), labels[known]
    phones = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    return phones + nn.functional.nll_loss(viseme_scores(logits), VISEMES_OF[labels])


class Run:
    """The state of a training: network, its running average, AdamW; saved whole, read back whole."""

    def __init__(self, folder: Path, plan: Plan, causal: bool, start: Path | None = None) -> None:
        self.folder, self.plan, self.causal, self.step = folder, plan, causal, 0
        torch.manual_seed(plan.seed)
        self.network = PhoneticNetwork(causal=causal)
        if start is not None:
            self.network.load_state_dict(load_network(start)[0].state_dict())
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        parameters = self.network.parameters()
        self.optimiser = torch.optim.AdamW(parameters, plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay)
        if (folder / "state.safetensors").is_file():
            self._restore()

    def _restore(self) -> None:
        tensors, facts = read_tensors(self.folder / "state.safetensors")
        part: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "first": {}, "second": {}}
        for path, value in tensors.items():
            group, name = path.split("/", 1)
            part[group][name] = torch.from_numpy(value)
        self.network.load_state_dict(part["network"])
        self.average = part["average"]
        self.step = facts["step"]
        for name, parameter in self.network.named_parameters():
            self.optimiser.state[parameter] = {
                "step": torch.tensor(float(self.step)),
                "exp_avg": part["first"][name], "exp_avg_sq": part["second"][name],
            }

    def save(self) -> None:
        """Write the state and the averaged weights."""
        tensors = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        for name, parameter in self.network.named_parameters():
            state = self.optimiser.state[parameter]
            tensors |= {f"first/{name}": state["exp_avg"], f"second/{name}": state["exp_avg_sq"]}
        facts = {"step": self.step, "causal": self.causal, "phones": list(PHONES), "plan": asdict(self.plan)}
        arrays = {name: value.numpy() for name, value in tensors.items()}
        write_tensors(self.folder / "state.safetensors", arrays, facts)
        shipped = {name: value.numpy().astype(np.float16) for name, value in self.average.items()}
        write_tensors(self.folder / "phonetic.safetensors", shipped, facts)

    def rate(self) -> float:
        """Learning rate: a short rise, then half a cosine to nothing."""
        share = self.step / self.plan.steps
        return self.plan.rate * min((self.step + 1) / self.plan.warmup, 0.5 * (1 + math.cos(math.pi * share)))

    def learn(self, batches: Batches) -> float:
        """One step; the loss."""
        sound, labels, dice = batches(self.step)
        with torch.no_grad():
            power = mel_power(sound, warped_filters(len(sound), dice))
            log_mel = hide(bend(normalise(power, self.causal), dice), dice)[:, : 2 * labels.shape[1]]
        torch.manual_seed(self.step)  # dropout: the same after a resume
        self.network.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, _ = self.network(log_mel)
        loss = phone_loss(logits, labels, self.plan.smoothing)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        update(loss, self.optimiser, self.network.parameters(), limit=2.0)
        keep = min(self.plan.average, (self.step + 1) / (self.step + 10))
        for name, value in self.network.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        self.step += 1
        return float(loss.detach())


def score(
    weights: dict[str, Tensor], voices: dict[str, Voice], causal: bool, seconds: float = 60.0
) -> dict[str, float]:
    """Viseme frame accuracy on the clean start of each voice."""
    network = PhoneticNetwork(causal=causal).eval()
    network.load_state_dict(weights)
    result = {}
    for name, (sound, labels) in voices.items():
        wave = torch.from_numpy(sound[: int(seconds * 16000)].astype(np.float32) / 32768)[None]
        truth = torch.from_numpy(labels[: int(seconds * 200)][::4].astype(np.int64))
        with torch.no_grad():
            logits, _ = network(normalise(mel_power(wave, mel_filters()), causal)[:, : 2 * len(truth)])
        known = truth < len(PHONES)
        guess = viseme_scores(logits[0]).argmax(-1)
        result[name] = float((guess == VISEMES_OF[truth.clamp(max=len(PHONES) - 1)])[known].float().mean())
    return result


def train(corpus: Path, folder: Path, plan: Plan, causal: bool, start: Path | None = None) -> None:
    """Learn until `plan.steps`, saving now and then; `start`: weights to begin with."""
    torch.set_num_threads(1)
    voices = load_corpus(corpus)
    held_out = {name: voices.pop(name) for name in HELD_OUT if name in voices}
    batches = Batches(voices, {name: weight(name) for name in voices}, plan.batch, plan.seconds, Chances(), plan.seed)
    run = Run(folder, plan, causal, start)
    losses: list[float] = []
    with progress("training", plan.steps) as advance:
        while run.step < plan.steps:
            losses = [*losses[-49:], run.learn(batches)]
            if run.step % plan.save_every == 0 or run.step == plan.steps:
                run.save()
            advance(run.step, f"loss {np.mean(losses):.3f}")
    scores = score(run.average, held_out, causal)
    print("viseme accuracy on held-out voices:", {name: round(value, 3) for name, value in scores.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--start", type=Path, help="weights to begin with, of either kind")
    parser.add_argument("--rate", type=float, default=Plan.rate)
    options = parser.parse_args()
    plan = Plan(steps=options.steps, rate=options.rate)
    train(options.corpus, options.run, plan, options.causal, options.start)


if __name__ == "__main__":
    main()
