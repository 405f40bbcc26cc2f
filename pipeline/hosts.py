"""Machines that stages can run on: what is said of each in the hosts file, and how OpenSSH reaches it.

Keys only: nothing asks for a password, and none stands on a command line. The key of a host must be known before.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import yaml


@dataclasses.dataclass(frozen=True)
class Host:
    """A machine that stages can run on: Linux, with a POSIX shell, GNU coreutils, setsid and rsync.

    Attributes:
      name: what it is called here, in records and messages.
      address: a name or number, or an alias of ~/.ssh/config.
      user: the account there; "" is what ssh would take.
      port: of its sshd; 0 is what ssh would take.
      key: the file of the private key; "" is what ssh would take.
      known_hosts: the file with its key; "" is the user's own.
      folder: where code, inputs and runs are kept there, absolute or from the home folder.
      python: the interpreter there, with the stage's requirements.
      prefix: the words before the command, as `["srun", "--gres=gpu:1"]`. After a last word `--wrap` the command stands
        as one word. `{log}` in a word becomes the path of the log there, for
        `["sbatch", "--wait", "--output={log}", "--open-mode=append", "--wrap"]`.
      max_parallel: how many parts `many_hosts.run_many` runs there at once.
    """

    name: str
    address: str
    user: str = ""
    port: int = 0
    key: str = ""
    known_hosts: str = ""
    folder: str = "code_t5_runs"
    python: str = "python3"
    prefix: tuple[str, ...] = ()
    max_parallel: int = 1

    def __post_init__(self) -> None:
        for field in ("address", "user"):
            # A word that ssh would read as an option, or that rsync would read as a path.
            if getattr(self, field).startswith("-") or set(getattr(self, field)) & set(" /:@'\""):
                raise ValueError(f"host {self.name}: {field} is {getattr(self, field)!r}, which is no {field}")
        if not self.address or self.max_parallel < 1:
            raise ValueError(f"host {self.name}: it needs an address, and max_parallel of 1 or more")

    @property
    def destination(self) -> str:
        return f"{self.user}@{self.address}" if self.user else self.address

    def ssh_words(self) -> list[str]:
        """The command `ssh` with all its options, without the destination."""
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ConnectTimeout": "15",
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "4",
            "LogLevel": "ERROR",
        }
        if self.known_hosts:
            options["UserKnownHostsFile"] = f'"{pathlib.Path(self.known_hosts).expanduser().absolute()}"'
            options["GlobalKnownHostsFile"] = "none"
        if self.key:
            options["IdentitiesOnly"] = "yes"
        words = ["ssh", "-T", *(f"-o{name}={value}" for name, value in options.items())]
        if self.key:
            words += ["-i", str(pathlib.Path(self.key).expanduser().absolute())]
        return words + (["-p", str(self.port)] if self.port else [])


def read_hosts(path: str | os.PathLike) -> dict[str, Host]:
    """Reads the mapping `hosts:` of a YAML file, from names to what `Host` has.

    Example: `hosts: {gpu1: {address: 10.0.0.5, user: ann, prefix: [srun, "--gres=gpu:1"]}}`

    Raises:
      ValueError: no such mapping, a field that is not one of a host's, or of another type.
    """
    found = yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8"))
    hosts = found.get("hosts") if isinstance(found, Mapping) else None
    if not isinstance(hosts, Mapping) or not hosts:
        raise ValueError(f"{path} has no mapping `hosts:` from names to hosts")
    return {str(name): _host(str(name), fields, where=f"{path}: host {name}") for name, fields in hosts.items()}


def _host(name: str, fields: Any, *, where: str) -> Host:
    known = {field.name: field.type for field in dataclasses.fields(Host) if field.name != "name"}
    if not isinstance(fields, Mapping):
        raise ValueError(f"{where} is {fields!r}, not a mapping with an address")
    for key, value in fields.items():
        if key not in known:
            raise ValueError(f"{where} has {key!r}, which is none of {', '.join(known)}")
        wanted = known[key] if isinstance(known[key], type) and known[key] in (str, int) else list
        if not isinstance(value, wanted):
            raise ValueError(f"{where}: {key} is {value!r}, not a {wanted.__name__}")
    if "address" not in fields:
        raise ValueError(f"{where} has no address")
    words = {"prefix": tuple(str(word) for word in fields["prefix"])} if "prefix" in fields else {}
    return Host(**{"name": name, **fields, **words})
