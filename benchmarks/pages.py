"""Pages of the documentation whose tables are made of results.

    python -m benchmarks.pages JSON... [--into docs/speed.md]

Prints the tables of results, a section a file with its command, machine and commit, or puts them into a page, after the
line that says so.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.result_files import Measure, part_table, read_results

MARK = "<!-- Tables from here on are made by `{}`. -->\n"
COMMAND = "python -m benchmarks.pages"


def tables(measured: Sequence[Measure]) -> str:
    """Markdown of every part."""
    return "\n\n".join(part_table(measured, part, {}, "") for part in dict.fromkeys(m.part for m in measured))


def page(
    paths: Sequence[Path], tables: Callable[[list[Measure]], str] = tables, by_file: bool = False
) -> str:
    """Markdown of several results, a section each, named after what was measured on or after its file."""
    sections = []
    for path in paths:
        content, measured = read_results(path)
        machine = content["machine"]
        short = content["commit"][:9] + "+" * content["commit"].endswith("+")
        where = f"{machine.get('cores')} cores of {machine.get('processor', machine['system'])}, no graphics card"
        made = f"`{content['command']}`, commit {short}, {where}."
        sections.append(f"## {path.stem if by_file else content['source']}\n\n{made}\n\n{tables(measured)}\n")
    return "\n".join(sections)


def put_into(text: str, target: Path, command: str) -> None:
    """Replace all of a page after the line that says so."""
    mark = MARK.format(command)
    kept, found, _ = target.read_text(encoding="utf-8").partition(mark)
    if not found:
        raise SystemExit(f"{target} has no line '{mark.strip()}'")
    target.write_text(f"{kept}{mark}\n{text}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", metavar="JSON")
    parser.add_argument("--into", type=Path, metavar="PAGE")
    given = parser.parse_args()
    made = page(given.results, by_file=True)
    print(made) if given.into is None else put_into(made, given.into, COMMAND)


if __name__ == "__main__":
    main()
