"""A small dataset for the tests of statistics: all splits, licences, drops, a file of Python 2, an evil name."""

import pathlib

from preprocessing import run
from tests.flcc_tree import write_flcc

EVIL = "eve/<script>alert(1)&$x$"
SYMBOLS = "import os\nimport numpy as np\n\n\ndef f{0}(x):\n    return np.array(os.path.join(x, '{0}'))\n"


def make(folder: pathlib.Path) -> pathlib.Path:
    """Makes the dataset in `folder / "documents"` and returns that path."""
    trees = {f"ann/r{i}": {f"m{j}.py": SYMBOLS.format(f"_{i}_{j}") for j in range(3)} for i in range(12)}
    trees["ann/r1"]["py2.py"] = "import os\nprint os.sep\n"
    trees["ann/r1"]["empty.py"] = "\n"
    trees["ann/r2"]["long.py"] = f"x = '{'a' * 1001}'\n"
    trees["ann/r3"]["copy.py"] = trees["ann/r3"]["m0.py"]
    trees["bob/lib"] = {
        "src/lib/__init__.py": "from lib.part import one\n\none(1)\n",
        "src/lib/part.py": "import lib\nfrom . import other\nimport lib.other\n\nlib.two\r\nlib.two(lib.other.x)",
    }
    trees[EVIL] = {"<b>.py": "import évil\n\névil.one(évil.two)\n"}
    licenses = {"ann/r0": "MIT", "ann/r1": "MIT", "bob/lib": "Apache-2.0", EVIL: "<i>"}
    write_flcc(folder / "flcc", trees, licenses=licenses)
    options = ["--validation_permille", "250", "--test_permille", "250", "--workers", "1"]
    run.main(["--input_dir", str(folder / "flcc"), "--output_dir", str(folder / "documents"), *options])
    return folder / "documents"
