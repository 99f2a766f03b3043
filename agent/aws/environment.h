// SPDX-License-Identifier: Apache-2.0
//
// Environment variables, as AWS' SDKs read them: an empty one counts as unset. The process' own, or a test's.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

namespace bulkhead::aws {

class Environment {
public:
    static Environment real() { return Environment(std::nullopt); }
    explicit Environment(std::optional<std::map<std::string, std::string>> variables)
        : variables_(std::move(variables)) {}

    /// Empty: unset.
    std::string get(const std::string& name) const {
        if (!variables_) {
            const char* value = std::getenv(name.c_str());
            return value == nullptr ? "" : value;
        }
        const auto found = variables_->find(name);
        return found == variables_->end() ? "" : found->second;
    }

private:
    std::optional<std::map<std::string, std::string>> variables_; // none: the process'
};

} // namespace bulkhead::aws
