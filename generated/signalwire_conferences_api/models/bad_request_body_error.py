# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from enum import StrEnum


class BadRequestBodyError(StrEnum):
    BAD_REQUEST = "Bad Request"

    def __str__(self) -> str:
        return str(self.value)
