// SPDX-License-Identifier: Apache-2.0
//
// AWSResources as the rule takes them: each whole, or, where tags of AWS say whose its addresses are (spec.tenantFrom,
// spec.levelFrom), in one part for each tenant and level. What a tag says is somebody's word who may tag, so it counts
// only as far as it can't open anything by mistake:
//
//   the tag's value names a Tenant object    that tenant's
//   it names none, or two tags disagree      nobody's, and protected; reported
//   there is no such tag                     as the network around it that this AWSResource was found to have, else
//                                            nobody's; and of spec.level
//   a level that is none                     protected; reported
//
// Points into the cluster state.
#pragma once

#include <list>
#include <map>
#include <string>
#include <vector>

#include "state/cluster.h"

namespace bulkhead::compile {

struct Part {
    const state::AwsResource* resource = nullptr;
    std::string tenant{}; // empty = nobody's
    state::Level level = state::Level::kProtected;

    /// Of tenant's part alone; no resource has such a name. Empty, where it is whole.
    std::string name() const { return resource->asks_tags() ? resource->meta.name + "/" + tenant : ""; }
};

class Parts {
public:
    /// Adds what tags say amiss to `problems`.
    Parts(const state::Cluster& cluster, std::vector<state::Problem>& problems);
    Parts(const Parts&) = delete;

    struct Address {
        Cidr cidr;
        const Part* part;
    };

    /// Each of the resource's addresses.
    std::vector<Address> of(const state::AwsResource& resource) const;

    const std::list<Part>& all() const { return parts_; }

private:
    class Reader;

    const Part* add(Part part);

    std::list<Part> parts_;
    std::map<std::string, const Part*> whole_;                      // by resource
    std::map<std::string, std::map<Cidr, const Part*>> by_address_; // by resource, of one in parts
};

} // namespace bulkhead::compile
