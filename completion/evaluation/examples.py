"""Examples to look at: curated ones, each with its reason for being there, and un-curated ones, drawn at random.

The curated ones (`curated.jsonl`, beside this file) were written for this project: small files of the kind that people
write, up to a cursor, with what most people would go on with. They show what a model can do, one topic at a time, and
are too few and too simple to say how good it is. Some have a suffix, the text behind the cursor, for models that fill
in.

The un-curated ones say what completions look like on real code: nobody has chosen them. Both are cases of the suite
"examples", and every provider answers both.
"""

import importlib.resources
from collections.abc import Iterable

from completion.evaluation import cases, line_suite
from completion.evaluation.cases import Case
from completion.held_out_files import HeldOut

SUITE = "examples"
# The slice `topic` of the curated ones, and what is asked for there.
TOPICS = {
    "import": "a name or module that the file needs, under its usual name",
    "attribute": "an attribute or method of an object whose class, or module, the prompt shows",
    "loop": "the head of a loop for its body, or the body for its head",
    "f-string": "what stands between the braces, and how numbers are formatted",
    "decorator": "a decorator for the function below it, or the inside of one",
    "dataclass": "a field with its default, or what is made of the fields",
    "async": "what is awaited, and together with what",
    "type hint": "a type that follows from use or docstring",
    "comprehension": "a condition or a loop within brackets",
    "test": "what comes out for what goes in, and how errors are expected",
    "context manager": "what a `with` opens, and what happens at its end",
    "exception": "which errors are caught, and what becomes of them",
    "class": "a method like the one above it, and what is left to the class above",
    "lambda": "a key to sort by, and an entry of a table of functions",
    "dict": "filling, and putting together",
    "string method": "cutting, joining and trimming texts",
    "pathlib": "folders, and going through files",
    "numpy": "whole arrays at once, along the right axis",
    "argparse": "an option in the manner of those above it",
    "logging": "a message in the manner of the module, with its values behind it",
    "docstring": "a sentence in plain English that says what a function does",
    "slicing": "from where to where, and in what steps",
    "unpacking": "several names at once",
    "property": "the setter that belongs to a getter",
    "generator": "what is yielded, and when",
    "enum": "the last member of a row",
    "json": "writing what is read elsewhere, in the same format",
    "regex": "a pattern for what is done with its groups, and the other way round",
    "subprocess": "the arguments that make a command's output a text, and its failure an error",
    "indentation": "how far in the next line stands",
}


def curated() -> list[Case]:
    """The curated examples, in the order of their file.

    Each has the slices `topic` and `kind`, as in `line_suite`: "block" where the answer has several lines.

    Raises:
      cases.CaseError: the file was changed, and a row of it is broken.
    """
    with importlib.resources.as_file(importlib.resources.files("completion.evaluation") / "curated.jsonl") as path:
        return list(cases.read_cases(path))


def drawn(files: Iterable[HeldOut], number: int, seed: int) -> line_suite.Suite:
    """Un-curated examples: one at most of a file, with the places and kinds of line completion.

    Args:
      files: that the model did not learn from.
      number: of examples; there are fewer where there are fewer files.

    Returns:
      Cases of the suite "examples", with the slices of `line_suite`, and files that have none.

    Raises:
      ValueError: two files have the same name.
    """
    return line_suite.draw(files, number, seed=seed, most_of_a_file=1, suite=SUITE)
