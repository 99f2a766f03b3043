# SPDX-License-Identifier: Apache-2.0
"""How each of AWS' protocols says no: codes, statuses and bodies as its API references have them."""

import json
from xml.sax.saxutils import escape

# Of a kind: (code, status) in EC2's protocol, in the Query protocol, in JSON 1.1.
CODES = {
    "missing": (
        ("MissingParameter", 400),
        ("MissingAuthenticationToken", 403),
        ("MissingAuthenticationTokenException", 400),
    ),
    "mismatch": (("SignatureDoesNotMatch", 403), ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400)),
    "skewed": (("RequestExpired", 400), ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 400)),
    "unknown": (("AuthFailure", 401), ("InvalidClientTokenId", 403), ("UnrecognizedClientException", 400)),
    "expired": (("RequestExpired", 400), ("ExpiredToken", 403), ("ExpiredTokenException", 400)),
    "denied": (("UnauthorizedOperation", 403), ("AccessDenied", 403), ("AccessDeniedException", 400)),
    "action": (("InvalidAction", 400), ("InvalidAction", 400), ("UnknownOperationException", 400)),
}
PROTOCOLS = {"ec2": 0, "tagging": 2}
# XML name spaces of the Query protocol.
SPACES = {
    "rds": "http://rds.amazonaws.com/doc/2014-10-31/",
    "elasticache": "http://elasticache.amazonaws.com/doc/2015-02-02/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


def code_of(service, kind):
    return CODES[kind][PROTOCOLS.get(service, 1)]


def body_of(service, code, message, request_id):
    if service == "ec2":
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
            f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    if service == "tagging":
        return json.dumps({"__type": code, "message": message})
    return (
        f'<ErrorResponse xmlns="{SPACES[service]}">\n  <Error>\n'
        f"    <Type>Sender</Type>\n    <Code>{escape(code)}</Code>\n"
        f"    <Message>{escape(message)}</Message>\n  </Error>\n"
        f"  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n"
    )
