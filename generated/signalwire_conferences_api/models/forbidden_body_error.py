# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from enum import StrEnum


class ForbiddenBodyError(StrEnum):
    FORBIDDEN = "Forbidden"

    def __str__(self) -> str:
        return str(self.value)
