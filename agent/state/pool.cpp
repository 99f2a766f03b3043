// SPDX-License-Identifier: Apache-2.0
#include "state/pool.h"

#include <algorithm>

namespace bulkhead::state {

namespace {

constexpr size_t kSmallestSweep = 64;

class Hasher {
public:
    void add(std::string_view text) { mix(std::hash<std::string_view>{}(text)); }
    void add(uint64_t number) { mix(std::hash<uint64_t>{}(number)); }
    size_t value() const { return value_; }

private:
    void mix(size_t next) { value_ ^= next + 0x9e3779b97f4a7c15u + (value_ << 6) + (value_ >> 2); }
    size_t value_ = 0;
};

size_t next_sweep(size_t size) {
    return std::max(kSmallestSweep, size * 2);
}

} // namespace

size_t Pool::TemplateHash::operator()(const PodTemplate& value) const {
    Hasher hasher;
    for (const auto& [key, text] : value.labels) {
        hasher.add(key);
        hasher.add(text);
    }
    hasher.add(value.service_account);
    hasher.add(value.expose);
    for (const auto& port : value.ports)
        hasher.add(port.port);
    hasher.add(value.host_network ? 1 : 0);
    hasher.add(value.workload.name);
    return hasher.value();
}

std::shared_ptr<const PodTemplate> Pool::share(PodTemplate value) {
    if (const auto found = templates_.find(value); found != templates_.end()) return *found;
    if (templates_.size() >= sweep_templates_at_) sweep_templates();
    return *templates_.insert(std::make_shared<const PodTemplate>(std::move(value))).first;
}

SharedText Pool::share(std::string_view text) {
    if (text.empty()) return {};
    if (const auto found = texts_.find(text); found != texts_.end()) return *found;
    if (texts_.size() >= sweep_texts_at_) sweep_texts();
    return *texts_.insert(SharedText(std::string(text))).first;
}

void Pool::sweep_templates() {
    std::erase_if(templates_, [](const TemplatePtr& value) { return value.use_count() == 1; });
    sweep_templates_at_ = next_sweep(templates_.size());
}

void Pool::sweep_texts() {
    std::erase_if(texts_, [](const SharedText& text) { return text.is_unique(); });
    sweep_texts_at_ = next_sweep(texts_.size());
}

} // namespace bulkhead::state
