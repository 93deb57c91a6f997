"""The command line: quick, honest about errors, readable by programs."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import configs
import talking_head
from foundation.errors import InputError
from talking_head.cli import app
from talking_head.cli.common import INTERRUPTED, HomeOption, Outcome, readable_duration, verb
from talking_head.provenance.label import stamp, tags
from talking_head.target.settings import duration_s

ROOT = Path(__file__).resolve().parents[2]
runner = CliRunner()


def test_help_loads_nothing_that_takes_time() -> None:
    code = "import sys; sys.argv = ['talking-head', '--help']\nfrom talking_head.cli import main\n"
    code += "try: main()\nexcept SystemExit: print({'torch', 'cv2', 'numpy', 'scipy', 'av'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "enroll" in run.stdout and "synth" in run.stdout and run.stdout.strip().endswith("set()")


def test_import_is_quick_and_offers_the_verbs() -> None:
    code = "import sys, talking_head as t; assert 'torch' not in sys.modules; t.targets; assert 'enroll' in dir(t)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_verb_can_be_called_from_python() -> None:
    assert {"train", "prepare", "evaluate", "compare", "transfer", "live", "enroll"} <= set(talking_head.__all__)
    for _ in range(2):  # a package of the same name, once imported, must not take a verb's place
        assert all(callable(getattr(talking_head, name)) for name in talking_head.__all__)
    with pytest.raises(InputError, match="address 'nowhere'|no host|HOST:PORT"):
        talking_head.live("none.wav", "nowhere")


def test_synthesis_imports_nothing_that_it_does_not_need() -> None:
    # Not numba, which makes the planes of every frame that is written, nor SciPy, which numba looks for.
    slow = {"mediapipe", "soundfile", "c2pa", "cryptography", "matplotlib", "pandas", "torchvision"}
    code = "import sys, numpy, talking_head.synth.film, facial_gan.synthesis, face_model.tracks, preprocessing.speech\n"
    code += "heard = preprocessing.speech.speech_encoder(facial_gan.synthesis.FacialGan.default_speech)\n"
    code += "heard(face_model.tracks.Sound(numpy.zeros(8000, numpy.float32)))\n"
    code += f"print({slow} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_the_studio_starts_without_what_only_its_jobs_need() -> None:
    code = "import sys, talking_head.studio.app; print({'torch', 'mediapipe', 'transformers'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_loading_does_not_look_for_garbage(tmp_path: Path) -> None:
    code = f"""
import gc, sys
looked = []
gc.callbacks.append(lambda phase, about: looked.append(about["generation"]) if phase == "stop" else None)
sys.argv = ["talking-head", "synth", "{tmp_path}/none.wav", "--target", "astronaut", "-o", "{tmp_path}/o.mp4"]
from talking_head.cli import main
try:
    main()
except SystemExit as error:
    print(error.code, "torch" in sys.modules, gc.isenabled(), len(looked) < 150, gc.get_freeze_count() > 200_000)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["2", "True", "True", "True", "True"]


@pytest.mark.parametrize(
    ("before", "after"),
    [({}, ["PASSIVE", "1"]), ({"OMP_WAIT_POLICY": "ACTIVE", "OPENBLAS_NUM_THREADS": "2"}, ["ACTIVE", "2"])],
)
def test_waiting_threads_leave_the_cores_to_others(before: dict[str, str], after: list[str]) -> None:
    threads = "OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS"
    code = "import os, sys; sys.argv = ['talking-head', '--version']\nfrom talking_head.cli import main\n"
    code += f"try: main()\nexcept SystemExit: print(*(os.environ[name] for name in {threads}))"
    environment = {name: value for name, value in os.environ.items() if name not in threads} | before
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1].split() == after


def test_a_checkout_knows_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(talking_head, "version", absent)
    assert f'\nversion = "{talking_head._version()}"\n' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("project", [None, '[project]\nname = "theirs"\nversion = "7.0"\n', "[project]\n"])
def test_a_copy_of_the_folders_works_without_a_version(tmp_path: Path, project: str | None) -> None:
    for room in ("talking_head", "foundation", "configs", "checkpoints"):
        (tmp_path / room).mkdir()
        for path in (ROOT / room).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    if project is not None:
        (tmp_path / "pyproject.toml").write_text(project)
    code = "import importlib.metadata as m, sys\ndef absent(name): raise m.PackageNotFoundError(name)\n"
    code += "m.version = absent\nsys.argv = ['talking-head', '--version']\nfrom talking_head.cli import main; main()"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "talking-head 0+unknown\n"), run.stderr


