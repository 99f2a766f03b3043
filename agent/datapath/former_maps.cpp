// SPDX-License-Identifier: Apache-2.0
#include "datapath/former_maps.h"

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

namespace bulkhead::datapath {

namespace fs = std::filesystem;

namespace {

constexpr const char* kControl = "control"; // without it, a set of pins is none

/// Those that say nothing when they are empty, so that a version without them knew as much.
constexpr std::array kMayBeNew{"overrides", "told", "untold"};

/// Those whose content nobody misses: what is in flight, and figures that begin anew as after a reboot.
constexpr std::array kNotCopied{"flows", "fragments", "counters", "statistics", "limiter", "told", "untold", "events"};

bool contains(const auto& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

bool is_there(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

bool has_entries(const fs::path& directory) {
    std::error_code ignored;
    return fs::directory_iterator(directory, ignored) != fs::directory_iterator();
}

Result<> remove_pins(const fs::path& directory) {
    std::error_code error;
    fs::remove(directory / kControl, error); // first: from now on it is no set
    if (!error) fs::remove_all(directory, error);
    if (error) return fail("remove " + directory.string(), error.value());
    return {};
}

/// Removes what `maps` has, and calls `maps_next` so.
Result<> swap_in(const PinDir& pins) {
    if (auto removed = remove_pins(pins.maps()); !removed) return removed;
    std::error_code error;
    fs::rename(pins.next_maps(), pins.maps(), error);
    if (error) return fail("rename " + pins.next_maps().string(), error.value());
    return {};
}

/// Somebody was killed while ours took the place of the old ones: if those are no set any more, ours are whole.
Result<> complete_interrupted(const PinDir& pins) {
    if (!is_there(pins.next_maps())) return {};
    if (!is_there(pins.maps() / kControl) && is_there(pins.next_maps() / kControl)) return swap_in(pins);
    return remove_pins(pins.next_maps());
}

MapFds open_pins(const fs::path& directory) {
    MapFds found;
    std::error_code ignored;
    for (const auto& pin : fs::directory_iterator(directory, ignored)) {
        Fd fd(bpf_obj_get(pin.path().c_str()));
        if (fd.valid()) found[pin.path().filename().string()] = std::move(fd);
    }
    return found;
}

struct Shape {
    bpf_map_info info{};
    static std::optional<Shape> of(int fd) {
        Shape shape;
        uint32_t size = sizeof(shape.info);
        if (bpf_map_get_info_by_fd(fd, &shape.info, &size) != 0) return std::nullopt;
        return shape;
    }
};

/// Of whatever version: its first two words have always been these.
struct ControlHead {
    uint32_t abi_version = 0;
    uint32_t armed = 0;
};

ControlHead read_head(int control) {
    const auto shape = Shape::of(control);
    if (!shape || shape->info.key_size != sizeof(uint32_t) || shape->info.value_size < sizeof(ControlHead)) return {};
    std::vector<std::byte> value(shape->info.value_size);
    const uint32_t first = 0;
    ControlHead head;
    if (bpf_map_lookup_elem(control, &first, value.data()) == 0) std::memcpy(&head, value.data(), sizeof head);
    return head;
}

bool same_rows(const Shape& a, const Object& object, const std::string& name) {
    return object.has_rows_like(name, a.info.type, a.info.key_size, a.info.value_size);
}

/// Why there is no set to take over; sorts it, if there is.
std::string sort(MapFds& pinned, const Object& object, FormerMaps& former) {
    for (const auto& name : object.map_names()) {
        auto pin = pinned.find(name);
        if (pin == pinned.end()) {
            if (!contains(kMayBeNew, name)) return "map " + name + " is missing";
            former.lacks = true;
            continue;
        }
        if (object.fits(name, pin->second.get())) {
            former.shared[name] = std::move(pin->second);
            continue;
        }
        const auto shape = Shape::of(pin->second.get());
        const bool is_copied = !contains(kNotCopied, name);
        if (is_copied && (!shape || !same_rows(*shape, object, name))) return "map " + name + " has other rows";
        if (is_copied)
            former.resized[name] = std::move(pin->second);
        else
            former.lacks = true;
    }
    return "";
}

Result<> copy_map(const std::string& name, int from, int to) {
    const auto shape = Shape::of(from);
    if (!shape) return fail("look at map " + name, errno);
    std::vector<std::byte> key(shape->info.key_size), next(shape->info.key_size), value(shape->info.value_size);
    const std::vector<std::byte> nothing(shape->info.value_size);
    const bool is_array = shape->info.type == BPF_MAP_TYPE_ARRAY;
    const void* previous = nullptr;
    int error = 0;
    while ((error = -bpf_map_get_next_key(from, previous, next.data())) == 0) {
        key = next;
        previous = key.data();
        if (int lost = -bpf_map_lookup_elem(from, key.data(), value.data())) return fail("copy map " + name, lost);
        if (is_array && value == nothing) continue;
        if (int refused = -bpf_map_update_elem(to, key.data(), value.data(), BPF_ANY))
            return fail("copy map " + name, refused);
    }
    if (error != ENOENT) return fail("copy map " + name, error); // anything else is no end
    return {};
}

} // namespace

Result<FormerMaps> find_former_maps(const PinDir& pins, const Object& object) {
    if (auto done = complete_interrupted(pins); !done) return tl::unexpected(done.error());
    FormerMaps former;
    MapFds pinned = open_pins(pins.maps());
    if (pinned.empty()) {
        if (has_entries(pins.links()) || has_entries(pins.qdiscs())) former.strange = "they are gone";
        return former;
    }
    const auto control = pinned.find(kControl);
    const auto head = control == pinned.end() ? ControlHead{} : read_head(control->second.get());
    former.armed = (head.armed & BH_ARMED) != 0;
    auto why = head.abi_version == BH_ABI_VERSION ? sort(pinned, object, former) : "they are of another version";
    if (why.empty() && !pinned.contains(kSeedName)) why = "the flow seed is missing";
    if (!why.empty()) return FormerMaps{.strange = why, .armed = former.armed};
    former.shared[kSeedName] = std::move(pinned.at(kSeedName));
    return former;
}

Result<> copy_rows(const MapFds& from, const MapFds& to) {
    for (const auto& [name, fd] : from)
        if (auto copied = copy_map(name, fd.get(), to.at(name).get()); !copied) return copied;
    return {};
}

Result<> replace_pinned_maps(const PinDir& pins, const MapFds& maps, int seed) {
    if (is_there(pins.next_maps()))
        if (auto removed = remove_pins(pins.next_maps()); !removed) return removed;
    std::error_code error;
    fs::create_directories(pins.next_maps(), error);
    if (error) return fail("create " + pins.next_maps().string(), error.value());
    if (auto pinned = pin(seed, pins.next_maps() / kSeedName); !pinned) return pinned;
    for (const auto& [name, fd] : maps)
        if (name != kControl)
            if (auto pinned = pin(fd.get(), pins.next_maps() / name); !pinned) return pinned;
    if (auto pinned = pin(maps.at(kControl).get(), pins.next_maps() / kControl); !pinned) return pinned;
    return swap_in(pins);
}

} // namespace bulkhead::datapath
