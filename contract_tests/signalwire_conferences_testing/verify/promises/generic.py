"""Promises tried with what Schemathesis makes up. What is promised of every answer is watched in these too."""

from signalwire_conferences.contract import CREATE, UPDATE
from signalwire_conferences_testing import schemas

from ..trying.bench import Bench
from ..trying.exchange import NO_JSON
from ..trying.generating import made_up
from .auth import refused
from .promise import promise
from .status import no_failure

_EXAMPLES = 10  # of each kind, for each operation
_BODIES = {"POST": CREATE, "PUT": UPDATE}


@promise("generic/not-a-server-error", "No generated request makes the server fail.", 900)
def not_a_server_error(bench: Bench) -> None:
    for answer in made_up(bench, _EXAMPLES):
        no_failure(bench, answer)


@promise("generic/negative-data-rejection", "Generated invalid bodies are refused.", 901)
def negative_data_rejection(bench: Bench) -> None:
    for answer in (one for one in made_up(bench, _EXAMPLES) if one.method in _BODIES):
        schema = schemas.validator({"$ref": f"#/components/schemas/{_BODIES[answer.method]}"})
        if answer.sent is not NO_JSON and not schema.is_valid(answer.sent):
            bench.judge(answer, 400, 404, 422, because=f"an invalid {answer.method}")


@promise("generic/ignored-auth", "Generated requests without the right credentials are refused.", 902)
def ignored_auth(bench: Bench) -> None:
    for answer in made_up(bench, _EXAMPLES // 3, *bench.wrong[:2]):
        refused(bench, answer, f"a generated {answer.method}")
