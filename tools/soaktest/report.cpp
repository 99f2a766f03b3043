// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <sys/utsname.h>

#include <nlohmann/json.hpp>

namespace bulkhead::soak {

namespace {

struct Row {
    const char* key;
    const char* words;
};

constexpr std::array<Row, kCounts> kCountRows{{
#define X(name, key, words) {key, words},
    SOAK_COUNTS(X)
#undef X
}};

constexpr std::array<Row, kFindings> kFindingRows{{
#define X(name, key, words) {key, words},
    SOAK_FINDINGS(X)
#undef X
}};

std::string row_text(const char* words, uint64_t number) {
    const std::string digits = std::to_string(number);
    return std::string(digits.size() < 12 ? 12 - digits.size() : 0, ' ') + digits + "  " + words + "\n";
}

std::string kernel() {
    utsname name{};
    return uname(&name) == 0 ? name.release : "";
}

} // namespace

std::string table_of(const Ledger& ledger, const Circumstances& circumstances) {
    std::string text = "\nseed " + std::to_string(circumstances.plan.seed) + ", " +
                       std::to_string(static_cast<int>(ledger.seconds())) + " s, kernel " + kernel() + "\n\n";
    for (size_t i = 0; i < kCounts; ++i)
        text += row_text(kCountRows.at(i).words, ledger.counted(static_cast<Count>(i)));
    text += row_text("seconds that the longest wait there took",
                     static_cast<uint64_t>(circumstances.longest_gate_wait_s + 0.5));
    text += "\nRequired to be 0:\n\n";
    for (size_t i = 0; i < kFindings; ++i)
        text += row_text(kFindingRows.at(i).words, ledger.found(static_cast<Finding>(i)));
    return text + "\n";
}

std::string json_of(const Ledger& ledger, const Circumstances& circumstances) {
    nlohmann::ordered_json json;
    json["seed"] = circumstances.plan.seed;
    json["kernel"] = kernel();
    json["seconds_asked"] = circumstances.plan.length.count();
    json["seconds"] = ledger.seconds();
    json["builds"] = circumstances.builds;
    json["longest_round_ms"] = circumstances.longest_round_ms;
    json["longest_gate_wait_s"] = circumstances.longest_gate_wait_s;
    for (size_t i = 0; i < kCounts; ++i)
        json["counts"][kCountRows.at(i).key] = ledger.counted(static_cast<Count>(i));
    for (size_t i = 0; i < kFindings; ++i)
        json["required_zero"][kFindingRows.at(i).key] = ledger.found(static_cast<Finding>(i));
    json["findings"] = ledger.findings();
    return json.dump(2) + "\n";
}

} // namespace bulkhead::soak
