from benchmarks import more_lines

TEXT = "import os\n\ndef size(path):\n    return os.path.getsize(path)\n"


def test_each_text_gives_several_cursors_the_first_that_of_the_task():
    found = more_lines.cases([TEXT, "", "x\n"], count=10)
    assert 2 <= len(found) <= more_lines.CURSORS, "the other texts have no line to cut"
    assert all((before + rest) in TEXT and "\n" not in rest for before, rest in found)
    assert more_lines.cases([TEXT], count=10) == found
    assert more_lines.cases([TEXT], count=1)[0] in found
