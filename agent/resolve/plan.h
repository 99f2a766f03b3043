// SPDX-License-Identifier: Apache-2.0
//
// AWSResources -> what to ask AWS, and which names to follow. Pure.
#pragma once

#include <map>
#include <set>
#include <string>

#include "resolve/question.h"
#include "state/cluster.h"

namespace bulkhead::resolve {

using Resources = std::map<std::string, state::AwsResource>;

/// What has to be looked up, each with the place where: what it doesn't say of that, its Tenant does. `unread` are
/// Tenants that are there and not understood: what they say of it isn't known, and is not our own account.
Resources resources_to_look_up(const state::Cluster& cluster, const std::set<std::string>& unread = {});

/// `region` is whose AWS is asked where the resource names none.
std::set<Question> questions_of(const state::AwsResource& resource, const std::string& region);

/// All that is asked with one role in one region, once however many resources name it.
using Plan = std::map<state::AwsPlace, std::set<Question>>;

Plan plan_of(const Resources& resources, const std::string& region);

} // namespace bulkhead::resolve
