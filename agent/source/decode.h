// SPDX-License-Identifier: Apache-2.0
//
// A document -> an object of ours, or what is wrong with it. Strict where we own the kind (an unknown field
// of a Tenant may be a misspelt restriction), lenient where Kubernetes does.
//
//   decode_core.cpp    Namespace, Node, EndpointSlice, Service
//   decode_pod.cpp     Pod
//   decode_policy.cpp  Tenant, AccessGrant, AWSResource, Override
//   decode_slice.cpp   IdentitySlice
//   parts.h            what several of them share: metadata, selectors, ports, peers, dates
#pragma once

#include <optional>

#include "source/field.h"
#include "state/objects.h"
#include "state/pool.h"

namespace bulkhead::source {

/// Nothing in it: not a kind that concerns us.
struct Decoded {
    bool ours = false;                   // it does concern us, even if it is invalid
    std::optional<state::ObjectKey> key; // absent: it doesn't say who it is
    std::optional<state::Object> object; // absent: invalid, see complaints
    Complaints complaints;
};

/// `file` is where the document was read; `pool` makes what pods share one value.
Decoded decode(const Value& document, const state::SharedText& file, state::Pool& pool);

/// Tenants write these, or other nodes. What goes with one that nobody understands is access to or for what it speaks
/// of, while to wait for it would leave everybody else's changes undone.
bool is_waited_for(const state::ObjectKey& key);

struct DecodeContext {
    const state::SharedText& file;
    state::Pool& pool;
};

// Each reads one kind; what it returns only counts if nobody complained.
state::Namespace decode_namespace(const Field& document, const DecodeContext& context);
state::Node decode_node(const Field& document, const DecodeContext& context);
state::EndpointSlice decode_endpoint_slice(const Field& document, const DecodeContext& context);
bool is_relevant_slice(const Field& document);
state::Service decode_service(const Field& document, const DecodeContext& context);
state::Pod decode_pod(const Field& document, const DecodeContext& context);
state::Tenant decode_tenant(const Field& document, const DecodeContext& context);
state::AccessGrant decode_access_grant(const Field& document, const DecodeContext& context);
state::AwsResource decode_aws_resource(const Field& document, const DecodeContext& context);
state::Override decode_override(const Field& document, const DecodeContext& context);
state::IdentitySlice decode_identity_slice(const Field& document, const DecodeContext& context);

} // namespace bulkhead::source
