"""Teach the phonetic encoder the 29 symbols of DeepSpeech, to measure whether letters serve FACIAL better than phones.

    python -m scripts.phonetic.letters FOLDER RUN --start WEIGHTS [--steps N] [--head-only]

The last layer is replaced by one of 29 symbols at 50 Hz and the network fine-tuned with the loss of connectionist
temporal classification (Graves et al. 2006) on English of synthesisers, whose text is known. FOLDER gets the speech
(made once, some three minutes of work; a file that is there is kept) and RUN the training: one core, seeded; killed at
any moment, the same call goes on. The weights end up in RUN/letters.safetensors. They do not ship:
`docs/speech_features.md`.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from foundation.errors import InputError
from foundation.files import read_tensors, write_tensors
from preprocessing.speech.phonetic.encoder import PhoneticEncoder, load_network
from preprocessing.speech.phonetic.features import SAMPLE_RATE_HZ, mel_filters, mel_power, normalise
from preprocessing.speech.phonetic.inventory import PHONE_INDEX, PHONES
from preprocessing.speech.phonetic.network import PhoneticNetwork, ResidualBlock
from preprocessing.speech.symbols import BLANK, SYMBOLS, spell
from scripts.phonetic.augment import Chances, bend, disturb, hide, warped_filters
from scripts.phonetic.spoken_text import LONGEST_S, Spoken, load_speech, make_speech
from training import Duration, cosine_decay, train
from training.optimising import numbers, update
from training.schedules import set_learning_rate

SOUNDS = {
    " ": "SIL", "a": "AE AX AA", "b": "B", "c": "K", "d": "D", "e": "EH AX IH", "f": "F", "g": "G", "h": "HH",
    "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N NG", "o": "AA AO OW", "p": "P", "q": "K", "r": "R ER",
    "s": "S Z", "t": "T", "u": "UW UH AH", "v": "V", "w": "W", "x": "S", "y": "IY Y", "z": "Z",
}
"""What a letter is taken for before anything is learned. From random scores the loss finds blanks alone."""
CLEAN_SHARE = 0.4
"""Of the training on clean speech, before the disturbances begin: in noise the loss finds no first alignment."""
WEIGHTS = "letters.safetensors"
HELD_OUT = "festival_ked_diphone"
"""Learned no letters from, to measure with. The phonetic encoder that the training starts from has heard this voice."""
SLOWEST, FASTEST, PAUSE_S = 0.8, 1.22, 0.5
LINE_S = LONGEST_S / SLOWEST + PAUSE_S
BLANK_INDEX = SYMBOLS.index(BLANK)


@dataclass(frozen=True)
class Plan:
    """How long and how fast to learn. rate: of the last layer; the others, which know phones, learn at body_rate."""

    steps: int = 800
    batch: int = 8
    rate: float = 3e-3
    body_rate: float = 5e-4
    decay: float = 0.02
    average: float = 0.99
    head_only: bool = False
    seed: int = 1


def line(said: Sequence[Spoken], samples: int, dice: np.random.Generator) -> tuple[np.ndarray, str]:
    """As many of a voice's sentences as fit: (float `[samples]`, text), each at its own tempo, pauses between them."""
    sound = np.zeros(samples, np.float32)
    texts: list[str] = []
    at = int(dice.uniform(0, PAUSE_S) * SAMPLE_RATE_HZ)
    while True:
        spoken, text = said[int(dice.integers(len(said)))]
        speed = math.exp(dice.uniform(math.log(SLOWEST), math.log(FASTEST)))
        positions = np.arange(int(len(spoken) / speed)) * speed
        if at + len(positions) > samples:
            return sound, " ".join(texts)
        sound[at : at + len(positions)] = np.interp(positions, np.arange(len(spoken)), spoken / 32768.0)
        texts.append(text)
        at += len(positions) + int(dice.uniform(0, 2 * PAUSE_S) * SAMPLE_RATE_HZ)