@pytest.mark.parametrize("name", ["enroll", "synth", "track", "train", "targets", "doctor", "verify"])
def test_every_verb_explains_itself(name: str) -> None:
    result = runner.invoke(app, [name, "--help"])
    assert result.exit_code == 0 and "Usage" in result.output


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("synth", "missing argument 'AUDIO'; see talking-head synth --help"),
        ("synth a.wav --targt ana", "no such option: --targt (Possible options: --target); see talking-head synth"),
        ("synth a.wav --target", "option '--target' requires an argument; see talking-head"),
        ("enroll a.mp4 --id ana", "missing option '--consent'; see talking-head enroll --help"),
        ("live a.wav --to x --fps ten", "invalid value for '--fps'"),
        ("demmo", "no such command 'demmo'; did you mean 'demo'; see talking-head --help"),
        ("targets rem x", "no such command 'rem'; did you mean 'remove'; see talking-head targets --help"),
    ],
)
def test_mistakes_in_a_commands_words_are_told_in_one_line(words: str, line: str) -> None:
    result = runner.invoke(app, words.split(), prog_name="talking-head")
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"error: {line}") and result.stderr.count("\n") == 1


def test_train_names_the_configurations_that_ship() -> None:
    shown = runner.invoke(app, ["train", "--help"]).output
    assert configs.names() and all(name in shown for name in configs.names())


def commands(group: Any) -> Iterator[Any]:
    for command in group.commands.values():
        yield from commands(command) if hasattr(command, "commands") else [command]


def test_an_option_has_one_meaning_in_all_verbs() -> None:
    for command in commands(typer.main.get_command(app)):
        for option in command.params:
            assert "--json" not in option.opts or option.is_flag, command.name
            # The name of a motion model, never a file.
            assert "--motion" not in option.opts or "karras2017" in option.help, command.name


def test_no_words_show_the_help() -> None:
    for words in ([], ["targets"]):
        result = runner.invoke(app, words, prog_name="talking-head")
        assert result.output.count("Usage") == 1 and "error" not in result.output


def run_verb(error: BaseException | None, as_json: bool = False) -> tuple[int, str, str]:
    @verb
    def act(as_json: bool = False) -> Outcome:
        if error is not None:
            raise error
        return Outcome("made out.mp4", {"output": "out.mp4"})

    single = typer.Typer(pretty_exceptions_enable=False)
    single.command()(act)
    result = runner.invoke(single, ["--as-json"] if as_json else [])
    return result.exit_code, result.stdout, result.stderr


def test_a_result_is_told_with_its_time_or_as_json() -> None:
    code, out, _ = run_verb(None)
    assert code == 0 and out.startswith("made out.mp4 (0.0 s)")
    code, out, _ = run_verb(None, as_json=True)
    assert code == 0 and json.loads(out)["output"] == "out.mp4" and json.loads(out)["seconds"] >= 0


FULL = OSError(errno.ENOSPC, "No space left on device")
WRAPPED = RuntimeError("SafetensorError: I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("a cat", "a person", "film\na person"), 2, "a cat; expected a person; film a person"),
        (PermissionError(errno.EACCES, "Permission denied", "/x.mp4"), 2, "/x.mp4: Permission denied"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 2, "File name too long"),
        (FULL, 2, "no space left"), (WRAPPED, 2, "no space left"), (KeyboardInterrupt(), INTERRUPTED, "same command"),
    ],
)
def test_errors_are_one_line_without_a_traceback(error: BaseException, code: int, words: str) -> None:
    got, out, err = run_verb(error)
    assert got == code and out == "" and words in err
    assert len(err.strip().splitlines()) == 1 and "Traceback" not in err


def test_our_own_mistakes_are_not_hidden() -> None:
    assert run_verb(ZeroDivisionError())[0] == 1


DURATIONS = [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("0.5m", 30), (" 2h ", 7200)]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "20", "0s", "-5m", "soon", "5 m s"])
def test_unclear_durations_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--budget '.*'; expected .* 20m"):
        duration_s(text, "--budget")
    result = runner.invoke(app, ["live", "a.wav", "--to", "127.0.0.1:9", f"--for={text}"])
    assert result.exit_code == 2 and result.stderr.startswith(f"error: --for '{text}'; expected a time such as 90s")
    assert "budget" not in result.stderr


def test_durations_read_well() -> None:
    assert [readable_duration(s) for s in (0.4, 75, 725, 7380)] == ["0.4 s", "75 s", "12 min 5 s", "2 h 3 min"]


