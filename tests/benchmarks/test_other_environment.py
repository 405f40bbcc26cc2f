import re

import pytest

from benchmarks import other_environment
from benchmarks.measure import BenchmarkError


def test_everything_is_pinned_and_no_index_is_named():
    lines = other_environment.REQUIREMENTS.read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", pin) for pin in pins)
    assert {"datatrove==0.10.0", "datasketch==2.0.0", "rensa==0.5.0"} <= set(pins)


def test_an_environment_with_the_same_requirements_is_used(tmp_path):
    (tmp_path / "installed.txt").write_bytes(other_environment.REQUIREMENTS.read_bytes())
    assert other_environment.python_of(tmp_path) == tmp_path / "bin" / "python"


def test_what_pip_cannot_install_is_an_error(tmp_path, monkeypatch):
    wanted = tmp_path / "datatrove.txt"
    wanted.write_text("no-such-thing==1.0\n")
    monkeypatch.setattr(other_environment, "REQUIREMENTS", wanted)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(BenchmarkError, match="(?s)pip could not install datatrove.txt .*no-such-thing"):
        other_environment.python_of(tmp_path / "environment")
    assert not (tmp_path / "environment" / "installed.txt").exists()
