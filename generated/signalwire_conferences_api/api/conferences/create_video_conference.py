# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.bad_request_body import BadRequestBody
from ...models.conference import Conference
from ...models.conference_create import ConferenceCreate
from ...models.forbidden_body import ForbiddenBody
from ...models.internal_server_error_body import InternalServerErrorBody
from ...models.too_many_requests_body import TooManyRequestsBody
from ...models.unauthorized_body import UnauthorizedBody
from ...models.validation_errors import ValidationErrors
from ...types import Response


def _get_kwargs(
    *,
    body: ConferenceCreate,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/video/conferences",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    if response.status_code == 200:
        response_200 = Conference.from_dict(response.json())

        return response_200

    if response.status_code == 400:
        response_400 = BadRequestBody.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = UnauthorizedBody.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ForbiddenBody.from_dict(response.json())

        return response_403

    if response.status_code == 422:
        response_422 = ValidationErrors.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = TooManyRequestsBody.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = InternalServerErrorBody.from_dict(response.json())

        return response_500

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceCreate,
) -> Response[
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
]:
    """Create a conference

    Args:
        body (ConferenceCreate): Body of a create. Nothing in it may be null.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceCreate,
) -> (
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    """Create a conference

    Args:
        body (ConferenceCreate): Body of a create. Nothing in it may be null.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceCreate,
) -> Response[
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
]:
    """Create a conference

    Args:
        body (ConferenceCreate): Body of a create. Nothing in it may be null.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceCreate,
) -> (
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    """Create a conference

    Args:
        body (ConferenceCreate): Body of a create. Nothing in it may be null.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
