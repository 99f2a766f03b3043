# SPDX-License-Identifier: Apache-2.0
"""The Resource Groups Tagging API's answers, version 2017-01-26."""

import json

TARGET = "ResourceGroupsTaggingAPI_20170126"


def answer(action, body, place, most):
    if action != "GetResources":
        raise LookupError("UnknownOperationException", "")
    asked = json.loads(body)
    types = asked.get("ResourceTypeFilters", [])
    found = [
        (arn, tags)
        for arn, tags in place.get("tagged", {}).items()
        if _has_tags(tags, asked.get("TagFilters", [])) and (not types or any(_is_of(arn, kind) for kind in types))
    ]
    begin = int(asked.get("PaginationToken") or 0)
    end = begin + min(asked.get("ResourcesPerPage", 50), most)
    return json.dumps(
        {
            # The last page's is an empty text.
            "PaginationToken": str(end) if end < len(found) else "",
            "ResourceTagMappingList": [
                {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
                for arn, tags in found[begin:end]
            ],
        }
    )


def _has_tags(tags, filters):
    return all(one["Key"] in tags and (not one.get("Values") or tags[one["Key"]] in one["Values"]) for one in filters)


def _is_of(arn, kind):
    """ "rds:cluster": the service and the kind of thing; a service alone is all of its things."""
    service, _, thing = kind.partition(":")
    parts = arn.split(":", 5)
    return parts[2] == service and (not thing or parts[5].split(":")[0].split("/")[0] == thing)
