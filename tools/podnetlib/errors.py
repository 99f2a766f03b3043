# SPDX-License-Identifier: Apache-2.0
"""What podnet says when it can't: an action, an object and a reason, without a traceback."""


class PodnetError(Exception):
    pass
