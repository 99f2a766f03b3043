// SPDX-License-Identifier: Apache-2.0
//
// What several kinds have in common. Every function complains about what it cannot take, names the field,
// and returns what is left: the object is dropped as a whole then.
#pragma once

#include "source/decode.h"

namespace bulkhead::source {

/// A pod's, if it names none.
inline constexpr auto kDefaultAccount = "default";

/// A Kubernetes name: lower-case letters, digits, '-' and '.', at most 253. Nothing if it isn't one.
std::optional<std::string> read_name(const Field& field);

/// "payments", or with its source: "capsule/payments". Empty if it isn't there.
std::string read_tenant(const Field& field);

/// Name, namespace, origin and creation time. Of a document whose key was readable.
state::Meta read_meta(const Field& document, const DecodeContext& context);

/// Of our own kinds: everything that the API server may put beside `spec` is fine, anything else is a mistake.
void check_frame(const Field& document);
void check_cluster_scoped(const Field& document);

state::Labels read_labels(const Field& field);

/// A LabelSelector; an absent one is nothing, `{}` matches everything.
std::optional<state::Selector> read_selector(const Field& field);

/// {namespaceSelector, podSelector} of `field`, whatever else is in it.
state::PodTarget read_target(const Field& field);

enum class PortNames { kAllowed, kForbidden }; // forbidden where there are no containers
/// As Kubernetes wants a container port's name: at most 15, lower case, with a letter in it.
bool is_port_name(std::string_view text);
state::Ports read_ports(const Field& field, PortNames names);

/// TCP, UDP or SCTP as Kubernetes spells them; TCP if absent.
uint8_t read_transport(const Field& field);

/// At least one peer, else a complaint.
std::vector<state::Peer> read_peers(const Field& field);

/// RFC 3339, seconds; a fraction is cut off.
std::optional<state::Time> read_time(const Field& field);

/// When a grant ends: as read_time(), from 1970 to 9999.
std::optional<state::Time> read_end(const Field& field);

std::optional<state::Level> read_level(const Field& field);
std::optional<state::Mode> read_mode(const Field& field);

/// {from, ports, until, reason} of `field`, without its target.
state::Grant read_grant(const Field& field, PortNames names);

/// {region, roleArn, externalId}: `spec.aws` of an AWSResource or a Tenant.
state::AwsPlace read_aws_place(const Field& field);

std::optional<Address> read_address(const Field& field);
std::vector<Cidr> read_cidrs(const Field& field);

/// 1-65535, host order.
std::optional<uint16_t> read_port_number(const Field& field);

/// {name, protocol} and the number, which has `number_key`; nothing without it.
std::optional<state::ContainerPort> read_container_port(const Field& entry, std::string_view number_key);

std::vector<std::string> read_strings(const Field& field);

} // namespace bulkhead::source
