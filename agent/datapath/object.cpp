// SPDX-License-Identifier: Apache-2.0
#include "datapath/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "datapath/skeleton.h"

namespace bulkhead::datapath {

namespace {

/// What libbpf and the verifier say while a load runs: only worth reading when it fails.
std::string& words() {
    static std::string text;
    return text;
}

int keep_words(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    va_list again;
    va_copy(again, arguments);
    const int length = std::vsnprintf(nullptr, 0, format, arguments);
    if (length > 0) {
        std::string line(static_cast<size_t>(length) + 1, '\0');
        std::vsnprintf(line.data(), line.size(), format, again);
        line.pop_back();
        words() += line;
    }
    va_end(again);
    return 0;
}

/// Each load has its own: the configuration, and the room for one packet, which a rehearsal must not share since
/// real packets interrupt it.
bool is_private(const bpf_map* map) {
    const std::string_view name = bpf_map__name(map);
    return bpf_map__is_internal(map) || name == "scratch" || name == "adopting_room";
}

Result<> set_size(bpf_object* object, const char* name, uint32_t entries) {
    bpf_map* map = bpf_object__find_map_by_name(object, name);
    if (map == nullptr) return fail(std::string("find map ") + name, ENOENT);
    if (int error = -bpf_map__set_max_entries(map, entries)) return fail(std::string("size map ") + name, error);
    return {};
}

Result<Fd> program_fd(bpf_object* object, const char* name) {
    const bpf_program* program = bpf_object__find_program_by_name(object, name);
    if (program == nullptr) return fail(std::string("find program ") + name, ENOENT);
    return duplicate(bpf_program__fd(program));
}

Result<> collect_programs(bpf_object* object, Programs& programs) {
    const std::pair<const char*, Fd*> wanted[] = {
        {"bh_to_pod", &programs.to_pod},      {"bh_from_pod", &programs.from_pod},
        {"bh_uplink", &programs.uplink},      {"bh_clock", &programs.clock},
        {"bh_adopt", &programs.adopt},        {"bh_tell_rest", &programs.tell_rest},
        {"bh_recollect", &programs.recollect}};
    for (const auto& [name, into] : wanted) {
        auto fd = program_fd(object, name);
        if (!fd) return tl::unexpected(fd.error());
        *into = std::move(*fd);
    }
    return {};
}

template <typename TypedMap>
Result<> take(const MapFds& fds, const char* name, TypedMap& into) {
    const auto found = fds.find(name);
    if (found == fds.end()) return fail(std::string("find map ") + name, ENOENT);
    bpf_map_info info{};
    uint32_t size = sizeof(info);
    if (int error = -bpf_map_get_info_by_fd(found->second.get(), &info, &size))
        return fail(std::string("look at map ") + name, error);
    auto fd = duplicate(found->second.get());
    if (!fd) return tl::unexpected(fd.error());
    into = TypedMap(std::move(*fd), name, info.max_entries);
    return {};
}

} // namespace

Result<Fd> duplicate(int fd) {
    Fd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!copy.valid()) return fail("duplicate a descriptor", errno);
    return copy;
}

void Object::Close::operator()(bpf_object* object) const {
    bpf_object__close(object);
}

Result<Object> Object::open(const Sizes& sizes, const bh_config& config) {
    libbpf_set_print(keep_words);
    Object object(bh_skeleton_open());
    if (!object.object_) return fail("read the built-in BPF programs", errno);
    bh_config* const place = bh_skeleton_config(object.object_.get());
    if (place == nullptr) return fail("find the programs' configuration", ENOENT);
    *place = config;
    if (auto sized = object.resize(sizes); !sized) return tl::unexpected(sized.error());
    return object;
}

