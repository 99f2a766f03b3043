// SPDX-License-Identifier: Apache-2.0
//
// Follows TargetGroupBindings and the AccessGrants that were made of them, and says what of these has to change. Beside
// the rest: where there are no such objects, or no right to read them, nothing else waits. An AccessGrant that somebody
// else wrote is left alone, whatever it is called.
//
// One thread; see Session for who calls when.
#pragma once

#include "base/metrics.h"
#include "controller/applier.h"
#include "controller/bindings.h"
#include "source/kube/reflector.h"
#include "source/kube/session.h"

namespace bulkhead::controller {

class LoadBalancers {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `session` must outlive it.
    explicit LoadBalancers(source::kube::Session& session);

    /// Starts what is due; after each work() of the session.
    void tick(Time now);

    /// Something of it, since the last call.
    bool take_changed();

    /// What is different, and what can't be granted; before both have been listed, nothing.
    void review(const Observed& observed, const state::Cluster& cluster, const compile::Settings& policy);
    const Changes& changes() const { return changes_; }
    const std::vector<state::Problem>& problems() const { return problems_; }

    metrics::Families metrics() const;

    /// Of following them.
    std::vector<std::string> errors() const;

private:
    void want(const std::string& name, const Binding& binding, std::map<std::string, Json> grants,
              const Observed& observed);

    source::kube::Session& session_;
    Kept<Binding> bindings_{read_binding};
    Kept<BoundGrant> made_{read_bound_grant};
    source::kube::Reflector follows_bindings_;
    source::kube::Reflector follows_made_;
    Changes changes_;
    std::vector<state::Problem> problems_;
    struct {
        size_t bindings = 0;
        size_t grants = 0;  // that there should be
        size_t refused = 0; // bindings that aren't granted as they say
    } counts_;
};

} // namespace bulkhead::controller
