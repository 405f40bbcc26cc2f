"""Folders of source to make an FLCC tree of, and what the reader finds in the tree."""

from preprocessing.flcc import FlccSource

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated\n"
MIT += "documentation files. The above copyright notice and this permission notice shall be included in all copies.\n"


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def contents(root):
    """{"owner/name": {path: text}} and {"owner/name": licence} of a tree."""
    files, licenses = {}, {}
    for unit in FlccSource(root).units():
        for file in unit.read(max_bytes=1 << 20):
            assert file.notes == ()
            files.setdefault(file.repository, {})[file.path] = file.data.decode()
            licenses[file.repository] = file.license
    return files, licenses
