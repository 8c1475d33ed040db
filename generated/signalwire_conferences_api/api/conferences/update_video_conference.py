# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.bad_request_body import BadRequestBody
from ...models.conference import Conference
from ...models.conference_update import ConferenceUpdate
from ...models.forbidden_body import ForbiddenBody
from ...models.internal_server_error_body import InternalServerErrorBody
from ...models.not_found_body import NotFoundBody
from ...models.too_many_requests_body import TooManyRequestsBody
from ...models.unauthorized_body import UnauthorizedBody
from ...models.validation_errors import ValidationErrors
from ...types import Response


def _get_kwargs(
    id: UUID,
    *,
    body: ConferenceUpdate,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/api/video/conferences/{id}".format(
            id=quote(str(id), safe=""),
        ),
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
    | NotFoundBody
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

    if response.status_code == 404:
        response_404 = NotFoundBody.from_dict(response.json())

        return response_404

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
    | NotFoundBody
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
    id: UUID,
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceUpdate,
) -> Response[
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | NotFoundBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
]:
    """Replace a conference

     A full replacement. A property that the body leaves out loses its value: it becomes its `default`
    or, if none is documented, its `x-assumed-default`.

    Args:
        id (UUID):
        body (ConferenceUpdate): Body of a PUT. Nothing in it may be null: a field is cleared by
            leaving it out, where that clears it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | NotFoundBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id=id,
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    id: UUID,
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceUpdate,
) -> (
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | NotFoundBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    """Replace a conference

     A full replacement. A property that the body leaves out loses its value: it becomes its `default`
    or, if none is documented, its `x-assumed-default`.

    Args:
        id (UUID):
        body (ConferenceUpdate): Body of a PUT. Nothing in it may be null: a field is cleared by
            leaving it out, where that clears it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | NotFoundBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors
    """

    return sync_detailed(
        id=id,
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    id: UUID,
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceUpdate,
) -> Response[
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | NotFoundBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
]:
    """Replace a conference

     A full replacement. A property that the body leaves out loses its value: it becomes its `default`
    or, if none is documented, its `x-assumed-default`.

    Args:
        id (UUID):
        body (ConferenceUpdate): Body of a PUT. Nothing in it may be null: a field is cleared by
            leaving it out, where that clears it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | NotFoundBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        id=id,
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    id: UUID,
    *,
    client: AuthenticatedClient | Client,
    body: ConferenceUpdate,
) -> (
    BadRequestBody
    | Conference
    | ForbiddenBody
    | InternalServerErrorBody
    | NotFoundBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    """Replace a conference

     A full replacement. A property that the body leaves out loses its value: it becomes its `default`
    or, if none is documented, its `x-assumed-default`.

    Args:
        id (UUID):
        body (ConferenceUpdate): Body of a PUT. Nothing in it may be null: a field is cleared by
            leaving it out, where that clears it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BadRequestBody | Conference | ForbiddenBody | InternalServerErrorBody | NotFoundBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors
    """

    return (
        await asyncio_detailed(
            id=id,
            client=client,
            body=body,
        )
    ).parsed
