# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from enum import StrEnum


class SessionStatus(StrEnum):
    COMPLETED = "completed"
    IN_PROGRESS = "in-progress"

    def __str__(self) -> str:
        return str(self.value)
