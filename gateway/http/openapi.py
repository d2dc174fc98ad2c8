"""The OpenAPI 3.1 description, made from the operations and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from pydantic.json_schema import models_json_schema

from gateway import __version__
from gateway.http.operation import Operation
from gateway.http.problems import PROBLEM_JSON, Problem

_REF = "#/components/schemas/{name}"
_PYDANTIC_REF = "#/components/schemas/{model}"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_JSON = "application/json"

Schema = dict[str, Any]


def openapi(operations: Sequence[Operation]) -> Schema:
    """The whole document."""
    bodies = _body_schemas(operations)
    returns, components = _return_schemas(operations)
    paths: dict[str, Schema] = {}
    for operation in operations:
        described = _operation(operation, bodies, returns)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inapp-gateway",
            "version": __version__,
            "description": "Real-time in-app messages. Errors are application/problem+json.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(o.tag for o in operations)],
        "paths": paths,
        "components": {
            "schemas": {**components, **bodies.pop("", {})},
            "securitySchemes": {"adminKey": {"type": "http", "scheme": "bearer"}},
        },
    }


def _body_schemas(operations: Iterable[Operation]) -> dict[str, Schema]:
    """Reference by name of the model, and under "" all components."""
    models = list(dict.fromkeys(o.body for o in operations if o.body is not None))
    wanted = [(model, "validation") for model in models]
    refs, document = models_json_schema(wanted, ref_template=_PYDANTIC_REF)  # type: ignore[arg-type] # it takes any sequence of pairs
    schemas: dict[str, Schema] = {model.__name__: ref for (model, _), ref in refs.items()}
    return {**schemas, "": document.get("$defs", {})}


def _return_schemas(operations: Sequence[Operation]) -> tuple[dict[str, Schema], Schema]:
    """Schema of the answer by operation id, and all components."""
    with_answer = [o for o in operations if o.returns is not None]
    types = [Problem, *(o.returns for o in with_answer)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_id = {o.id: schema for o, schema in zip(with_answer, schemas[1:], strict=True)}
    return by_id, dict(components)


def _operation(
    operation: Operation, bodies: Mapping[str, Schema], returns: Mapping[str, Schema]
) -> Schema:
    described: Schema = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": _responses(operation, returns.get(operation.id)),
        "security": [{"adminKey": []}] if operation.scopes else [],
    }
    if operation.description:
        described["description"] = operation.description
    if operation.scopes:
        described["x-scopes"] = [str(scope) for scope in operation.scopes]
    parameters = [*_path_parameters(operation), *_query_parameters(operation), *_headers(operation)]
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        needed = any(field.is_required() for field in operation.body.model_fields.values())
        content = {_JSON: {"schema": bodies[operation.body.__name__]}}
        described["requestBody"] = {"required": needed, "content": content}
    return described


# Parameters


def _path_parameters(operation: Operation) -> list[Schema]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    text = {"type": "string", "minLength": 1, "maxLength": 128}
    return [{"name": n, "in": "path", "required": True, "schema": text} for n in names]


def _query_parameters(operation: Operation) -> list[Schema]:
    schema = operation.query.model_json_schema(ref_template="{model}")
    inner = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _inlined(field, inner)}
        for name, field in schema.get("properties", {}).items()
    ]


def _inlined(field: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A parameter's schema without references, and without the null that only Python knows."""
    options = [option for option in field.get("anyOf", ()) if option.get("type") != "null"]
    field = {k: v for k, v in field.items() if k != "anyOf" and not (k == "default" and v is None)}
    if options:
        field |= options[0]
    reference = field.pop("$ref", None)
    return field | definitions[reference] if reference else field


def _headers(operation: Operation) -> list[Schema]:
    headers = []
    if operation.is_idempotent:
        key = {"type": "string", "pattern": "^[!-~]{1,255}$"}
        headers.append(
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": key,
             "description": "The same key within 24 h: done once, answered alike."}
        )  # fmt: skip
    if operation.if_match:
        etag = {"type": "string", "pattern": r'^("[0-9]{1,15}"|\*)$'}
        headers.append(
            {"name": "If-Match", "in": "header", "required": False, "schema": etag,
             "description": "The ETag of the revision that you have seen."}
        )  # fmt: skip
    return headers


# Answers


def _responses(operation: Operation, returns: Schema | None) -> Schema:
    content: Schema = {} if returns is None else {_JSON: {"schema": returns}}
    for media_type, text in operation.streams.items():
        content[media_type] = {"schema": {"type": "string", "description": text}}
    responses: Schema = {
        str(operation.status): {"description": operation.summary, "content": content}
    }
    if operation.status == 201 and "dry_run" in operation.query.model_fields:
        responses["200"] = {"description": "What would happen (`dry_run`)", "content": content}
    if operation.path == "/v1/public/banners":
        responses["304"] = {"description": "As you have it"}
    problem = {PROBLEM_JSON: {"schema": _PROBLEM}}
    for status in sorted(_refusals(operation)):
        phrase = HTTPStatus(status).phrase
        responses[str(status)] = {"description": phrase, "content": problem}
    return responses


def _refusals(operation: Operation) -> set[int]:
    """What an operation can be refused with follows from what it takes."""
    statuses = {400, 405, 500, 503, *operation.statuses}
    if operation.scopes:
        statuses |= {401, 403, 429}
    if "{" in operation.path:
        statuses |= {404}
    if operation.body is not None:
        statuses |= {408, 413, 415, 422}
    if operation.is_idempotent:
        statuses |= {409, 422}
    if operation.if_match:
        statuses |= {412}
    if operation.method == "DELETE":
        statuses |= {422}
    return statuses
