# SPDX-License-Identifier: Apache-2.0
"""STS' answers, version 2011-06-15: roles are assumed, and what is handed out is good until it expires."""

import itertools
import time

from .query import envelope
from .signature import Refused

_numbers = itertools.count(1)


def answer(action, form, caller, state, now, request_id):
    content = {
        "AssumeRole": _assume_role,
        "AssumeRoleWithWebIdentity": _assume_with_token,
        "GetCallerIdentity": _caller_identity,
    }[action](form, caller, state, now)
    return envelope("sts", action, content, request_id)


def _role(form, state):
    for role in state.get("roles", []):
        if role["arn"] == form.get("RoleArn"):
            return role
    raise Refused("denied", f"Not authorized to perform sts:AssumeRole on {form.get('RoleArn')}")


def _assume_role(form, caller, state, now):
    role = _role(form, state)
    if caller["arn"] not in role.get("trusts", [caller["arn"]]) or role.get("external_id") != form.get("ExternalId"):
        raise Refused(
            "denied",
            f"User: {caller['arn']} is not authorized to perform: sts:AssumeRole on resource: {role['arn']}",
        )
    return _session(role, form, state, now)


def _assume_with_token(form, _, state, now):
    role = _role(form, state)
    if form.get("WebIdentityToken") not in role.get("web_tokens", []):
        raise LookupError("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
    if form["WebIdentityToken"] in role.get("expired_tokens", []):
        raise LookupError("ExpiredTokenException", "Token expired: current date/time must be before the expiration")
    return _session(role, form, state, now) | {"Provider": "arn:aws:iam::111122223333:oidc-provider/oidc.eks"}


def _session(role, form, state, now):
    number = next(_numbers)
    expires = now + role.get("lifetime", 3600)
    name = role["arn"].rpartition("/")[2]
    arn = f"arn:aws:sts::{role['arn'].split(':')[4]}:assumed-role/{name}/{form['RoleSessionName']}"
    issued = {
        "access_key": f"ASIAROLE{number:08}",
        "secret_key": f"secret/{number}+of=role",
        "token": f"FwoGZXIvYXdz//token{number}==",
        "expires": expires,
        "arn": arn,
        "account": arn.split(":")[4],
        "denied": role.get("denied", []),
    }
    state["identities"].append(issued)
    return {
        "Credentials": {
            "AccessKeyId": issued["access_key"],
            "SecretAccessKey": issued["secret_key"],
            "SessionToken": issued["token"],
            "Expiration": date_of(expires),
        },
        "AssumedRoleUser": {"AssumedRoleId": f"AROAROLE:{form['RoleSessionName']}", "Arn": arn},
    }


def _caller_identity(_, caller, _state, _now):
    return {"Arn": caller["arn"], "UserId": "AIDAUSER", "Account": caller["account"]}


def date_of(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
