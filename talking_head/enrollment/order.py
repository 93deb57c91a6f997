"""An enrollment as it is wanted: all of it that can be is checked and found out before any work."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from face_model.tracks import same_encoder
from foundation.errors import InputError
from foundation.files import read_tensors, sha256
from foundation.places import writable
from foundation.shipped import shipped
from preprocessing.media import probe
from preprocessing.media.stills import is_still
from preprocessing.portrait import Portrait
from preprocessing.speech import speech_encoder
from preprocessing.tracking.measuring import Choice, check_tracker
from preprocessing.tracking.tracker_registry import DEFAULT
from render2video.losses import load_perceptual
from render2video.rasterizer import array_rasterizer
from talking_head.enrollment.from_photo import photo_in, photo_settings
from talking_head.enrollment.recipe import motion_config, video_config
from talking_head.enrollment.stages import digest
from talking_head.enrollment.tracking import check_teachable
from talking_head.heads.face_models import FaceModel
from talking_head.heads.face_models import described as face_model_described
from talking_head.motion.model_registry import motion_model
from talking_head.motion.people import told_unheard, unheard
from talking_head.motion.weights import Weights, heard_through, starts
from talking_head.target.card import DEFAULT_MODEL, Target, find_own, motion_file, write_card
from talking_head.target.consent import Consent
from talking_head.target.home import Home
from talking_head.target.settings import EnrollSettings, device_name

log = logging.getLogger(__name__)

FORM = 1  # of unfinished work: work of another form is not resumed
_BESIDE = ("device", "motion", "start")  # settings that decide nothing, or are compared by what they name


@dataclass(frozen=True)
class EnrollOrder:
    """What is to be made of whom.

    source: a video or photo. device: cpu or cuda. begun: what each motion model begins from. photo: the person found in
    a photo; None for a video. speech: the encoder that a photo's motion model listens through. origin: for the card.
    heard: the name of the encoder that was asked for, and a photo's always; None for none. chosen: the settings that
    decide the result. key: changes with all that decides it.
    """

    home: Home
    source: Path
    target_id: str
    consent: Consent
    settings: EnrollSettings
    device: str
    begun: dict[str, Weights | None]
    photo: Portrait | None
    speech: str
    heard: str | None
    origin: dict[str, Any]
    chosen: dict[str, Any]
    key: str

    @classmethod
    def checked(
        cls, source: Path, target_id: str, consent: Consent, settings: EnrollSettings, shortest_s: float
    ) -> EnrollOrder:
        """See `enroll`, whose arguments and errors these are. shortest_s: of a video.

        Raises:
            InputError: the home cannot be written, a part that is asked for lacks something, or a source that nobody
                can be learned from.
        """
        home = Home.find()
        writable(home.path)
        device = device_name(settings.device)
        heard, begun = _parts(settings)
        if is_still(source):
            refuse_for_photo(settings)
        photo = photo_in(source)
        if photo is None:
            check_teachable(source, probe(source), shortest_s)
            if unheard(source):
                refuse_unknown_people(source, settings, begun[DEFAULT_MODEL])
                told_unheard(source, settings.motion)
        content = sha256(source)
        if photo is not None:
            begun = {DEFAULT_MODEL: begun[DEFAULT_MODEL]}
            speech = heard_through(DEFAULT_MODEL, settings.speech, begun[DEFAULT_MODEL])
            chosen, heard = photo_settings(speech) | _given(settings, begun), speech_encoder(speech).name
        else:
            # More motion models do not change the rest of a target: they are added to the one that is there.
            speech, chosen = "", {k: v for k, v in asdict(settings).items() if k not in _BESIDE}
        deciding = {"source": content, "settings": chosen | _given(settings, begun), "form": FORM}
        origin = {"video" if photo is None else "photo": source.name, "sha256": content, "weights": described(begun)}
        table = _given(settings, begun).get("table")
        origin |= face_model_described(settings.face_model) | ({"table": table} if table else {})
        return cls(
            home, source, target_id, consent, settings, device, begun, photo, speech, heard, origin, chosen,
            digest(deciding | {"speech": heard}),
        )

    @property
    def work_folder(self) -> Path:
        """Of a video's unfinished enrollment."""
        return self.home.work / f"{self.target_id}-{self.key[:12]}"

    def done(self, replace: bool) -> Target | None:
        """The target, where this very order has already been carried out, by whatever version, but for the consent.

        Raises:
            InputError: there is one of that name, made otherwise or damaged, and it may not be replaced.
        """
        found = present(self.home, self.target_id, replace)
        if found is None:
            return None
        other = self._otherwise(found)
        if not other:
            return found
        if replace:
            return None
        raise InputError(
            f"target '{self.target_id}' exists, made with {', '.join(other)}", "a new id",
            f"give another --id, give --replace, or `talking-head targets remove {self.target_id}`",
        )

    def consented(self, target: Target) -> Target:
        """A target with this order's consent on its card, which is written where it says another."""
        if target.card.consent.same_as(self.consent):
            return target
        log.warning("target '%s' had another consent, of %s; the new one is kept", self.target_id,
                    target.card.consent.date)  # fmt: skip
        write_card(target.folder, replace(target.card, consent=self.consent))
        return Target.read(target.folder)

    def _otherwise(self, target: Target) -> list[str]:
        """What a target was made with that this order would make otherwise, in words."""
        card, found = target.card, []
        if card.key == self.key:
            return []
        if card.origin.get("sha256") != self.origin["sha256"]:
            return ["another video or photo"]
        asked = json.loads(json.dumps(self.chosen))
        usual = asked if self.photo is not None else json.loads(json.dumps(asdict(EnrollSettings())))
        for name, wanted in asked.items():
            had = card.settings.get(name, usual[name])  # one that its version did not know
            by_content = name == "speech" and self.heard is not None and had is not None
            # A photo's limits are kept with the target, and hold for it.
            if had != wanted and not by_content and name not in ("limits", "start"):
                found.append(f"{name} {had} and not {wanted}")
        if self.heard is not None:
            listens = read_tensors(target.folder / motion_file(DEFAULT_MODEL))[1].get("speech_extractor", "")
            if not same_encoder(listens, self.heard):
                found.append(f"speech encoder {listens} and not {self.heard}")
        for name, words in (("face_model", "another head"), ("table", "another table of the tracker's")):
            if name in card.origin and card.origin[name] != self.origin.get(name):
                found.append(words)
        own = _given(self.settings, self.begun).get("start")
        weights = card.origin.get("weights", {}).get(DEFAULT_MODEL) or {}
        if own != (weights.get("sha256") if card.settings.get("start") else None):
            found.append("other weights to begin from")
        return found


