"""The file that names the machines: what is read from it, and what is said of wrong fields."""

import pytest

from pipeline.hosts import Host, read_hosts


def test_hosts_are_read_from_a_file_and_wrong_fields_are_told(tmp_path):
    file = tmp_path / "hosts.yaml"
    file.write_text("hosts: {gpu: {address: 10.0.0.5, prefix: [srun, '--gres=gpu:1'], port: 2222}}")
    assert read_hosts(file) == {"gpu": Host("gpu", "10.0.0.5", port=2222, prefix=("srun", "--gres=gpu:1"))}
    for text, wrong in (
        ("hosts: {gpu: {adress: a}}", "'adress', which is none of address"),
        ("hosts: {gpu: {address: a, port: x}}", "port is 'x', not a int"),
        ("hosts: {gpu: {user: a}}", "has no address"),
        ("hosts: {gpu: {address: -oProxyCommand=x}}", "which is no address"),
        ("gpu: 1", "no mapping `hosts:`"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=wrong):
            read_hosts(file)
