// SPDX-License-Identifier: Apache-2.0
//
// Where a soak takes place: a net of podnet's with two nodes, and a directory, both of this process' own. What a
// killed one left behind, the next clears away.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace bulkhead::soak {

class Stage {
public:
    static Result<Stage> create();
    Stage(Stage&& other) noexcept;
    Stage& operator=(Stage&&) = delete;
    ~Stage();

    const std::string& net() const { return net_; }
    const std::filesystem::path& directory() const { return directory_; }

private:
    explicit Stage(const std::string& number);

    std::string net_; // empty once moved from
    std::filesystem::path directory_;
};

} // namespace bulkhead::soak
