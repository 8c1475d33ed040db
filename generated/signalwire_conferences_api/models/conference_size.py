# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from enum import StrEnum


class ConferenceSize(StrEnum):
    LARGE = "large"
    MEDIUM = "medium"
    SMALL = "small"

    def __str__(self) -> str:
        return str(self.value)
