// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

namespace bulkhead::bench {

namespace {

/// All that the packets' way depends on; each program's scratch may well be its own.
Result<> share_maps(datapath::Object& object, const datapath::Maps& maps) {
    for (const RawMap* map : std::initializer_list<const RawMap*>{
             &maps.endpoints4, &maps.endpoints6, &maps.prefixes4, &maps.prefixes6, &maps.identities, &maps.interfaces,
             &maps.pods, &maps.openings, &maps.flows, &maps.counters, &maps.statistics, &maps.events, &maps.control})
        if (auto taken = object.reuse(map->name(), map->fd()); !taken) return taken;
    return {};
}

} // namespace

Result<UnderTest> load_under_test(bh_visibility visibility) {
    const datapath::Kernel::Settings settings;
    auto kernel = datapath::Kernel::open_private(settings);
    if (!kernel) return tl::unexpected(kernel.error());
    bh_config config{};
    config.flow_seed = kernel->maps().flow_seed.find(0).value_or(0);
    config.answer_mark = settings.answer_mark;
    config.rehearsal = BH_REHEARSAL_UNANSWERED;
    config.visibility = static_cast<uint8_t>(visibility);
    config.repeat_seconds = settings.telling.repeat_seconds;
    auto object = datapath::Object::open(settings.sizes, config);
    if (!object) return tl::unexpected(object.error());
    if (auto shared = share_maps(*object, kernel->maps()); !shared) return tl::unexpected(shared.error());
    auto loaded = object->load();
    if (!loaded) return within("load the programs to be timed", loaded.error());
    return UnderTest{.kernel = std::move(*kernel), .timed = std::move(loaded->programs)};
}

} // namespace bulkhead::bench
