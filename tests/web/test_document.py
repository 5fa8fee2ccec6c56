"""The API against its own OpenAPI document: whatever is sent, the answer is one that the document names."""

import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.stack.mariadb import PrivateMariaDb
from console.web.app import document
from tests.web.world import TIMEOUT_S, Console, running_console

EXAMPLES_PER_OPERATION = 5
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@schemathesis.serializer("text/csv")
def csv_body(_context: object, value: object) -> bytes:
    """A body of text goes as it is."""
    return str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def console(server: PrivateMariaDb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One of its own: what is sent blocks prefixes, replaces products, and worse."""
    with running_console(server, tmp_path_factory.mktemp("document")) as running:
        yield running


@pytest.fixture(scope="module")
def schema(console: Console) -> schemathesis.BaseSchema:
    made = document(console.server.config.app._app)  # type: ignore[union-attr]
    return schemathesis.openapi.from_dict(json.loads(json.dumps(made)))


def test_the_document_is_served_and_names_every_verb(console: Console) -> None:
    served = httpx.get(f"{console.url}/api/v1/openapi.json", timeout=TIMEOUT_S).json()
    operations = [(path, verb) for path, verbs in served["paths"].items() for verb in verbs]
    assert len(operations) > 50
    for path, verb in operations:
        operation = served["paths"][path][verb]
        assert operation["summary"]
        if path.startswith("/api/"):
            assert operation["security"] == [{"HTTPBearer": []}], f"{verb} {path} asks for no token"


def test_no_request_breaks_the_document(console: Console, schema: schemathesis.BaseSchema) -> None:
    """Seeded and bounded: the same requests every time. Valid ones and broken ones, for every operation."""
    headers = {"Authorization": f"Bearer {console.token()}"}
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES_PER_OPERATION,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def one(case: schemathesis.Case) -> None:
            answer = case.call(base_url=console.url, headers=headers, timeout=TIMEOUT_S)
            case.validate_response(answer, checks=CHECKS)

        one()
        tried += 1
    assert tried > 50
    assert console.core.check().ok
