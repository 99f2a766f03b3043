# SPDX-License-Identifier: Apache-2.0
"""Whether a request is signed as AWS' Signature Version 4 has it, found out from the published algorithm alone (IAM
user guide, "Create a signed AWS API request"), and by whom. As strict as AWS: every header that it wants signed must
be.
"""

import calendar
import hashlib
import hmac
import re
import time
import urllib.parse

TOLERATED = 300  # seconds between the two clocks

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/(?P<day>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request, ?"
    r"SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


class Refused(Exception):
    """`kind` is one of those that errors.py knows a code for, in each protocol."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Signed:
    """What a signature says: who, for which service and region. Not yet verified."""

    def __init__(self, headers):
        match = _AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
        if match is None:
            raise Refused("missing", "Request is missing Authentication Token")
        self.key, self.day, self.region, self.service = match.group("key", "day", "region", "service")
        self.names, self.signature = match.group("names").split(";"), match.group("signature")

    def verify(self, method, path, headers, body, secret, now):
        date = joined(headers, "x-amz-date")
        self._check_names(headers)
        self._check_date(date, now)
        scope = f"{self.day}/{self.region}/{self.service}/aws4_request"
        request = canonical_request(method, path, headers, self.names, body)
        to_sign = "\n".join(("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(request.encode()).hexdigest()))
        expected = hmac.new(signing_key(secret, scope), to_sign.encode(), "sha256").hexdigest()
        if not hmac.compare_digest(expected, self.signature):
            raise Refused("mismatch", "The request signature we calculated does not match the signature you provided.")

    def _check_names(self, headers):
        wanted = {"host"} | {name.lower() for name in headers if name.lower().startswith("x-amz-")}
        wanted |= {"content-type"} & {name.lower() for name in headers}
        if self.names != sorted(self.names) or not wanted <= set(self.names):
            raise Refused("mismatch", f"SignedHeaders must be sorted, and have {sorted(wanted - set(self.names))} too")

    def _check_date(self, date, now):
        try:
            then = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
        except ValueError:
            raise Refused("mismatch", f"Date must be in ISO-8601 'basic format'. Got '{date}'.") from None
        if not date.startswith(self.day):
            raise Refused("mismatch", "Date in Credential scope does not match YYYYMMDD from X-Amz-Date")
        if abs(then - now) > TOLERATED:
            raise Refused("skewed", f"Signature expired or not yet current: {date} is too far from {int(now)}")


def joined(headers, name):
    """Equal headers count as one, their values joined (RFC 9110, 5.3)."""
    return ",".join(" ".join(value.split()) for value in headers.get_all(name, []))


def canonical_request(method, path, headers, names, body):
    path, _, query = path.partition("?")
    pairs = sorted(
        (urllib.parse.quote(name, safe="-_.~"), urllib.parse.quote(value, safe="-_.~"))
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True)
    )
    lines = "".join(f"{name}:{joined(headers, name)}\n" for name in names)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join((method, path, query, lines, ";".join(names), hashlib.sha256(body).hexdigest()))


def signing_key(secret, scope):
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key
