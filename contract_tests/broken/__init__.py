"""Broken servers: the mock with one small deviation from the contract each.

They prove that the verification finds what it is for: `SERVERS` names for each the promises that
have to find it, and there is no promise without one.
"""

from . import (
    accepting,
    admission,
    creating,
    links,
    listing,
    memory,
    misreading,
    put,
    put_owned,
    refusing,
    shapes,
    statuses,
    times,
)
from .making import BrokenServer

__all__ = ["SERVERS", "BrokenServer"]

#: All of them.
SERVERS: tuple[BrokenServer, ...] = (
    *put.SERVERS,
    *put_owned.SERVERS,
    *creating.SERVERS,
    *statuses.SERVERS,
    *misreading.SERVERS,
    *refusing.SERVERS,
    *accepting.SERVERS,
    *admission.SERVERS,
    *memory.SERVERS,
    *shapes.SERVERS,
    *times.SERVERS,
    *listing.SERVERS,
    *links.SERVERS,
)
