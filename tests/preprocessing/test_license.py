"""The recogniser, on the real opening words of the licences, and on packages that are installed here."""

import email.message
import importlib.metadata
import pathlib

import pytest

from preprocessing.license import (
    is_expression,
    is_license_file,
    license_of_distribution,
    license_of_files,
    license_of_folder,
    license_of_metadata,
    license_of_text,
)

MIT = """The MIT License (MIT)

Copyright (c) 2014 Ann Example

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.
"""
BSD_2 = """Copyright (c) 2010, Ann. All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.
"""
BSD_3 = (
    BSD_2
    + """
* Neither the name of Ann nor the names of its contributors may be used to
  endorse or promote products derived from this software without permission.
"""
)
BSD_4 = BSD_3 + "3. All advertising materials mentioning features of this software must display"
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies."""
TEXTS = {
    "MIT": MIT,
    "MIT-0": MIT.split("subject to")[0],
    "BSD-2-Clause": BSD_2,
    "BSD-3-Clause": BSD_3,
    "BSD-4-Clause": BSD_4,
    "Apache-2.0": "                   Apache License\n              Version 2.0, January 2004\n",
    "ISC": ISC,
    "0BSD": ISC.split(", provided")[0],
    "MPL-2.0": "Mozilla Public License Version 2.0\n==================================\n",
    "GPL-2.0": "GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991\n ... GNU Lesser General Public License version 2",
    "GPL-3.0": "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n ... GNU Affero General Public License",
    "LGPL-2.1": "GNU LESSER GENERAL PUBLIC LICENSE\n   Version 2.1, February 1999\n",
    "LGPL-2.0": "GNU LIBRARY GENERAL PUBLIC LICENSE\n   Version 2, June 1991\n",
    "LGPL-3.0": "GNU LESSER GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n ... of the GNU General Public License",
    "AGPL-3.0": "GNU AFFERO GENERAL PUBLIC LICENSE\n   Version 3, 19 November 2007\n",
    "Python-2.0": "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n ... BEOPEN.COM LICENSE AGREEMENT FOR PYTHON 2.0",
    "PSF-2.0": "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n1. This LICENSE AGREEMENT is between",
    "Unlicense": "This is free and unencumbered software released into the public domain.\n",
    "": "All rights reserved. You may look, but not touch.",
}


@pytest.mark.parametrize("expected", TEXTS)
def test_texts(expected):
    assert license_of_text(TEXTS[expected]) == expected
    assert license_of_text("# " + TEXTS[expected].upper().replace("\n", "\r\n# ")) == expected


def test_a_text_is_the_licence_that_it_begins_with():
    assert license_of_text(BSD_2 + "AS IS " * 200 + BSD_3) == "BSD-2-Clause"
    assert license_of_text(MIT + TEXTS["Apache-2.0"]) == "MIT"
    assert license_of_text("Dual: the Mozilla Public License, v. 2.0, or " + MIT) == "MPL-2.0"


@pytest.mark.parametrize(
    "name, expected",
    [
        ("LICENSE", True),
        ("Licence.txt", True),
        ("LICENSE-MIT", True),
        ("COPYING.LESSER", True),
        ("UNLICENSE", True),
        ("license_of_things.md", True),
        ("license.py", False),
        ("licensing", False),
        ("NOTICE", False),
    ],
)
def test_names_of_licence_files(name, expected):
    assert is_license_file(name) is expected


def put(folder, **texts):
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def test_files_that_agree_are_believed_and_files_that_disagree_are_not(tmp_path):
    put(tmp_path, LICENSE=MIT, COPYING=MIT, README=TEXTS["Apache-2.0"])
    assert license_of_files(tmp_path.iterdir()) == "MIT"
    put(tmp_path, LICENSE_APACHE=TEXTS["Apache-2.0"])
    assert license_of_files(tmp_path.iterdir()) == ""


def test_the_gpl_beside_the_lgpl_is_the_lgpl(tmp_path):
    put(tmp_path, COPYING=TEXTS["GPL-3.0"], COPYING_LESSER=TEXTS["LGPL-3.0"])
    assert license_of_files(tmp_path.iterdir()) == "LGPL-3.0"


def test_a_licence_that_cannot_be_read_is_not_known(tmp_path):
    (tmp_path / "LICENSE").mkdir()
    (tmp_path / "COPYING").symlink_to("nothing")
    assert license_of_files(tmp_path.iterdir()) == ""
    assert license_of_files([*put(tmp_path, LICENCE=b"\xff\xfe" + MIT.encode()).iterdir()]) == "MIT"


@pytest.mark.parametrize(
    "metadata, expected",
    [
        ({"classifiers": ["License :: OSI Approved :: MIT License", "Topic :: X"]}, "MIT"),
        (
            {"classifiers": ["License :: OSI Approved", "License :: OSI Approved :: Apache Software License"]},
            "Apache-2.0",
        ),
        ({"classifiers": ["License :: OSI Approved :: BSD License"]}, ""),
        ({"classifiers": ["License :: OSI Approved :: MIT License", "License :: Public Domain"]}, ""),
        ({"field": "The MIT License"}, "MIT"),
        ({"field": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"field": "New BSD License"}, "BSD-3-Clause"),
        ({"field": MIT}, "MIT"),
        ({"field": "BSD"}, ""),
        ({}, ""),
    ],
)
def test_metadata(metadata, expected):
    assert license_of_metadata(**metadata) == expected


def test_a_distribution_is_asked_for_its_expression_then_its_files_then_the_rest(tmp_path):
    (tmp_path / "LICENSE").write_text(MIT)
    files = [tmp_path / "LICENSE"]
    metadata = email.message.Message()
    metadata["Classifier"] = "License :: OSI Approved :: Apache Software License"
    assert license_of_distribution(metadata, []) == "Apache-2.0"
    assert license_of_distribution(metadata, files) == "MIT"
    metadata["License"] = "MPL-2.0 AND MIT"
    assert license_of_distribution(metadata, files) == "MPL-2.0 AND MIT"
    metadata["License-Expression"] = "Zlib"
    assert license_of_distribution(metadata, files) == "Zlib"


@pytest.mark.parametrize("text, expected", [("MIT", True), ("MIT OR ISC", True), ("MIT License", False), ("", False)])
def test_expressions(text, expected):
    assert is_expression(text) is expected


def test_a_folder_is_asked_for_its_files_then_for_pyproject(tmp_path):
    assert license_of_folder(tmp_path) == ""
    for written, expected in (
        ('[project]\nlicense = "MIT OR ISC"', "MIT OR ISC"),
        ('[project]\nlicense = {text = "BSD 3-Clause"}', "BSD-3-Clause"),
        ('[project]\nlicense = {file = "x"}\nclassifiers = ["License :: OSI Approved :: MIT License"]', "MIT"),
        ("[project", ""),
        ("project = 1", ""),
    ):
        (tmp_path / "pyproject.toml").write_text(written)
        assert license_of_folder(tmp_path) == expected
    (tmp_path / "LICENSE").write_text(TEXTS["Unlicense"])
    assert license_of_folder(tmp_path) == "Unlicense"
    assert license_of_folder(tmp_path / "nothing") == ""


@pytest.mark.parametrize("name, expected", [("numpy", "BSD-3-Clause"), ("pytest", "MIT"), ("absl-py", "Apache-2.0")])
def test_packages_that_are_installed_here(name, expected):
    distribution = importlib.metadata.distribution(name)
    files = [pathlib.Path(distribution.locate_file(file)) for file in distribution.files]
    inside = [file for file in files if file.parent.name.endswith(".dist-info")]
    assert license_of_distribution(distribution.metadata, inside) == expected