def _parts(settings: EnrollSettings) -> tuple[str | None, dict[str, Weights | None]]:
    """The asked encoder's own name, and what each motion model begins from. What any part lacks is told now, not after
    tracking.
    """
    for name in settings.motion:
        motion_model(name)
    face = FaceModel.parse(settings.face_model)
    face.check()
    tracker = Choice.parse(settings.tracker)
    check_tracker(tracker)
    others = [name for name in settings.motion if name != DEFAULT_MODEL]
    if others and face.name != "mp478":
        received = f"--motion {others[0]} in face model '{face.name}'"
        raise InputError(received, "mp478", "leave it out: FACIAL-GAN moves any face model")
    if "arkit" in others and tracker.name != DEFAULT:
        raise InputError(f"--motion arkit with tracker '{tracker.name}'", "mediapipe, which measures ARKit's values")
    heard = None if settings.speech is None else speech_encoder(settings.speech).name
    begun = starts(settings.start, motions_of(settings), settings.speech, face.id)
    for name, start in begun.items():
        heard_through(name, settings.speech, start)
        motion_config(settings, name)
    vgg_path = getattr(video_config(settings), "vgg_path", "")
    if vgg_path:
        load_perceptual(Path(vgg_path))
    array_rasterizer(settings.renderer)
    return heard, begun


def motions_of(settings: EnrollSettings) -> tuple[str, ...]:
    """Names of the motion models to learn."""
    return tuple(dict.fromkeys((DEFAULT_MODEL, *settings.motion)))


def described(begun: dict[str, Weights | None]) -> dict[str, dict[str, str] | None]:
    """What each motion model begins from, for the card; None where it begins anew."""
    return {name: None if start is None else start.described() for name, start in begun.items()}


def _given(settings: EnrollSettings, begun: dict[str, Weights | None]) -> dict[str, Any]:
    """What was asked for, by content: weights (those that ship change with the version), a tracker's table, a head."""
    default = begun[DEFAULT_MODEL] if settings.start else None
    table, face = Choice.parse(settings.tracker).file, face_model_described(settings.face_model)
    if default is not None and default.path.is_relative_to(shipped("")):
        default = None
    return face | ({"start": sha256(default.path)} if default is not None else {}) | (
        {"table": sha256(table)} if table is not None else {}
    )


def refuse_unknown_people(video: Path, settings: EnrollSettings, begun: Weights | None) -> None:
    """Refuse a film that does not teach how its person speaks where nothing tells how people do.

    Raises:
        InputError: in such a face model, without weights to begin from.
    """
    name = FaceModel.parse(settings.face_model).name
    if begun is None and name != FaceModel().name:
        raise InputError(
            f"{video}, whose sound does not surely go with its lips for 5 s, in face model '{name}'",
            "a video of the person speaking", f"give --from a general training in '{name}', or enroll it in mp478",
        )


def refuse_for_photo(settings: EnrollSettings) -> None:
    """Refuse what only a video can be enrolled with.

    Raises:
        InputError: such a thing is asked for.
    """
    if settings.motion:
        received = f"--motion {settings.motion[0]} from a photo"
        raise InputError(received, "a video", "a photo shows nothing that moves")
    for option, chosen, default in (
        ("--tracker", settings.tracker, DEFAULT), ("--face-model", settings.face_model, FaceModel().name)
    ):
        if chosen != default:
            raise InputError(f"{option} {chosen} from a photo", f"a video, or {default}", "leave it out")


def present(home: Home, target_id: str, replace: bool) -> Target | None:
    """The user's own target of that id; a damaged one counts as none when it may be replaced.

    Raises:
        InputError: it is damaged and may not be replaced.
    """
    try:
        return find_own(home, target_id)
    except InputError as error:
        if replace:
            return None
        raise InputError(error.received, error.expected, "give --replace to enroll it again") from error
