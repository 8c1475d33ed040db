"""What is promised: a module for each category of the report."""

# To import one registers its promises.
from . import accepts, auth, dates, generic, headers, isolation, lists, put, refuses, schema, state, status
from .promise import Category, Needs, Promise, promises

ROOMS = (accepts, auth, dates, generic, headers, isolation, lists, put, refuses, schema, state, status)

__all__ = ["ROOMS", "Category", "Needs", "Promise", "promises"]
