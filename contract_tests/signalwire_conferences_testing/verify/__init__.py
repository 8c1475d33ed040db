"""Verification of a server against the contract: promises, each of which it keeps or breaks."""

from .promises import Category, Promise
from .run import verify
from .telling.report import Outcome, Report, Result
from .trying.options import Options
from .trying.surroundings import CannotRun

__all__ = ["CannotRun", "Category", "Options", "Outcome", "Promise", "Report", "Result", "verify"]
