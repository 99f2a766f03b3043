// SPDX-License-Identifier: Apache-2.0
#include "datapath/kernel.h"

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <filesystem>
#include <utility>

#include "datapath/probe.h"
#include "datapath/skb_layout.h"

namespace bulkhead::datapath {

namespace fs = std::filesystem;

namespace {

Result<uint64_t> random_seed() {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) return fail("draw a random number", errno);
    return seed;
}

Result<Fd> create_seed_map() {
    Fd fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, kSeedName, sizeof(uint32_t), sizeof(uint64_t), 1, nullptr));
    if (!fd.valid()) return fail(std::string("create map ") + kSeedName, errno);
    return fd;
}

} // namespace

bh_config Kernel::config(bool rehearsal, bool silent) const {
    bh_config config{};
    config.flow_seed = seed_;
    config.rehearsal = rehearsal;
    config.silent = silent;
    config.answer_mark = answer_mark_;
    config.skb = skb_layout_;
    config.visibility = static_cast<uint8_t>(telling_.visibility);
    config.repeat_seconds = telling_.repeat_seconds;
    return config;
}

Result<> Kernel::take_seed(const MapFds& pinned) {
    const auto known = pinned.find(kSeedName);
    auto fd = known != pinned.end() ? duplicate(known->second.get()) : create_seed_map();
    if (!fd) return tl::unexpected(fd.error());
    maps_.flow_seed = Map<uint32_t, uint64_t>(std::move(*fd), kSeedName, 1);
    seed_ = maps_.flow_seed.find(0).value_or(0);
    if (seed_ != 0) return {};
    const auto drawn = random_seed();
    if (!drawn) return tl::unexpected(drawn.error());
    seed_ = *drawn;
    if (int error = maps_.flow_seed.put(0, seed_)) return fail("write the flow seed", error);
    return {};
}

Result<> Kernel::load(const bh_config& config, const MapFds& reused) {
    auto object = Object::open(sizes_, config);
    if (!object) return tl::unexpected(object.error());
    for (const auto& [name, fd] : reused) {
        if (name == kSeedName) continue;
        if (auto taken = object->reuse(name, fd.get()); !taken) return taken;
    }
    auto loaded = object->load();
    if (!loaded) return tl::unexpected(loaded.error());
    auto maps = typed(loaded->maps);
    if (!maps) return tl::unexpected(maps.error());
    maps->flow_seed = std::move(maps_.flow_seed);
    maps->flow_sets = sizes_.flow_sets;
    maps_ = std::move(*maps);
    map_fds_ = std::move(loaded->maps);
    programs_ = std::move(loaded->programs);
    return {};
}

/// Tells the programs what they can't know; must stand before anything is pinned or attached.
Result<> Kernel::introduce() {
    auto clock = JiffiesClock::calibrate(programs_.clock.get());
    if (!clock) return tl::unexpected(clock.error());
    clock_ = *clock;
    auto row = maps_.control.find(0);
    if (!row) return fail("read map control", ENOENT);
    row->abi_version = BH_ABI_VERSION;
    row->ticks_per_second = clock_->hertz();
    row->events_per_second = telling_.events_per_second;
    if (waits_ && former_.armed) row->armed |= BH_ARMED; // who isn't known yet is held, as before
    if (int error = maps_.control.put(0, *row)) return fail("write map control", error);
    return {};
}

Result<> Kernel::pin_programs() const {
    const std::pair<const char*, const Fd*> programs[] = {
        {"bh_to_pod", &programs_.to_pod}, {"bh_from_pod", &programs_.from_pod}, {"bh_uplink", &programs_.uplink}};
    for (const auto& [name, fd] : programs)
        if (auto pinned = pin(fd->get(), pin_dir_.programs() / name); !pinned) return pinned;
    return {};
}

/// Lock first: what follows must not happen twice at once.
Result<> Kernel::enter(const Settings& settings) {
    auto directory = PinDir::named(settings.pin_dir);
    if (!directory) return tl::unexpected(directory.error());
    pin_dir_ = std::move(*directory);
    auto lock = Lock::take(pin_dir_.root.string());
    if (!lock) return within("start", lock.error());
    lock_ = std::move(*lock);
    if (auto known = take_features(settings); !known) return known;
    return pin_dir_.create();
}

Result<> Kernel::take_features(const Settings& settings) {
    const Result<Features> features = settings.features ? *settings.features : probe_features();
    if (!features) return tl::unexpected(features.error());
    features_ = *features;
    if (features_.btf && features_.kernel_reads) skb_layout_ = find_skb_layout();
    return {};
}

