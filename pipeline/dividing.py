"""A result that several hosts make at once, each some of its parts, put together here.

RESULTS/<Stage>/<digest>.incomplete/part-2-of-8/      a part that is here, its log beside it
RESULTS/<Stage>/<digest>.incomplete/                  at the end, the files of all parts
"""

import pathlib
import re
import shutil
import sys
from collections.abc import Callable

from pipeline import many_hosts
from pipeline.plan import Planned

# For each command that runs at once: a quick host makes more parts than a slow one, and a lost host loses less.
_PARTS = 4
_NAME = re.compile(r"part-\d+-of-(\d+)(\.log|\.remote)?")


def run(planned: Planned, *, code: pathlib.Path, say: Callable[[str], None] = lambda line: None) -> many_hosts.Shares:
    """Makes a result's parts on the hosts of its place, and puts their files into its `.incomplete` folder.

    What is there of the same division is not made again. What the commands say is in the result's log, part after part.

    Args:
      planned: of a stage that can be divided.
      code: the root of the git repository whose files are sent.
      say: takes a line about what happens.

    Raises:
      RemoteError: parts failed, or no host is left; it names each.
    """
    folder, hosts = planned.incomplete, planned.place.hosts
    number = min(int(planned.parameters[planned.stage.divided]), _PARTS * sum(host.max_parallel for host in hosts))
    for path in list(folder.glob("part-*")):
        of = _NAME.match(path.name)
        if of and int(of[1]) != number:
            say(f"{path.name} is removed: the result is divided in {number} parts now")
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    names = [f"part-{part}-of-{number}" for part in range(number)]
    *words, _ = planned.words  # the last one is where the result goes
    parts = []
    for part, name in enumerate(names):
        division = [f"--worker={part}", f"--num_workers={number}", f"{planned.stage.output}={folder / name}"]
        command = (sys.executable, *words, *division)
        parts.append(many_hosts.Part(command, planned.inputs, folder / name, folder / f"{name}.log"))
    try:
        shares = many_hosts.run_many(hosts, parts, code=code, say=say)
    finally:
        _log(planned.log, [part.log for part in parts])
    say(", ".join(f"{count} parts by {name}" for name, count in sorted(shares.done.items())))
    for part in parts:
        _take_in(part.output, folder)
    for part in parts:
        shutil.rmtree(part.output)
        part.log.unlink(missing_ok=True)
    return shares


def _take_in(part: pathlib.Path, folder: pathlib.Path) -> None:
    """Files of a part, in the folder of all. They stay in the part, too: all of this may be cut off at any moment."""
    for file in (path for path in part.rglob("*") if path.is_file()):
        target = folder / file.relative_to(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.hardlink_to(file)


def _log(log: pathlib.Path, parts: list[pathlib.Path]) -> None:
    """Writes what all parts said so far."""
    with log.open("wb") as file:
        for path in parts:
            if path.exists():
                file.write(f"{path.stem}\n".encode())
                file.write(path.read_bytes())
