# SPDX-License-Identifier: Apache-2.0
"""Pages as AWS makes them: a token that means something to nobody else."""

import base64


def paged(things, parameters, size, token, most):
    """What belongs on the page that `parameters` ask for, and the token of the next; None = it was the last."""
    wanted = min(int(parameters.get(size) or most), most)
    begin = 0
    if parameters.get(token):
        begin = int(base64.urlsafe_b64decode(parameters[token]).removeprefix(b"from "))
    end = begin + wanted
    following = base64.urlsafe_b64encode(b"from %d" % end).decode() if end < len(things) else None
    return things[begin:end], following