Result<Kernel> Kernel::open(const Settings& settings) {
    Kernel kernel;
    kernel.sizes_ = settings.sizes;
    kernel.answer_mark_ = settings.answer_mark;
    kernel.telling_ = settings.telling;
    if (auto entered = kernel.enter(settings); !entered) return tl::unexpected(entered.error());

    // Sizes are compared before the seed is known, and the seed must be known before the load.
    const auto shape = Object::open(settings.sizes, bh_config{});
    if (!shape) return tl::unexpected(shape.error());
    auto former = find_former_maps(kernel.pin_dir_, *shape);
    if (!former) return tl::unexpected(former.error());
    kernel.former_ = std::move(*former);
    if (auto taken = kernel.take_over(); !taken) return tl::unexpected(taken.error());
    if (auto pins = kernel.pin_programs(); !pins) return tl::unexpected(pins.error());
    return kernel;
}

/// Loads the programs with what there is of a former agent's maps. Its rows may have no room in ours: then once more,
/// without.
Result<> Kernel::take_over() {
    if (auto loaded = load_beside_former(); !loaded) return loaded;
    if (former_.are_ours()) return {};
    auto filled = fill();
    if (!filled) {
        former_ = {.strange = filled.error().text, .armed = former_.armed};
        if (auto loaded = load_beside_former(); !loaded) return loaded;
    }
    const bool remembers = restored_ && former_.shared.contains("flows");
    std::error_code unmarked;
    if (!remembers && (fs::remove(pin_dir_.adopted_mark(), unmarked), unmarked)) // it was about others
        return fail("remove " + pin_dir_.adopted_mark().string(), unmarked.value());
    if (waits_) {
        spdlog::warn("of the maps pinned in {} none can be taken over: {}; their programs go on until all is known",
                     pin_dir_.maps().string(), former_.strange);
        return {};
    }
    moved_ = restored_;
    if (moved_) spdlog::info("took over maps of another size or version");
    former_.resized.clear();
    return replace_pinned_maps(pin_dir_, map_fds_, maps_.flow_seed.fd());
}

Result<> Kernel::load_beside_former() {
    restored_ = !former_.shared.empty();
    waits_ = !former_.strange.empty();
    if (auto seed = take_seed(former_.shared); !seed) return seed;
    if (auto loaded = load(config(false, false), former_.shared); !loaded) return loaded;
    return introduce();
}

/// Pods whose flow memory could not come along get a new one from the writer, and their conversations are adopted.
Result<> Kernel::fill() {
    if (auto copied = copy_rows(former_.resized, map_fds_); !copied) return copied;
    if (!restored_ || former_.shared.contains("flows")) return {};
    std::map<uint32_t, bh_pod> pods;
    auto read = maps_.pods.for_each([&](uint32_t slot, const bh_pod& pod) {
        if (pod.flow_sets != 0) pods.emplace(slot, pod);
    });
    if (!read) return read;
    for (auto& [slot, pod] : pods) {
        pod.flow_sets = 0;
        pod.flags |= BH_POD_OLDER; // than its new memory
        if (int error = maps_.pods.put(slot, pod)) return fail("write map pods", error);
    }
    return {};
}

Result<> Kernel::replace_former() {
    if (auto pinned = replace_pinned_maps(pin_dir_, map_fds_, maps_.flow_seed.fd()); !pinned) return pinned;
    waits_ = false;
    return {};
}

Result<Kernel> Kernel::open_private(const Settings& settings) {
    Kernel kernel;
    kernel.sizes_ = settings.sizes;
    kernel.answer_mark_ = settings.answer_mark;
    kernel.telling_ = settings.telling;
    if (auto known = kernel.take_features(settings); !known) return tl::unexpected(known.error());
    if (auto seed = kernel.take_seed({}); !seed) return tl::unexpected(seed.error());
    if (auto loaded = kernel.load(kernel.config(true, false), {}); !loaded) return tl::unexpected(loaded.error());
    if (auto told = kernel.introduce(); !told) return tl::unexpected(told.error());
    return kernel;
}

bool Kernel::adopted() const {
    std::error_code ignored;
    return fs::exists(pin_dir_.adopted_mark(), ignored);
}

Result<> Kernel::note_adopted() const {
    std::error_code error;
    fs::create_directory(pin_dir_.adopted_mark(), error);
    if (error) return fail("create " + pin_dir_.adopted_mark().string(), error.value());
    return {};
}

Result<Programs> Kernel::load_rehearsal() const {
    auto object = Object::open(sizes_, config(true, true));
    if (!object) return tl::unexpected(object.error());
    for (const auto& [name, fd] : map_fds_)
        if (auto taken = object->reuse(name, fd.get()); !taken) return tl::unexpected(taken.error());
    auto loaded = object->load();
    if (!loaded) return within("load the rehearsal", loaded.error());
    return std::move(loaded->programs);
}

} // namespace bulkhead::datapath
