# SPDX-License-Identifier: Apache-2.0
"""What answers a pod or an instance on a link-local address: the instance metadata service, version 2 only, and the Pod
Identity agent. State: "instance": {"role", "keys", "region"}, "container": {"authorization", "keys"}."""

import json

from .sts import date_of

_TOKEN = "AQAEAtoken-of-the-metadata-service=="
_CREDENTIALS = "/latest/meta-data/iam/security-credentials/"


def answer(method, path, headers, state):
    """(status, body)"""
    if path.startswith("/latest/"):
        return _metadata(method, path, headers, state.get("instance"))
    container = state.get("container")
    if method != "GET" or path != "/v1/credentials" or container is None:
        return 404, ""
    if headers.get("Authorization") != container["authorization"]:
        return 400, "[ab12]: (ValidationException): Service account token could not be verified\n"
    return 200, json.dumps(_keys(container["keys"]) | {"AccountId": "111122223333"})


def _metadata(method, path, headers, instance):
    if instance is None:
        return 404, ""
    if (method, path) == ("PUT", "/latest/api/token"):
        seconds = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        return (200, _TOKEN) if seconds.isdigit() and 1 <= int(seconds) <= 21600 else (400, "")
    if method != "GET" or headers.get("X-aws-ec2-metadata-token") != _TOKEN:
        return 401, ""
    answers = {"/latest/meta-data/placement/region": lambda: instance["region"]}
    if "role" in instance:
        answers[_CREDENTIALS] = lambda: instance["role"]
        answers[_CREDENTIALS + instance["role"]] = lambda: json.dumps(
            _keys(instance["keys"]) | {"Code": "Success", "LastUpdated": "2026-11-20T08:00:00Z", "Type": "AWS-HMAC"}
        )
    return (200, answers[path]()) if path in answers else (404, "")


def _keys(keys):
    return {
        "AccessKeyId": keys["access_key"],
        "SecretAccessKey": keys["secret_key"],
        "Token": keys["token"],
        "Expiration": date_of(keys["expires"]),
    }
