from collections.abc import Iterator

import pytest

from tests.browser import Browser, chromium
from tests.completion.evaluation.report import some_results
from tests.completion.evaluation.report.opened_page import written


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def results() -> dict:
    return some_results.results()


@pytest.fixture(scope="module")
def address(results, tmp_path_factory) -> str:
    return written(results, tmp_path_factory.mktemp("report"))
