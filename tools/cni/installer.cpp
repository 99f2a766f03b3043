// SPDX-License-Identifier: Apache-2.0
#include "cni/installer.h"

#include <algorithm>
#include <vector>

#include "cni/conflist.h"
#include "cni/files.h"

namespace bulkhead::cni {

namespace {

namespace fs = std::filesystem;

constexpr auto kThisProgram = "/proc/self/exe";
constexpr mode_t kProgramMode = 0755;

std::string joined(const std::string& a, const std::string& b) {
    return a + (a.empty() || b.empty() ? "" : "; ") + b;
}

Result<std::string> put_program(const Place& place) {
    const auto path = place.bin_dir / kName;
    const auto ours = read_file(kThisProgram);
    if (!ours) return tl::unexpected(ours.error());
    const auto there = read_file(path);
    if (there && there->text == ours->text && (there->state.st_mode & 07777) == kProgramMode) return "";
    if (auto put = put_file(path, ours->text, kProgramMode); !put) return tl::unexpected(put.error());
    return "wrote " + path.string();
}

/// By name, as runtimes sort them.
Result<std::vector<fs::path>> configurations_in(const fs::path& directory) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
        const auto ending = it->path().extension();
        if (ending == ".conflist" || ending == ".conf" || ending == ".json") found.push_back(it->path());
    }
    if (error) return fail("list " + directory.string(), error.value());
    std::ranges::sort(found);
    return found;
}

using Edit = Result<std::optional<std::string>>;

/// `edit`: what the text becomes, or nothing.
Result<std::string> edit_file(const fs::path& path, const std::function<Edit(const std::string&)>& edit,
                              const std::string& done) {
    const auto before = read_file(path);
    if (!before) return tl::unexpected(before.error());
    const auto after = edit(before->text);
    if (!after) return within("leave " + path.string() + " as it is", after.error());
    if (!*after) return "";
    if (auto replaced = replace_file(path, *before, **after); !replaced) return tl::unexpected(replaced.error());
    return done + " " + path.string();
}

Result<std::string> put_entry(const Place& place, const Json& entry) {
    const auto found = configurations_in(place.conf_dir);
    if (!found) return tl::unexpected(found.error());
    if (found->empty()) return fail("there is no CNI configuration in " + place.conf_dir.string() + " yet");
    const auto& first = found->front();
    if (first.extension() != ".conflist")
        return fail("leave " + first.string() + " as it is: it is one plugin's, and only lists can be chained to");
    return edit_file(
        first, [&](const std::string& text) { return with_entry(text, entry); }, "put the gate into");
}

Result<std::string> take_entry(const fs::path& path) {
    const auto text = read_file(path);
    if (!text) return tl::unexpected(text.error());
    if (text->text.find(kName) == std::string::npos) return ""; // whatever it is, it is none of our business
    return edit_file(path, without_entry, "took the gate out of");
}

/// One that can't be read keeps it in no other.
Result<std::string> take_entries(const Place& place) {
    const auto found = configurations_in(place.conf_dir);
    if (!found) return tl::unexpected(found.error());
    std::string done;
    std::optional<Error> first;
    for (const auto& path : *found) {
        const auto taken = take_entry(path);
        if (taken)
            done = joined(done, *taken);
        else if (!first)
            first = taken.error();
    }
    if (first) return tl::unexpected(*first);
    return done;
}

Result<std::string> remove_file(const fs::path& path) {
    std::error_code error;
    const bool removed = fs::remove(path, error);
    if (error && error != std::errc::no_such_file_or_directory) return fail("remove " + path.string(), error.value());
    return removed ? "removed " + path.string() : "";
}

} // namespace

bool Place::is_off() const {
    std::error_code ignored;
    return fs::exists(off(), ignored);
}

/// The program first: a list that names one that isn't there lets no pod start.
Result<std::string> put_in_place(const Place& place, const Json& entry) {
    remove_drafts(place.bin_dir);
    remove_drafts(place.conf_dir);
    if (place.is_off()) return take_entries(place);
    const auto program = put_program(place);
    if (!program) return program;
    const auto list = put_entry(place, entry);
    return list ? joined(*program, *list) : list;
}

Result<std::string> install(const Place& place, const Json& entry) {
    const auto lock = lock_directory(place.conf_dir);
    if (!lock) return tl::unexpected(lock.error());
    const auto done = put_in_place(place, entry);
    return done && place.is_off() ? joined(*done, "left the gate out: " + place.off().string() + " is there") : done;
}

Result<std::string> uninstall(const Place& place) {
    std::string done;
    if (fs::exists(place.conf_dir)) {
        const auto lock = lock_directory(place.conf_dir);
        if (!lock) return tl::unexpected(lock.error());
        const auto taken = take_entries(place);
        if (!taken) return taken;
        done = *taken;
        remove_drafts(place.bin_dir);
        remove_drafts(place.conf_dir);
    }
    for (const auto& path : {place.bin_dir / kName, place.off()}) {
        const auto removed = remove_file(path);
        if (!removed) return removed;
        done = joined(done, *removed);
    }
    return done;
}

} // namespace bulkhead::cni
