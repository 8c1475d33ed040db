# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""Contains endpoint functions for accessing the API"""
