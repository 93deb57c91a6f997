"""Work in processes and on a Ray cluster, some of which are lost on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.errors import InputError
from talking_head.datasets.workers import Failure, Place, _Worker
from tests.talking_head.datasets.work import end_slowly, slow_square, square
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]


def test_one_bad_item_never_stops_the_rest_not_even_by_dying(tmp_path: Path) -> None:
    numbers = [3, -1, 4, -2, -3, 5]
    found = dict(Place(workers=2).run(square, [(str(tmp_path), number) for number in numbers]))
    assert [found[k] for k in (0, 2, 4, 5)] == [9, 16, 9, 25]
    assert found[1] == Failure("ValueError: not this one")
    died = found[3]
    assert isinstance(died, Failure) and "died 2 times (signal 9" in died.reason
    assert len(list(tmp_path.glob("-2-*"))) == len(list(tmp_path.glob("-3-*"))) == 2
    assert len(list(tmp_path.glob("3-*"))) == 1, "what is done is not done again"


def test_one_worker_is_this_process(tmp_path: Path) -> None:
    found = dict(Place().run(square, [(str(tmp_path), 2), (str(tmp_path), -1)]))
    assert found == {0: 4, 1: Failure("ValueError: not this one")}


def test_killed_the_workers_go_too(tmp_path: Path) -> None:
    """Nobody is left at work when the first process is killed."""
    code = (
        "import sys, time\nfrom talking_head.datasets.workers import Place\n"
        "for number, _ in Place(workers=2).run(time.sleep, [0.2] * 4000):\n"
        "    open(sys.argv[1] + '/begun', 'w').close()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=environment)
    until((tmp_path / "begun").exists)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("no /proc to see children in")
    mine = children.read_text().split()
    assert len(mine) >= 2
    process.kill()
    process.wait()
    until(lambda: not any(_is_alive(child) for child in mine))


def test_stopped_while_it_ends_by_itself_a_worker_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "ending"
    worker = _Worker(end_slowly)
    worker.give(0, str(mark))
    assert worker.pipe.recv() == str(mark)
    worker.pipe.close()
    until(mark.exists)
    worker.process.terminate()
    worker.process.join()
    assert capfd.readouterr().err == ""


def _begun(folder: Path, node: str) -> set[int]:
    """What a machine of a cluster has begun."""
    return {int(path.name.split("-")[0]) for path in folder.iterdir() if path.name.endswith(node)}


def _is_alive(process: str) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] not in "ZX"
    except OSError:
        return False


def test_wrong_places_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="0 workers"):
        Place(workers=0).run(square, [("", 1)])
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="without the package ray"):
        list(Place(ray="auto").run(square, [("", 1)]))


def test_a_ray_cluster_that_loses_a_worker_half_way_still_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        nodes = {node.node_id: node for node in (cluster.add_node(num_cpus=1) for _ in range(2))}
        items = [(str(tmp_path), number) for number in range(10)]
        found, lost = {}, ""
        for number, result in Place(ray=cluster.address).run(slow_square, items):
            found[number] = result
            if len(found) == 4:
                assert isinstance(result, tuple)
                lost = result[1]
                until(lambda lost=lost: _begun(tmp_path, lost) - found.keys())  # it is in the middle of its next
                cluster.remove_node(nodes[lost])
        assert not any(isinstance(result, Failure) for result in found.values()), found
        assert {number: result[0] for number, result in found.items()} == {k: k * k for k in range(10)}
        begun = {path.name for path in tmp_path.iterdir()}
        assert any(name.endswith(lost) for name in begun) and len({name.split("-")[1] for name in begun}) == 2
        assert len(begun) > 10, "what the lost worker was at was begun again elsewhere"
    finally:
        ray.shutdown()
        cluster.shutdown()
