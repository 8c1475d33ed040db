# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from enum import StrEnum


class VideoQuality(StrEnum):
    FULL_HD_1080P = "1080p"
    HD_720P = "720p"

    def __str__(self) -> str:
        return str(self.value)
