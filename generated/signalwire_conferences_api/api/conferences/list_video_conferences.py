# Written by `make generate` from openapi/conferences.yaml. Do not edit.
from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.bad_request_body import BadRequestBody
from ...models.conference_page import ConferencePage
from ...models.forbidden_body import ForbiddenBody
from ...models.internal_server_error_body import InternalServerErrorBody
from ...models.too_many_requests_body import TooManyRequestsBody
from ...models.unauthorized_body import UnauthorizedBody
from ...models.validation_errors import ValidationErrors
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    starts_after: str | Unset = UNSET,
    ends_before: str | Unset = UNSET,
    include_active_session: bool | Unset = UNSET,
    page_number: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    page_token: str | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["starts_after"] = starts_after

    params["ends_before"] = ends_before

    params["include_active_session"] = include_active_session

    params["page_number"] = page_number

    params["page_size"] = page_size

    params["page_token"] = page_token

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/video/conferences",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> (
    BadRequestBody
    | ConferencePage
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    if response.status_code == 200:
        response_200 = ConferencePage.from_dict(response.json())

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
    | ConferencePage
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
    starts_after: str | Unset = UNSET,
    ends_before: str | Unset = UNSET,
    include_active_session: bool | Unset = UNSET,
    page_number: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    page_token: str | Unset = UNSET,
) -> Response[
    BadRequestBody
    | ConferencePage
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
]:
    """List conferences, a page at a time

     Follow `links` rather than counting pages.

    Args:
        starts_after (str | Unset):
        ends_before (str | Unset):
        include_active_session (bool | Unset):
        page_number (int | Unset):
        page_size (int | Unset):
        page_token (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BadRequestBody | ConferencePage | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        starts_after=starts_after,
        ends_before=ends_before,
        include_active_session=include_active_session,
        page_number=page_number,
        page_size=page_size,
        page_token=page_token,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    starts_after: str | Unset = UNSET,
    ends_before: str | Unset = UNSET,
    include_active_session: bool | Unset = UNSET,
    page_number: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    page_token: str | Unset = UNSET,
) -> (
    BadRequestBody
    | ConferencePage
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    """List conferences, a page at a time

     Follow `links` rather than counting pages.

    Args:
        starts_after (str | Unset):
        ends_before (str | Unset):
        include_active_session (bool | Unset):
        page_number (int | Unset):
        page_size (int | Unset):
        page_token (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BadRequestBody | ConferencePage | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors
    """

    return sync_detailed(
        client=client,
        starts_after=starts_after,
        ends_before=ends_before,
        include_active_session=include_active_session,
        page_number=page_number,
        page_size=page_size,
        page_token=page_token,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    starts_after: str | Unset = UNSET,
    ends_before: str | Unset = UNSET,
    include_active_session: bool | Unset = UNSET,
    page_number: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    page_token: str | Unset = UNSET,
) -> Response[
    BadRequestBody
    | ConferencePage
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
]:
    """List conferences, a page at a time

     Follow `links` rather than counting pages.

    Args:
        starts_after (str | Unset):
        ends_before (str | Unset):
        include_active_session (bool | Unset):
        page_number (int | Unset):
        page_size (int | Unset):
        page_token (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BadRequestBody | ConferencePage | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors]
    """

    kwargs = _get_kwargs(
        starts_after=starts_after,
        ends_before=ends_before,
        include_active_session=include_active_session,
        page_number=page_number,
        page_size=page_size,
        page_token=page_token,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    starts_after: str | Unset = UNSET,
    ends_before: str | Unset = UNSET,
    include_active_session: bool | Unset = UNSET,
    page_number: int | Unset = UNSET,
    page_size: int | Unset = UNSET,
    page_token: str | Unset = UNSET,
) -> (
    BadRequestBody
    | ConferencePage
    | ForbiddenBody
    | InternalServerErrorBody
    | TooManyRequestsBody
    | UnauthorizedBody
    | ValidationErrors
    | None
):
    """List conferences, a page at a time

     Follow `links` rather than counting pages.

    Args:
        starts_after (str | Unset):
        ends_before (str | Unset):
        include_active_session (bool | Unset):
        page_number (int | Unset):
        page_size (int | Unset):
        page_token (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BadRequestBody | ConferencePage | ForbiddenBody | InternalServerErrorBody | TooManyRequestsBody | UnauthorizedBody | ValidationErrors
    """

    return (
        await asyncio_detailed(
            client=client,
            starts_after=starts_after,
            ends_before=ends_before,
            include_active_session=include_active_session,
            page_number=page_number,
            page_size=page_size,
            page_token=page_token,
        )
    ).parsed
