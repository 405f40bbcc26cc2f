"""What the server says of itself is true: requests made up from its OpenAPI document get answers that it describes."""

from collections.abc import Iterator

import hypothesis
import pytest
import schemathesis
from schemathesis import checks

from tests.completion.server.conftest import served

checks.load_all_checks()
# Not that every body which the schema allows is accepted: some fields do not go together, and say so.
PROMISED = checks.CHECKS.get_by_names(
    ["status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)


@pytest.fixture(scope="module")
def api(model) -> Iterator[schemathesis.BaseSchema]:
    with served("--model", str(model), "--no_usage", "--timeout_s", "1") as (_, address):
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@hypothesis.settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_law_every_answer_is_as_described(case):
    answer = case.call()
    assert answer.status_code != 500, answer.text
    case.validate_response(answer, checks=PROMISED)
