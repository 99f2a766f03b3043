// SPDX-License-Identifier: Apache-2.0
//
// An agent that is killed between any two writes: what the programs say then is what they said before, or what they
// would have said after, or stricter; and what both allow passes. The next agent makes of it what was wanted.
#include <bpf/bpf.h>

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <optional>

#include "bpf/agreement.h"

// The link puts these in the place of libbpf's (--wrap): all that the writer changes in the kernel goes through them.
extern "C" {
int __real_bpf_map_update_elem(int fd, const void* key, const void* value, __u64 flags);
int __real_bpf_map_delete_elem(int fd, const void* key);
int __real_bpf_map_update_batch(int fd, const void* keys, const void* values, __u32* count,
                                const struct bpf_map_batch_opts* options);
}

using namespace bulkhead;
using namespace bulkhead::test;

namespace {

constexpr size_t kChanges = 120;
constexpr size_t kQuestions = 120;

datapath::Kernel small_kernel() {
    auto kernel = datapath::Kernel::open_private(
        {.pin_dir = {},
         .sizes = {
             .endpoints = 256, .prefixes = 256, .identities = 512, .openings = 1024, .pods = 64, .flow_sets = 64}});
    REQUIRE(kernel);
    return std::move(*kernel);
}

struct Killed {};

std::optional<size_t> writes_left;

void before_write() {
    if (writes_left && (*writes_left)-- == 0) {
        writes_left.reset();
        throw Killed{};
    }
}

/// False if it was killed after that many writes.
bool show(Machine& machine, const compile::Desired& desired, size_t writes) {
    writes_left = writes;
    try {
        machine.show(desired);
    } catch (const Killed&) {
        return false;
    }
    writes_left.reset();
    return true;
}

std::vector<bool> dropped(const Machine& machine, const std::vector<Probe>& probes) {
    std::vector<bool> out;
    for (const auto& probe : probes)
        out.push_back(probe.at(machine).action == 2);
    return out;
}

std::string text_of(const Probe& probe) {
    return probe.src.text() + " -> " + probe.dst.text() + " protocol " + std::to_string(probe.protocol) + " port " +
           std::to_string(probe.port) + " at interface " + std::to_string(probe.circumstances.ifindex) + " from " +
           std::to_string(probe.circumstances.ingress_ifindex);
}

/// `pod` ends, and the next one of its node has its addresses.
bool reuse_address(std::vector<state::Object>& objects, state::Pod& pod) {
    if (pod.common->host_network || pod.finished) return false;
    for (auto& object : objects) {
        auto* next = std::get_if<state::Pod>(&object);
        if (next == nullptr || next == &pod || next->node != pod.node || next->common->host_network) continue;
        next->ips = std::exchange(pod.ips, {});
        pod.finished = true;
        return true;
    }
    return false;
}

/// One thing that somebody may change: an object gone, as in another cluster, or another pod's address.
std::vector<state::Object> with_change(std::vector<state::Object> objects, const std::vector<state::Object>& others,
                                       Dice& dice) {
    std::map<state::ObjectKey, const state::Object*> other;
    for (const auto& object : others)
        other[key_of(object)] = &object;
    for (;;) {
        const auto at = dice.below(objects.size());
        auto& object = objects[at];
        if (std::holds_alternative<state::Node>(object)) continue;
        if (auto* pod = std::get_if<state::Pod>(&object)) {
            if (reuse_address(objects, *pod)) return objects;
        } else if (const auto found = other.find(key_of(object)); found != other.end() && dice.percent(80)) {
            if (*found->second == object) continue;
            object = *found->second;
            return objects;
        } else if (!std::holds_alternative<state::Namespace>(object)) {
            objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(at));
            return objects;
        }
    }
}

void add_probes(const Stage& stage, const std::vector<Question>& questions, std::vector<Probe>& probes) {
    for (const auto& question : questions)
        if (const auto heard = as_heard(stage, question))
            if (const auto probe = stage.probe(*heard)) probes.push_back(*probe);
}

} // namespace

extern "C" {

int __wrap_bpf_map_update_elem(int fd, const void* key, const void* value, __u64 flags) {
    before_write();
    return __real_bpf_map_update_elem(fd, key, value, flags);
}

int __wrap_bpf_map_delete_elem(int fd, const void* key) {
    before_write();
    return __real_bpf_map_delete_elem(fd, key);
}

/// One by one while writes are counted: others see a batch half done.
int __wrap_bpf_map_update_batch(int fd, const void* keys, const void* values, __u32* count,
                                const struct bpf_map_batch_opts* options) {
    if (writes_left) return -EINVAL;
    return __real_bpf_map_update_batch(fd, keys, values, count, options);
}
}

TEST_CASE("killed between any two writes, an agent leaves nothing looser than before and after", "[random]") {
    Machine machine(small_kernel());
    size_t kills = 0, asked = 0, changed = 0, lost = 0, halfway = 0;
    for (uint64_t seed = 1; seed <= kChanges; ++seed) {
        RandomCluster one = random_cluster(seed), other = random_cluster(seed + 1000);
        Dice dice(seed);
        const auto first = brought_to_today(one);
        const auto second = with_change(first, brought_to_today(other), dice);
        Stage stage(first, one.settings, "node-a");
        std::vector<Probe> probes;
        add_probes(stage, random_questions(one, kQuestions, seed), probes);
        const auto from = stage.desired();
        stage.become(second);
        std::vector<compile::Desired> steps{from};
        if (stage.halfway()) steps.push_back(*stage.halfway());
        steps.push_back(stage.desired());
        halfway += stage.halfway().has_value();

        machine.show(steps.front());
        const auto before = dropped(machine, probes);
        for (const auto& step : steps)
            machine.show(step);
        const auto after = dropped(machine, probes);
        for (size_t i = 0; i < probes.size(); ++i)
            changed += before[i] != after[i];
        for (size_t step = 1; step < steps.size(); ++step) {
            for (size_t writes = 0;; ++writes) {
                machine.show(steps[step - 1]);
                if (show(machine, steps[step], writes)) break;
                ++kills;
                const auto now = dropped(machine, probes);
                for (size_t i = 0; i < probes.size(); ++i) {
                    INFO("cluster " << seed << " step " << step << ", after " << writes
                                    << " writes: " << text_of(probes[i]));
                    if (before[i] && after[i]) CHECK(now[i]);
                    lost += !before[i] && !after[i] && now[i];
                }
                asked += probes.size();
                machine.restart();
                machine.show(steps.back());
                CHECK(dropped(machine, probes) == after);
            }
        }
    }
    WARN(kills << " kills, " << asked << " packets asked about, " << changed << " verdicts changed, " << lost
               << " lost");
    CHECK(kills >= kChanges);
    CHECK(halfway > 0);
    CHECK(changed >= kChanges);
}
