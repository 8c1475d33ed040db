# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from enum import StrEnum


class UnauthorizedBodyError(StrEnum):
    UNAUTHORIZED = "Unauthorized"

    def __str__(self) -> str:
        return str(self.value)
