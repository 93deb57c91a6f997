"""`talking-head forget`: all that is kept of a person, and the films made of them here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foundation.errors import InputError
from talking_head.cli.common import HomeOption, JsonOption, Outcome, readable_size, verb
from talking_head.target.home import Home

FoldersOption = Annotated[
    list[Path],
    typer.Option("--in", help="A folder to look for films in, beside those remembered; again for more.",
                 show_default=False),
]


@verb
def forget(
    target_id: Annotated[str, typer.Argument(metavar="ID", help="Whom to forget.", show_default=False)],
    folders: FoldersOption = [],  # noqa: B006 - typer wants a list
    check: Annotated[bool, typer.Option("--check", help="Only tell what would be deleted.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> Outcome:
    """Delete a person: the target, unfinished work, caches, the studio's jobs, and films made here of them.

    A film is deleted when its signed manifest, or the file beside it, still says that it is of that person. Copies,
    re-encoded or moved, are found with --in where they still say so. What is kept where: docs/storage.md.
    """
    from talking_head.provenance.films import delete, films_of, forget_notes
    from talking_head.target.card import checked_id
    from talking_head.target.removing import kept_of, remove_targets

    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"--in {folder}", "a folder", "give one that there is")
    place = Home.find(home)
    films = list(films_of(checked_id(target_id), place, folders))
    kept = kept_of(target_id, place)
    jobs = _jobs(target_id, place)
    told = [str(path) for path in [*kept, *(film.path for film in films), *jobs]]
    if not told:
        remove_targets([target_id], home)  # tells why not
    if not as_json:
        for line in told:
            print(line)
    data = {"id": target_id, "films": [str(film.path) for film in films], "deleted": [] if check else told}
    if check:
        return Outcome(f"'{target_id}': {len(told)} places, {len(films)} of them films; nothing is deleted yet", data)
    size = remove_targets([target_id], home).bytes if kept else 0
    size += sum(delete(film) for film in films)
    forget_notes(target_id, place)
    if jobs:
        from talking_head.studio.forgetting import forget_jobs

        forget_jobs(target_id, place)
    return Outcome(f"'{target_id}' is forgotten: {len(told)} places, {readable_size(size)}", data | {"bytes": size})


def _jobs(target_id: str, home: Home) -> list[Path]:
    """Folders of the studio's jobs about a person."""
    if not (home.path / "studio" / "jobs.sqlite").is_file():
        return []
    from talking_head.studio.forgetting import jobs_of

    return jobs_of(target_id, home)
