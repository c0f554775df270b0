"""Loaded by `st run`: who calls what from the first request on, and no request taken for the repetition of another."""

from __future__ import annotations

import os
from itertools import count
from typing import Any

import schemathesis
from schemathesis.schemas import BaseSchema
from schemathesis.wfc.escalation import restore_identity_assignments

CALLERS = {"member": "alice", "staff": "maria", "key": "till", "pass": "wallet"}
_keys = count(1)


@schemathesis.hook
def after_load_schema(context: schemathesis.HookContext, schema: BaseSchema) -> None:
    """Let those call whom the document allows.

    schemathesis would find out by itself, one refusal after the other, but it plans the whole coverage phase before the
    first of them: all of it would be refused.
    """
    callers = {
        f"{method.upper()} {path}": CALLERS[next(iter(operation["security"][0]))]
        for path, operations in schema.raw_schema["paths"].items()
        for method, operation in operations.items()
        if method != "parameters" and operation["security"]
    }
    # Whoever signs out is not heard any more.
    restore_identity_assignments(schema, {**callers, "DELETE /v1/sessions/current": "carol"})


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Give each valid request a key of its own.

    Two of them under one key are refused, rightly, and that would hide whether they are refused for another reason.
    """
    is_valid = case.meta is not None and case.meta.generation.mode.is_positive
    if is_valid and case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"fuzz-{os.getpid()}-{next(_keys)}"
