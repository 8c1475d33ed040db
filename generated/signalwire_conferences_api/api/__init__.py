# Written by `make generate` from openapi/conferences.yaml. Do not edit.
"""Contains methods for accessing the API"""
