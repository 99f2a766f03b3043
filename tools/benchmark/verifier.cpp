// SPDX-License-Identifier: Apache-2.0
#include "verifier.h"

#include <bpf/bpf.h>

#include <chrono>

#include "datapath/kernel.h"
#include "datapath/object.h"

namespace bulkhead::bench {

namespace {

using Clock = std::chrono::steady_clock;

Result<VerifiedProgram> look_at(const Fd& program) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_prog_get_info_by_fd(program.get(), &info, &size) != 0) return fail("ask about a program", errno);
    return VerifiedProgram{.name = info.name, .instructions = info.verified_insns, .jited_bytes = info.jited_prog_len};
}

Result<Variant> load(const std::string& name, const bh_config& config) {
    const datapath::Kernel::Settings settings;
    const auto begun = Clock::now();
    auto object = datapath::Object::open(settings.sizes, config);
    if (!object) return tl::unexpected(object.error());
    const auto loaded = object->load();
    if (!loaded) return within("load variant " + name, loaded.error());
    const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
    Variant variant{.name = name, .load_milliseconds = took.count(), .programs = {}};
    const auto& programs = loaded->programs;
    for (const Fd* program : {&programs.from_pod, &programs.to_pod, &programs.uplink}) {
        auto verified = look_at(*program);
        if (!verified) return tl::unexpected(verified.error());
        variant.programs.push_back(std::move(*verified));
    }
    return variant;
}

} // namespace

Result<std::vector<Variant>> measure_loads() {
    bh_config enforcing{};
    enforcing.flow_seed = 1;
    enforcing.answer_mark = datapath::Kernel::Settings{}.answer_mark;
    bh_config rehearsal = enforcing;
    rehearsal.rehearsal = BH_REHEARSAL;
    bh_config silent = rehearsal;
    silent.silent = 1;
    std::vector<Variant> variants;
    for (const auto& [name, config] :
         {std::pair{"enforcing", enforcing}, {"rehearsal", rehearsal}, {"silent", silent}}) {
        auto variant = load(name, config);
        if (!variant) return tl::unexpected(variant.error());
        variants.push_back(std::move(*variant));
    }
    return variants;
}

} // namespace bulkhead::bench