Result<> Object::resize(const Sizes& sizes) {
    const std::pair<const char*, uint32_t> entries[] = {
        {"endpoints4", sizes.endpoints},
        {"endpoints6", sizes.endpoints},
        {"prefixes4", sizes.prefixes + 1}, // a trie that is quite full refuses even updates on 5.10
        {"prefixes6", sizes.prefixes + 1},
        {"identities", sizes.identities},
        {"tenants", sizes.identities},
        {"interfaces", sizes.pods * BH_POD_INTERFACES},
        {"pods", sizes.pods},
        {"openings", sizes.openings},
        {"flows", sizes.pods},
        {"counters", sizes.pods * 2 * BH_REASON_COUNT},
        {"events", sizes.events_bytes},
    };
    for (const auto& [name, count] : entries)
        if (auto sized = set_size(object_.get(), name, count); !sized) return sized;
    return {};
}

std::vector<std::string> Object::map_names() const {
    std::vector<std::string> names;
    const bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get()) {
        if (!is_private(map)) names.emplace_back(bpf_map__name(map));
    }
    return names;
}

bool Object::fits(const std::string& name, int fd) const {
    const bpf_map* map = bpf_object__find_map_by_name(object_.get(), name.c_str());
    bpf_map_info info{};
    uint32_t size = sizeof(info);
    if (map == nullptr || bpf_map_get_info_by_fd(fd, &info, &size) != 0) return false;
    return info.type == static_cast<uint32_t>(bpf_map__type(map)) && info.key_size == bpf_map__key_size(map) &&
           info.value_size == bpf_map__value_size(map) && info.max_entries == bpf_map__max_entries(map) &&
           info.map_flags == bpf_map__map_flags(map);
}

bool Object::has_rows_like(const std::string& name, uint32_t type, uint32_t key_size, uint32_t value_size) const {
    const bpf_map* map = bpf_object__find_map_by_name(object_.get(), name.c_str());
    return map != nullptr && type == static_cast<uint32_t>(bpf_map__type(map)) && key_size == bpf_map__key_size(map) &&
           value_size == bpf_map__value_size(map);
}

Result<> Object::reuse(const std::string& name, int fd) {
    bpf_map* map = bpf_object__find_map_by_name(object_.get(), name.c_str());
    if (map == nullptr) return fail("find map " + name, ENOENT);
    if (int error = -bpf_map__reuse_fd(map, fd)) return fail("reuse map " + name, error);
    return {};
}

Result<Loaded> Object::load() {
    words().clear();
    if (int error = -bpf_object__load(object_.get())) {
        spdlog::error("the kernel refused the BPF programs:\n{}", words());
        return fail("load the BPF programs", error);
    }
    Loaded loaded;
    if (auto taken = collect_programs(object_.get(), loaded.programs); !taken) return tl::unexpected(taken.error());
    const bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get()) {
        if (is_private(map)) continue;
        auto fd = duplicate(bpf_map__fd(map));
        if (!fd) return tl::unexpected(fd.error());
        loaded.maps[bpf_map__name(map)] = std::move(*fd);
    }
    return loaded;
}

Result<Maps> typed(const MapFds& fds) {
    Maps maps;
    const Result<> taken[] = {
        take(fds, "endpoints4", maps.endpoints4), take(fds, "endpoints6", maps.endpoints6),
        take(fds, "prefixes4", maps.prefixes4),   take(fds, "prefixes6", maps.prefixes6),
        take(fds, "identities", maps.identities), take(fds, "tenants", maps.tenants),
        take(fds, "interfaces", maps.interfaces), take(fds, "pods", maps.pods),
        take(fds, "openings", maps.openings),     take(fds, "flows", maps.flows),
        take(fds, "counters", maps.counters),     take(fds, "statistics", maps.statistics),
        take(fds, "events", maps.events),         take(fds, "control", maps.control),
        take(fds, "overrides", maps.overrides),   take(fds, "untold", maps.untold),
    };
    for (const auto& each : taken)
        if (!each) return tl::unexpected(each.error());
    return maps;
}

} // namespace bulkhead::datapath
