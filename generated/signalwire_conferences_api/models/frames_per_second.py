# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from enum import IntEnum


class FramesPerSecond(IntEnum):
    VALUE_20 = 20
    VALUE_30 = 30

    def __str__(self) -> str:
        return str(self.value)
