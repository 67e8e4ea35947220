"""The API does what its OpenAPI description says, for requests made from that description."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings

from ringway.web.app import create_app

schema = schemathesis.openapi.from_asgi("/api/openapi.json", create_app())


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_keeps_its_word(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate()
