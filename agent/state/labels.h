// SPDX-License-Identifier: Apache-2.0
//
// The labels and annotations by which users, and the tools that manage their tenants, say something to us.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace bulkhead::state {

inline constexpr std::string_view kOurPrefix = "bulkhead.dev/";

// On namespaces
inline constexpr std::string_view kTenantLabel = "bulkhead.dev/tenant";
inline constexpr std::string_view kLevelLabel = "bulkhead.dev/level";
inline constexpr std::string_view kModeLabel = "bulkhead.dev/mode";
inline constexpr std::array kOurNamespaceLabels{kTenantLabel, kLevelLabel, kModeLabel}; // and there are no others
inline constexpr std::string_view kCapsuleLabel = "capsule.clastix.io/tenant";
inline constexpr std::string_view kKioskLabel = "kiosk.sh/account";
inline constexpr std::string_view kHncSuffix = ".tree.hnc.x-k8s.io/depth"; // after an ancestor's name

// On IdentitySlices
inline constexpr std::string_view kReachSlice = "kube-apiserver"; // the name of the one that is of no node, besides:
inline constexpr std::string_view kResourceSlices = "resource-";  // how those of AWSResources' addresses begin
inline constexpr std::string_view kResourceLabel = "bulkhead.dev/aws-resource"; // on those: whose they are
inline constexpr std::string_view kNodeLabel = "bulkhead.dev/node";             // and kTenantLabel
inline constexpr std::string_view kScopeLabel = "bulkhead.dev/scope";           // scope_of() its tenant, or kEveryScope
inline constexpr std::string_view kEveryScope = "all";                          // every node has to hear of it

inline constexpr std::string_view kSeenAt = "bulkhead.dev/seen-at"; // annotation: when AWS or DNS told this

// On pods
inline constexpr std::string_view kExposeAnnotation = "bulkhead.dev/expose";

/// By what agents ask for the slices of a tenant: a hash, so that hundreds of them fit into one question.
std::string scope_of(std::string_view tenant);

/// The same as a number, and as text: eight hex digits.
uint32_t scope_number(std::string_view tenant);
std::string scope_text(uint32_t number);

/// A name as a label's value: at most 63 of [A-Za-z0-9-_.]. What is longer is cut and ends in a hash of the whole; '/'
/// ("capsule/payments") becomes '.'.
std::string label_value(std::string_view name);

} // namespace bulkhead::state
