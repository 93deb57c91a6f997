"""The container: built where a builder is at hand; elsewhere its steps are run one by one."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "a token for the container"


def steps() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile and what follows them."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(kind, rest) for kind, _, rest in (line.partition(" ") for line in lines)]


def arguments(kind: str) -> str:
    return next(rest for name, rest in reversed(steps()) if name == kind)


def environment() -> dict[str, str]:
    """What the Dockerfile sets for the studio."""
    return dict(part.split("=", 1) for kind, rest in steps() if kind == "ENV" for part in shlex.split(rest))


def has_builder() -> bool:
    info = ["docker", "info"]
    return shutil.which("docker") is not None and subprocess.run(info, capture_output=True).returncode == 0


def test_it_is_slim_and_nobody_s_root() -> None:
    names = [kind for kind, _ in steps()]
    assert arguments("FROM").endswith("-slim") and arguments("USER") != "root"
    assert names.index("USER") < names.index("CMD") and "HEALTHCHECK" in names and "VOLUME" in names
    assert environment()["TALKING_HEAD_HOME"] == json.loads(f'["{arguments("VOLUME")}"]')[0]
    assert environment()["TALKING_HEAD_OFFLINE"] == "1"
    wanted = set(re.findall(r"lib\w+1|libgl\w*\d", arguments("RUN") + " ".join(rest for _, rest in steps())))
    from talking_head.doctor.machine import LINUX_LIBRARIES

    assert set(LINUX_LIBRARIES.values()) <= wanted


def test_compose_keeps_it_on_this_machine() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
    for service in services.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
    plain = services["talking-head"]
    assert plain["read_only"] and plain["cap_drop"] == ["ALL"] and plain["volumes"] == ["data:/data"]
    assert services["talking-head-cuda"]["build"]["args"]["TORCH"].startswith("cu")


@pytest.mark.slow
@pytest.mark.skipif(not has_builder(), reason="no builder of containers here")
def test_it_builds_and_is_healthy() -> None:
    subprocess.run(["docker", "build", "-q", "-t", "talking-head-test", "."], cwd=ROOT, check=True)
    run = ["docker", "run", "-d", "--rm", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/home/studio"]
    run += ["talking-head-test"]
    name = subprocess.run(run, check=True, capture_output=True, text=True).stdout.strip()
    try:
        state = ["docker", "inspect", "-f", "{{.State.Health.Status}}", name]
        for _ in range(120):
            if subprocess.run(state, capture_output=True, text=True).stdout.strip() == "healthy":
                return
            time.sleep(1)
        raise AssertionError("it never was healthy")
    finally:
        subprocess.run(["docker", "kill", name], capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(has_builder(), reason="the container itself is built")
def test_its_steps_run_one_by_one(tmp_path: Path, model_path: Path) -> None:
    """What is installed there is installed here beside; torch and the system's libraries are those of this machine."""
    source, there = tmp_path / "source", tmp_path / "site"
    left_out = (ROOT / ".dockerignore").read_text("utf-8").split()
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*(name.rsplit("/", 1)[-1] for name in left_out)))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*install, str(there), str(source)], check=True, timeout=400)
    shutil.rmtree(source)
    home, models, work = tmp_path / "data", tmp_path / "models", tmp_path / "work"
    for folder in (home, models / "assets", work):
        folder.mkdir(parents=True)
    shutil.copyfile(model_path, models / "assets" / model_path.name)  # fetched there, found here
    paths = {"/data": str(home), "/models": str(models)}
    told = {name: _moved(value, paths) for name, value in environment().items()}
    inside = os.environ | told | {"PYTHONPATH": str(there), "TALKING_HEAD_TOKEN": TOKEN}
    inside["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inside['PATH']}"
    get = next(rest for kind, rest in steps() if kind == "RUN" and "landmarker" in rest)
    found = subprocess.run(["bash", "-c", _moved(get, paths)], cwd=work, env=inside, capture_output=True, text=True)
    assert found.returncode == 0 and found.stdout.strip() == str(models / "assets" / model_path.name), found.stderr
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [part.replace("7860", port) for part in json.loads(arguments("CMD"))]
    command[:1] = [sys.executable, "-m", "talking_head"]
    check = json.loads(re.search(r"CMD (\[.*\])", arguments("HEALTHCHECK"))[1].replace("7860", port))  # type: ignore[index]
    check[:1] = [sys.executable]
    with subprocess.Popen(command, cwd=work, env=inside, stderr=subprocess.PIPE, text=True) as running:
        try:
            healthy = False
            for _ in range(90):
                healthy = healthy or subprocess.run(check, env=inside, capture_output=True, timeout=30).returncode == 0
                time.sleep(0 if healthy else 1)
            assert healthy and running.poll() is None
            from talking_head.client import Studio

            assert Studio(f"http://127.0.0.1:{port}", TOKEN).people()[0]["id"] == "astronaut"
        finally:
            running.terminate()
        assert "Traceback" not in (running.stderr.read() if running.stderr else "")
    assert (home / "studio" / "jobs.sqlite").is_file(), "what is kept is kept in the volume"


def _moved(text: str, paths: dict[str, str]) -> str:
    for old, new in paths.items():
        text = text.replace(old, new)
    return text
