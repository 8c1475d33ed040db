"""Verification of a server against the contract: promises, each of which it keeps or breaks."""

from .promises.promises import Category, Outcome, Promise, Result
from .run import verify
from .telling.report import CannotRun, Options, Report

__all__ = ["CannotRun", "Category", "Options", "Outcome", "Promise", "Report", "Result", "verify"]
