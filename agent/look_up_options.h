// SPDX-License-Identifier: Apache-2.0
//
// How AWS and DNS are asked for AWSResources: by the controller, or by an agent with --resolve.
#pragma once

#include <string>
#include <vector>

#include "resolve/finder.h"

namespace CLI {
class App;
}

namespace bulkhead {

class LookUpOptions {
public:
    void add_to(CLI::App& app);

    /// After parsing.
    Result<> take(resolve::Settings& settings) const;

private:
    std::string region_;
    std::string cluster_;
    unsigned interval_ = 60; // seconds, as the other one
    unsigned grace_ = 1'800;
    aws::Budget budget_{};
    std::vector<std::string> servers_;
    size_t most_names_ = dns::Settings{}.most_names;
};

} // namespace bulkhead