def targets(texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """(symbol indices of all texts in a row, length of each), as `ctc_loss` takes them."""
    indices = [[SYMBOLS.index(symbol) for symbol in text] for text in texts]
    lengths = torch.tensor([len(one) for one in indices])
    return torch.tensor([index for one in indices for index in one], dtype=torch.long), lengths


def letters_loss(logits: Tensor, texts: Sequence[str]) -> Tensor:
    """Negative log-likelihood a symbol of texts, of logits `[B, T, 29]`."""
    symbols, lengths = targets(texts)
    seen = torch.full((len(texts),), logits.shape[1])
    scores = logits.float().log_softmax(-1).transpose(0, 1)
    return nn.functional.ctc_loss(scores, symbols, seen, lengths, blank=BLANK_INDEX, zero_infinity=True)


def sizes(network: PhoneticNetwork) -> dict[str, object]:
    """What `PhoneticNetwork` needs to be built again as wide and as deep."""
    blocks = [block for block in network.blocks if isinstance(block, ResidualBlock)]
    return {
        "width": network.project.out_features, "dilations": [block.over_time.dilation[0] for block in blocks],
        "kernel": blocks[0].over_time.kernel_size[0], "bottleneck": network.to_bottleneck.out_features,
    }


def with_letters(network: PhoneticNetwork) -> PhoneticNetwork:
    """The network, its last layer replaced by one of 29 symbols that spells each phone as English does most often."""
    phones = network.to_phones
    network.to_phones = nn.Linear(phones.in_features, len(SYMBOLS))
    every = " ".join(PHONES)  # the blank and the apostrophe: never the likeliest, never far from it
    of = [[PHONE_INDEX[phone] for phone in SOUNDS.get(symbol, every).split()] for symbol in SYMBOLS]
    with torch.no_grad():
        for source, goal in ((phones.weight, network.to_phones.weight), (phones.bias, network.to_phones.bias)):
            goal.copy_(torch.stack([source[members].mean(0) for members in of]))
    return network


class LetterTraining:
    """What the loop trains: the network of `with_letters`; its last layer alone if the plan says so."""

    def __init__(self, network: PhoneticNetwork, said: Mapping[str, Sequence[Spoken]], plan: Plan) -> None:
        self.networks, self.plan, self.said = network, plan, said
        self.names = sorted(said)
        seconds = np.array([sum(len(sound) for sound, _ in said[name]) for name in self.names], float)
        self.shares = seconds / seconds.sum()
        head = list(network.to_phones.parameters())
        body = [parameter for name, parameter in network.named_parameters() if not name.startswith("to_phones.")]
        groups = [{"params": head}] + ([] if plan.head_only else [{"params": body, "lr": plan.body_rate}])
        network.requires_grad_(not plan.head_only)
        network.to_phones.requires_grad_(True)
        self.optimizer = AdamW(groups, plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay)
        self.optimizers: Mapping[str, Optimizer] = {"letters": self.optimizer}

    def training_step(self, step: int, progress: float, generator: np.random.Generator) -> dict[str, float]:
        """One batch of lines, disturbed but for the beginning of the training."""
        chosen = generator.choice(self.names, self.plan.batch, p=self.shares)
        lines = [line(self.said[str(name)], round(LINE_S * SAMPLE_RATE_HZ), generator) for name in chosen]
        sound = torch.from_numpy(np.stack([wave for wave, _ in lines]))
        if progress < CLEAN_SHARE:
            log_mel = normalise(mel_power(sound, mel_filters()))
        else:
            power = mel_power(disturb(sound, generator, Chances()), warped_filters(len(sound), generator))
            log_mel = hide(bend(normalise(power), generator), generator)
        log_mel = log_mel[:, : log_mel.shape[1] // 2 * 2]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, _ = self.networks(log_mel)
        loss = letters_loss(logits, [text for _, text in lines])
        set_learning_rate(self.optimizer, cosine_decay(progress, warm_up=0.03))
        update(loss, self.optimizer, self.networks.parameters(), limit=2.0)
        return numbers({"letters": loss})


class LetterEncoder(PhoneticEncoder):
    """16 kHz sound to log-probabilities of the 29 symbols, 50 rows a second, in the shape of DeepSpeech's.

    Raises:
        InputError: no such weights, or not of `scripts.phonetic.letters`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        tensors, facts = read_tensors(path)
        if "sizes" not in facts:
            raise InputError(f"{path}: weights of another kind", "a file of scripts.phonetic.letters")
        self.network = with_letters(PhoneticNetwork(**facts["sizes"]))
        self.network.load_state_dict({name: torch.from_numpy(value).float() for name, value in tensors.items()})
        self.network.eval()
        self.name, self.dimension = "letters", len(SYMBOLS)

    @torch.inference_mode()
    def rows(self, samples: np.ndarray) -> np.ndarray:
        """`[T, 29]`, natural logarithms."""
        return self.network(self._log_mel(samples))[0][0].log_softmax(-1).numpy()


def letter_error_rate(said: str, truth: str) -> float:
    """Fewest insertions, deletions and substitutions that turn one text into the other, a symbol of the truth."""
    row = np.arange(len(said) + 1)
    for count, wanted in enumerate(truth, 1):
        changed = row[:-1] + (np.array(list(said)) != wanted)
        best = np.minimum(changed, row[1:] + 1)
        row = np.concatenate([[count], best])
        # Insertions, from left to right: the least of all that stand before, each a step further.
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return float(row[-1] / len(truth))


def learn(folder: Path, run: Path, start: Path, plan: Plan) -> Path:
    """Learn from the speech in a folder; the same call resumes. Returns the weights' file."""
    torch.set_num_threads(1)
    said = load_speech(folder)
    held_out = said.pop(HELD_OUT, [])
    network, causal = load_network(start)
    if causal:
        raise InputError(f"{start} hears the past alone", "weights that hear both ways")
    torch.manual_seed(plan.seed)
    training = LetterTraining(with_letters(network), said, plan)
    config = asdict(plan) | {"start": zlib.crc32(start.read_bytes())}
    result = train(training, run, Duration(plan.steps), config=config, seed=plan.seed, average_decay=plan.average)
    assert isinstance(result.networks, PhoneticNetwork)
    arrays = {name: value.numpy().astype(np.float16) for name, value in result.networks.state_dict().items()}
    write_tensors(run / WEIGHTS, arrays, {"sizes": sizes(result.networks), "symbols": list(SYMBOLS)})
    encoder = LetterEncoder(run / WEIGHTS)
    rates = [letter_error_rate(spell(encoder.rows(sound / 32768.0)), text) for sound, text in held_out[:40]]
    if rates:
        print(f"letter error rate on {HELD_OUT}, none of whose letters were learned: {100 * np.mean(rates):.0f}%")
    return run / WEIGHTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--start", type=Path, required=True, help="weights of the phonetic encoder")
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--head-only", action="store_true", help="learn the last layer alone")
    options = parser.parse_args()
    make_speech(options.folder)
    learn(options.folder, options.run, options.start, Plan(options.steps, head_only=options.head_only))


if __name__ == "__main__":
    main()
