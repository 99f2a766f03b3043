# SPDX-License-Identifier: Apache-2.0
"""EC2's answers, API version 2016-11-15."""

import fnmatch
import hashlib

from .markup import elements
from .paging import paged

ACTIONS = {}


def answer(action, form, place, most, request_id):
    content = ACTIONS[action](form, place, most)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>{request_id}</requestId>'
        f"{elements(content)}</{action}Response>"
    )


def page_without_end(size, request_id):
    """A page of DescribeNetworkInterfaces without any, of that many bytes, after which another one comes."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>{request_id}</requestId><networkInterfaceSet/><nextToken>{request_id}</nextToken>"
        f"{' ' * size}</DescribeNetworkInterfacesResponse>"
    )


def _action(function):
    ACTIONS[function.__name__] = function
    return function


def _filters(form):
    """{"group-id": ["sg-1", "sg-2"]}"""
    return {
        form[name]: _listed(form, name.removesuffix("Name") + "Value")
        for name in form
        if name.startswith("Filter.") and name.endswith(".Name")
    }


def _listed(form, name):
    return [value for key, value in form.items() if key.startswith(name + ".")]


def _passes(filters, values_of):
    """Every filter must find one of its values, in which * and ? stand for others."""
    return all(
        any(fnmatch.fnmatchcase(value, wanted) for value in values_of(name) for wanted in accepted)
        for name, accepted in filters.items()
    )


def _tags(tags):
    return [{"key": key, "value": value} for key, value in tags.items()]


def _asked(things, form, parameter, key, code):
    """Those with the ids that the request names, or all; an id that nothing has is an error, as in EC2."""
    ids = _listed(form, parameter)
    for wanted in ids:
        if wanted not in (thing[key] for thing in things):
            raise LookupError(code, f"The ID '{wanted}' does not exist")
    return [thing for thing in things if not ids or thing[key] in ids]


@_action
def DescribeNetworkInterfaces(form, place, most):
    def values_of(interface):
        def values(name):
            if name == "group-id":
                return interface.get("groups", [])
            if name == "tag-key":
                return list(interface.get("tags", {}))
            if name.startswith("tag:"):
                return [interface.get("tags", {}).get(name.removeprefix("tag:"), "")]
            return [interface[{"vpc-id": "vpc", "subnet-id": "subnet"}[name]]]

        return values

    filters = _filters(form)
    found = [one for one in place.get("interfaces", []) if _passes(filters, values_of(one))]
    page, token = paged(found, form, "MaxResults", "NextToken", most)
    return {"networkInterfaceSet": [_interface(one, place) for one in page], "nextToken": token}


def _interface(one, place):
    """An address list that is null isn't sent at all."""
    primary, *others = one.get("ipv4") or [None]
    ipv6 = one.get("ipv6", [])
    attachment = one.get("instance") and {
        "attachmentId": "eni-attach-" + one["id"][4:],
        "instanceId": one["instance"],
        "instanceOwnerId": one.get("instance_owner", place["account"]),
        "deviceIndex": 1,
        "status": "attached",
        "attachTime": "2026-11-20T08:00:00.000Z",
        "deleteOnTermination": True,
    }
    return {
        "networkInterfaceId": one["id"],
        "subnetId": one.get("subnet", "subnet-0a"),
        "vpcId": one.get("vpc", "vpc-0a"),
        "availabilityZone": place["region"] + "a",
        "description": one.get("description", ""),
        "ownerId": place["account"],
        "requesterId": one.get("requester"),
        "requesterManaged": "requester" in one,
        "status": "in-use" if attachment else "available",
        "macAddress": "02:" + hashlib.sha1(one["id"].encode()).digest()[:5].hex(":"),
        "privateIpAddress": primary,
        "sourceDestCheck": True,
        "groupSet": [{"groupId": group, "groupName": "name-of-" + group} for group in one.get("groups", [])],
        "attachment": attachment,
        "tagSet": _tags(one.get("tags", {})),
        "privateIpAddressesSet": [
            {"privateIpAddress": address, "primary": address == primary} for address in (primary, *others) if address
        ]
        if one.get("ipv4", []) is not None
        else None,
        "ipv4PrefixSet": _prefixes(one, "ipv4"),
        "ipv6AddressesSet": ipv6 and [{"ipv6Address": address, "isPrimaryIpv6": False} for address in ipv6],
        "ipv6PrefixSet": _prefixes(one, "ipv6"),
        "interfaceType": one.get("type", "interface"),
    }


def _prefixes(one, family):
    """Interfaces without delegated prefixes have no such list."""
    prefixes = one.get(family + "_prefixes")
    return prefixes and [{family + "Prefix": prefix} for prefix in prefixes]


@_action
def DescribeSubnets(form, place, most):
    found = _asked(place.get("subnets", []), form, "SubnetId", "id", "InvalidSubnetID.NotFound")
    filters = _filters(form)
    found = [one for one in found if _passes(filters, lambda name, one=one: [one[{"subnet-id": "id"}[name]]])]
    page, token = paged(found, form, "MaxResults", "NextToken", most)
    return {"subnetSet": [_subnet(one, place) for one in page], "nextToken": token}


def _subnet(one, place):
    return {
        "subnetId": one["id"],
        "subnetArn": f"arn:aws:ec2:{place['region']}:{place['account']}:subnet/{one['id']}",
        "state": "available",
        "ownerId": place["account"],
        "vpcId": one.get("vpc", "vpc-0a"),
        "cidrBlock": one.get("cidr"),
        "ipv6CidrBlockAssociationSet": [
            {
                "ipv6CidrBlock": block,
                "associationId": "subnet-cidr-assoc-" + one["id"][7:],
                "ipv6CidrBlockState": {"state": state},
            }
            for block, state in one.get("ipv6", {}).items()
        ],
        "availabilityZone": place["region"] + "a",
        "tagSet": _tags(one.get("tags", {})),
    }


@_action
def DescribeManagedPrefixLists(form, place, most):
    lists = place.get("prefix_lists", [])
    found = _asked(lists, form, "PrefixListId", "id", "InvalidPrefixListID.NotFound")
    keys = {"prefix-list-name": "name", "prefix-list-id": "id"}
    filters = _filters(form)
    found = [one for one in found if _passes(filters, lambda name, one=one: [one[keys[name]]])]
    page, token = paged(found, form, "MaxResults", "NextToken", most)
    return {"nextToken": token, "prefixListSet": [_prefix_list(one, place) for one in page]}


def _prefix_list(one, place):
    owner = "AWS" if one["name"].startswith("com.amazonaws.") else place["account"]
    return {
        "prefixListId": one["id"],
        "prefixListName": one["name"],
        "prefixListArn": f"arn:aws:ec2:{place['region']}:{owner.lower()}:prefix-list/{one['id']}",
        "addressFamily": one.get("family", "IPv4"),
        "state": one.get("state", "create-complete"),
        "version": one.get("version", 1),
        "maxEntries": 1000,
        "ownerId": owner,
        "tagSet": _tags(one.get("tags", {})),
    }


@_action
def GetManagedPrefixListEntries(form, place, most):
    for one in place.get("prefix_lists", []):
        if one["id"] == form.get("PrefixListId"):
            page, token = paged(one["entries"], form, "MaxResults", "NextToken", most)
            return {"entrySet": [{"cidr": cidr, "description": ""} for cidr in page], "nextToken": token}
    raise LookupError("InvalidPrefixListID.NotFound", f"The prefix list ID '{form.get('PrefixListId')}' does not exist")
