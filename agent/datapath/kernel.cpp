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

constexpr const char* kSeedName = "flow_seed";

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

/// Descriptors of all named pins, or none if one is missing.
MapFds open_pins(const fs::path& directory, const std::vector<std::string>& names) {
    MapFds found;
    for (const std::string& name : names) {
        Fd fd(bpf_obj_get((directory / name).c_str()));
        if (!fd.valid()) return {};
        found[name] = std::move(fd);
    }
    return found;
}

bool same_abi(const MapFds& pinned) {
    auto fd = duplicate(pinned.at("control").get());
    if (!fd) return false;
    const Map<uint32_t, bh_control> control(std::move(*fd), "control", 1);
    const auto row = control.find(0);
    return row && row->abi_version == BH_ABI_VERSION;
}

} // namespace

bh_config Kernel::config(bool rehearsal, bool silent) const {
    bh_config config{};
    config.flow_seed = seed_;
    config.rehearsal = rehearsal;
    config.silent = silent;
    config.answer_mark = answer_mark_;
    config.skb = skb_layout_;
    return config;
}

/// Leaves `found` empty where the maps can't be taken over.
Result<> Kernel::find_pinned_maps(const Object& object, MapFds& found) const {
    std::vector<std::string> names = object.map_names();
    names.emplace_back(kSeedName);
    MapFds pinned = open_pins(pin_dir_.maps(), names);
    if (!pinned.empty()) {
        bool fits = true;
        for (const auto& [name, fd] : pinned)
            fits = fits && (name == kSeedName || object.fits(name, fd.get()));
        if (fits && same_abi(pinned)) {
            found = std::move(pinned);
            return {};
        }
        spdlog::warn("the maps pinned in {} are of another version or size; making new ones", pin_dir_.maps().string());
    }
    std::error_code unmarked;
    if (fs::remove(pin_dir_.adopted_mark(), unmarked); unmarked) // it was about them
        return fail("remove " + pin_dir_.adopted_mark().string(), unmarked.value());
    // All or nothing: half of an old set must never be found beside half of a new one.
    for (std::error_code error; const auto& pin : fs::directory_iterator(pin_dir_.maps(), error))
        if (!fs::remove(pin.path(), error)) return fail("remove " + pin.path().string(), error.value());
    return {};
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
Result<> Kernel::introduce(uint32_t events_per_second) {
    auto clock = JiffiesClock::calibrate(programs_.clock.get());
    if (!clock) return tl::unexpected(clock.error());
    clock_ = *clock;
    auto row = maps_.control.find(0);
    if (!row) return fail("read map control", ENOENT);
    row->abi_version = BH_ABI_VERSION;
    row->ticks_per_second = clock_->hertz();
    row->events_per_second = events_per_second;
    if (int error = maps_.control.put(0, *row)) return fail("write map control", error);
    return {};
}

Result<> Kernel::pin_maps() const {
    for (const auto& [name, fd] : map_fds_)
        if (auto pinned = pin(fd.get(), pin_dir_.maps() / name); !pinned) return pinned;
    return pin(maps_.flow_seed.fd(), pin_dir_.maps() / kSeedName);
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
    if (auto entered = kernel.enter(settings); !entered) return tl::unexpected(entered.error());

    // Sizes are compared before the seed is known, and the seed must be known before the load.
    MapFds pinned;
    const auto shape = Object::open(settings.sizes, bh_config{});
    if (!shape) return tl::unexpected(shape.error());
    if (auto found = kernel.find_pinned_maps(*shape, pinned); !found) return tl::unexpected(found.error());
    kernel.restored_ = !pinned.empty();
    if (auto seed = kernel.take_seed(pinned); !seed) return tl::unexpected(seed.error());
    if (auto loaded = kernel.load(kernel.config(false, false), pinned); !loaded) return tl::unexpected(loaded.error());
    if (auto told = kernel.introduce(settings.events_per_second); !told) return tl::unexpected(told.error());
    if (!kernel.restored_)
        if (auto pins = kernel.pin_maps(); !pins) return tl::unexpected(pins.error());
    if (auto pins = kernel.pin_programs(); !pins) return tl::unexpected(pins.error());
    return kernel;
}

Result<Kernel> Kernel::open_private(const Settings& settings) {
    Kernel kernel;
    kernel.sizes_ = settings.sizes;
    kernel.answer_mark_ = settings.answer_mark;
    if (auto known = kernel.take_features(settings); !known) return tl::unexpected(known.error());
    if (auto seed = kernel.take_seed({}); !seed) return tl::unexpected(seed.error());
    if (auto loaded = kernel.load(kernel.config(true, false), {}); !loaded) return tl::unexpected(loaded.error());
    if (auto told = kernel.introduce(settings.events_per_second); !told) return tl::unexpected(told.error());
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
