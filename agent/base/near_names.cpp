// SPDX-License-Identifier: Apache-2.0
#include "base/near_names.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

namespace bulkhead {

namespace {

constexpr size_t kMost = 3;
constexpr size_t kLongest = 256; // bytes of a name that is compared at all

/// So many characters are to be changed, added, left out, or exchanged with their neighbour (Damerau, in its restricted
/// form).
size_t distance(std::string_view one, std::string_view other) {
    std::vector<size_t> before_last;
    std::vector<size_t> last(other.size() + 1);
    std::iota(last.begin(), last.end(), size_t{0});
    for (size_t i = 1; i <= one.size(); ++i) {
        std::vector<size_t> row(other.size() + 1, i);
        for (size_t j = 1; j <= other.size(); ++j) {
            const size_t changed = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
            row[j] = std::min({changed, last[j] + 1, row[j - 1] + 1});
            const bool are_exchanged = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
            if (are_exchanged) row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        before_last = std::exchange(last, std::move(row));
    }
    return last.back();
}

std::string_view base_of(std::string_view name) {
    return name.substr(name.rfind('/') + 1); // npos + 1 = 0
}

} // namespace

std::vector<std::string> near_names(const std::string& name, const std::set<std::string>& known) {
    if (name.empty() || name.size() > kLongest) return {};
    std::vector<std::pair<size_t, std::string>> found;
    for (const auto& candidate : known) {
        if (candidate.size() > kLongest) continue;
        const size_t apart = std::min(distance(name, candidate), distance(base_of(name), base_of(candidate)));
        const size_t most = std::max<size_t>(1, base_of(name).size() / 4);
        if (apart <= most) found.emplace_back(apart, candidate);
    }
    std::ranges::sort(found);
    found.resize(std::min(found.size(), kMost));
    std::vector<std::string> names;
    for (auto& [apart, candidate] : found)
        names.push_back(std::move(candidate));
    return names;
}

std::string suggestion(const std::string& name, const std::set<std::string>& known) {
    const auto names = near_names(name, known);
    std::string text;
    for (size_t i = 0; i < names.size(); ++i)
        text += (i == 0 ? "; did you mean " : i + 1 == names.size() ? " or " : ", ") + names[i];
    return text.empty() ? text : text + "?";
}

} // namespace bulkhead
