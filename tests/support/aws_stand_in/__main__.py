# SPDX-License-Identifier: Apache-2.0
"""Stands in for AWS: EC2, RDS, ElastiCache, STS, Resource Groups Tagging, instance metadata and Pod Identity, on one
port of loopback, which is written to stdout. Requests are taken as AWS takes them: by a valid signature of somebody who
may.

What there is, and what goes wrong, is JSON that a test sends:

    PUT /stand-in/state   {"clock_offset": seconds,      # of its clock to the machine's
                           "page": 100,                  # most things on a page
                           "identities": [{"access_key", "secret_key", "token", "expires", "arn", "account",
                                           "denied"}],
                           "roles": [{"arn", "external_id", "trusts", "web_tokens", "lifetime", "denied"}],
                           "places": [{"account", "region", "interfaces", "subnets", ...}],   # see ec2.py, query.py
                           "faults": [{"service", "region", "action", "page", "times",    # which requests; the page-th
                                       "status", "code", "message", "retry_after",        # of its action
                                       "body", "size", "endless", "delay", "close"}]}     # two are bytes of a page
    GET /stand-in/calls   all that was asked since the state was set

Its argument is the port; without one, or with 0, it takes any.
"""

import http.server
import json
import sys
import threading
import time
import urllib.parse

from . import ec2, errors, local, query, sts, tagging
from .signature import Refused, Signed

_lock = threading.Lock()
_state = {"identities": []}
_calls = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/stand-in/"):
            return self._control(body)
        if self.path != "/" or self.command != "POST":
            with _lock:
                _calls.append({"service": "local", "action": f"{self.command} {self.path}"})
                status, text = local.answer(self.command, self.path, self.headers, _state)
            return self._send(status, text)
        return self._serve(body)

    do_GET = do_POST = do_PUT = handle_one

    def _control(self, body):
        with _lock:
            if self.command == "PUT":
                _state.clear()
                _state.update({"identities": []} | json.loads(body))
                _calls.clear()
            text = json.dumps(_calls)
        self._send(200, text)

    def _serve(self, body):
        request = Request(self.headers, body)
        with _lock:
            _calls.append(request.call)
            request.call["request_id"] = request.id = f"{len(_calls):08}-0000-4000-8000-000000000000"
            fault = _next_fault(request)
        if fault is not None:
            return self._misbehave(request, fault)
        try:
            with _lock:
                text = request.answer()
            status = 200
        except Refused as refusal:
            code, status = errors.code_of(request.service, refusal.kind)
            text = errors.body_of(request.service, code, str(refusal), request.id)
        except LookupError as refusal:
            status, text = 400, errors.body_of(request.service, *refusal.args, request.id)
        request.call["status"] = status
        self._send(status, text, request.id)

    def _misbehave(self, request, fault):
        time.sleep(fault.get("delay", 0))
        if fault.get("close"):
            self.close_connection = True
            return
        text = fault.get("body", "x" * fault.get("size", 0))
        if "endless" in fault:
            text = ec2.page_without_end(fault["endless"], request.id)
        if "code" in fault:
            text = errors.body_of(request.service, fault["code"], fault.get("message", "As you wished."), request.id)
        request.call["status"] = fault.get("status", 200)
        self._send(fault.get("status", 200), text, request.id, fault.get("retry_after"))

    def _send(self, status, text, request_id=None, retry_after=None):
        data = text.encode()
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string(_now()))
        self.send_header("Content-Length", str(len(data)))
        if request_id is not None:
            self.send_header("x-amzn-RequestId", request_id)
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Nobody reads it."""


class Request:
    """One call, as far as it can be read before it is known who calls."""

    def __init__(self, headers, body):
        self.headers, self.body = headers, body
        target = headers.get("X-Amz-Target")
        self.form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)) if target is None else {}
        self.action = target.rpartition(".")[2] if target else self.form.get("Action", "")
        try:
            self.signed = Signed(headers)
        except Refused as refusal:
            self.signed, self.unsigned = None, refusal
        self.service = self.signed.service if self.signed else "sts"
        self.call = {
            "service": self.service,
            "action": self.action,
            "region": self.signed.region if self.signed else "",
            "access_key": self.signed.key if self.signed else "",
            "parameters": self.form or (json.loads(body) if target else {}),
            "at": time.time(),
        }

    def answer(self):
        if self.action == "AssumeRoleWithWebIdentity" and self.signed is None:
            return sts.answer(self.action, self.form, None, _state, _now(), self.id)
        caller = self._caller()
        if self.service == "sts":
            return sts.answer(self.action, self.form, caller, _state, _now(), self.id)
        place = _place(caller["account"], self.signed.region)
        most = _state.get("page", 100)
        try:
            if self.service == "ec2":
                return ec2.answer(self.action, self.form, place, most, self.id)
            if self.service == "tagging":
                return tagging.answer(self.action, self.body, place, most)
            return query.answer(self.service, self.action, self.form, place, most, self.id)
        except KeyError as missing:
            raise Refused("action", f"The action {self.action} is not valid for this endpoint: {missing}") from None

    def _caller(self):
        if self.signed is None:
            raise self.unsigned
        for one in _state["identities"]:
            if one["access_key"] == self.signed.key and one.get("token") == self.headers.get("X-Amz-Security-Token"):
                break
        else:
            raise Refused("unknown", "The security token included in the request is invalid.")
        self.signed.verify("POST", "/", self.headers, self.body, one["secret_key"], _now())
        if one.get("expires", float("inf")) <= _now():
            raise Refused("expired", "The security token included in the request is expired")
        if f"{self.service}:{self.action}" in one.get("denied", []):
            raise Refused("denied", f"User: {one['arn']} is not authorized to perform: {self.service}:{self.action}")
        return one


def _now():
    return time.time() + _state.get("clock_offset", 0)


def _place(account, region):
    for one in _state.get("places", []):
        if (one["account"], one["region"]) == (account, region):
            return one
    return {"account": account, "region": region}


def _next_fault(request):
    """The first that concerns the request and has times left; without times it has them for ever."""
    for fault in _state.get("faults", []):
        if any(fault.get(key, request.call[key]) != request.call[key] for key in ("service", "region")):
            continue
        if fault.get("action", request.action) != request.action or not _is_page(request, fault.get("page")):
            continue
        if fault.get("times", 1) > 0:
            if "times" in fault:
                fault["times"] -= 1
            return fault
    return None


def _is_page(request, number):
    """Where nothing else is asked, the n-th call of an action is its n-th page."""
    if number is None:
        return True
    same = [call for call in _calls if call["action"] == request.action]
    return len(same) == number


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(*sys.argv[1:])), Handler)
    server.daemon_threads = True
    print(f"port {server.server_port}", flush=True)
    server.serve_forever()