def test_doctor_says_which_named_files_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flame.pkl").touch()
    monkeypatch.setenv("TALKING_HEAD_BFM", "/no")
    monkeypatch.setenv("TALKING_HEAD_FLAME", str(tmp_path / "flame.pkl"))
    result = runner.invoke(app, ["doctor", "--json", "--home", str(tmp_path)])
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 1
    assert checks["TALKING_HEAD_BFM"]["state"] == "missing" and "/no" in checks["TALKING_HEAD_BFM"]["found"]
    assert "unset TALKING_HEAD_BFM" in checks["TALKING_HEAD_BFM"]["remedy"]
    assert checks["TALKING_HEAD_FLAME"]["state"] == "works"
    monkeypatch.delenv("TALKING_HEAD_BFM")
    assert "TALKING_HEAD_BFM" not in runner.invoke(app, ["doctor", "--json", "--home", str(tmp_path)]).stdout


def test_doctor_offers_only_extras_that_the_rooms_import() -> None:
    from talking_head.doctor.machine import EXTRAS

    offered = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1].split("\n[")[0]
    code = "\n".join(path.read_text() for room in ("preprocessing", "render2video", "talking_head", "training")
                     for path in (ROOT / room).rglob("*.py") if path.name != "machine.py")  # fmt: skip
    for extra, (module, _) in EXTRAS.items():
        assert f"\n{extra} = [" in offered, extra
        assert re.search(rf"import {module}|from torch.utils.{module}|[\"']{module}[\"'.]", code), extra


def test_doctor_tells_a_microphone_whose_system_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from talking_head.doctor.machine import State, _microphone

    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert _microphone().state is State.OPTIONAL and "talking-head[live]" in _microphone().remedy
    monkeypatch.setitem(sys.modules, "sounddevice", types.SimpleNamespace(__version__="0.5"))
    assert _microphone().state is State.WORKS


@pytest.mark.skipif(sys.platform == "win32", reason="users without a home are POSIX's")
def test_a_user_without_a_home_is_told_so_and_doctor_still_examines(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def unknown(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "TALKING_HEAD_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    listed = runner.invoke(app, ["targets", "list"])
    assert listed.exit_code == 2 and listed.stderr.count("\n") == 1 and "--home" in listed.stderr
    report = json.loads(runner.invoke(app, ["doctor", "--json"]).stdout)
    home = next(check for check in report["checks"] if check["name"] == "home")
    assert not report["ok"] and home["state"] == "missing" and "TALKING_HEAD_HOME" in home["remedy"]


def test_doctor_speaks_to_programs(tmp_path: Path) -> None:
    result = runner.invoke(app, ["doctor", "--json", "--home", str(tmp_path)])
    report = json.loads(result.stdout)
    names = {check["name"] for check in report["checks"]}
    assert {"Python", "torch", "face landmarker model", "home", "signed provenance"} <= names
    missing = [check for check in report["checks"] if check["state"] == "missing"]
    assert report["ok"] == (not missing) == (result.exit_code == 0)
    assert all(check["remedy"] for check in missing), "everything missing has its remedy"


def test_the_label_changes_one_corner_and_is_readable() -> None:
    for shape in ((450, 450), (1080, 1920), (256, 256), (20, 20)):
        for level in (0, 128, 255):
            frame = np.full((*shape, 3), level, np.uint8)
            changed = (stamp(frame) != frame).any(-1)
            assert frame.max() == level, "the frame itself is left alone"
            assert changed.any() and not changed[: shape[0] // 2].any() or shape == (20, 20)
            if shape[0] >= 256:
                marked = stamp(frame)[changed]
                assert int(marked.max()) - int(marked.min()) > 100, "contrast on any ground"
    assert "synthetic" in tags("ana", "1.0")["comment"] and "target=ana" in tags("ana", "1.0")["comment"]


def test_home_moves_the_model_cache_for_the_length_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foundation.places import assets_folder

    monkeypatch.setenv("TALKING_HEAD_HOME", str(tmp_path / "variable"))
    seen = []

    @verb
    def act(home: HomeOption = None) -> Outcome:
        seen.append(assets_folder())
        raise InputError("a cat", "a person")

    single = typer.Typer(pretty_exceptions_enable=False)
    single.command()(act)
    runner.invoke(single, ["--home", str(tmp_path / "option")])
    runner.invoke(single, [])
    assert seen == [tmp_path / "option" / "assets", tmp_path / "variable" / "assets"]
    assert assets_folder() == tmp_path / "variable" / "assets", "as before"


@pytest.mark.parametrize("said", [
    "x.so: failed to map segment from shared object",
    "Generic error in an external library: 'avcodec_open2(\"libx264\", {})'",
])  # fmt: skip
def test_too_little_memory_before_a_verb_is_at_work_is_told(
    said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import talking_head.cli as cli

    def no_memory(**_: object) -> None:
        raise ImportError(said)

    monkeypatch.setattr(cli, "app", no_memory)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2 and capsys.readouterr().err.startswith("error: not enough memory")
