"""Verification of a server against the contract: promises, each of which it keeps or breaks."""

from .promises import Category, Outcome, Promise, Result
from .report import CannotRun, Options, Report
from .run import verify

__all__ = ["CannotRun", "Category", "Options", "Outcome", "Promise", "Report", "Result", "verify"]
