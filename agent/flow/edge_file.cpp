// SPDX-License-Identifier: Apache-2.0
#include "flow/edge_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "flow/edge_json.h"
#include "flow/stream.h"

namespace bulkhead::flow {

namespace {

namespace fs = std::filesystem;

constexpr mode_t kOwnerOnly = 0600; // who talks to whom is nobody else's business

Result<> write_all(int file, const std::string& path, const std::string& text) {
    for (size_t written = 0; written < text.size();) {
        const ssize_t more = ::write(file, text.data() + written, text.size() - written);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) return fail("write " + path, errno);
        written += static_cast<size_t>(more);
    }
    return {};
}

/// The kubelet's DirectoryOrCreate lets everybody look into what it makes.
Result<> make_directory_of(const std::string& path) {
    const auto directory = fs::path(path).parent_path();
    if (directory.empty()) return {};
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) return fail("make " + directory.string(), error.value());
    if (fs::is_empty(directory, error)) fs::permissions(directory, fs::perms::owner_all, error);
    if (error) return fail("make " + directory.string() + " the owner's alone", error.value());
    return {};
}

std::string name_beside(const std::string& path) {
    return path + ".new";
}

} // namespace

Result<EdgeFile> EdgeFile::open(std::string path, Edges& edges) {
    EdgeFile file(std::move(path));
    if (auto made = make_directory_of(file.path_); !made) return tl::unexpected(made.error());
    if (auto opened = file.open_to_append(); !opened) return tl::unexpected(opened.error());
    if (auto loaded = file.load(edges); !loaded) return tl::unexpected(loaded.error());
    return file;
}

Result<> EdgeFile::load(Edges& edges) {
    std::map<EdgeKey, Sighting> last;
    std::ifstream file(path_);
    if (!file && std::filesystem::exists(path_)) return fail("read " + path_, errno);
    for (std::string line; std::getline(file, line); ++lines_) {
        ends_midline_ = file.eof();
        const auto edge = parse_edge(Json::parse(line, nullptr, false));
        if (edge)
            last[edge->first] = edge->second;
        else
            ++unreadable_;
    }
    if (file.bad()) return fail("read " + path_, errno);
    for (const auto& [key, seen] : last)
        edges.restore(key, seen);
    edges.take_changed();
    return {};
}

Result<> EdgeFile::open_to_append() {
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kOwnerOnly));
    if (!file_.valid()) return fail("open " + path_, errno);
    return {};
}

Result<> EdgeFile::append(const std::vector<const Edges::Rows::value_type*>& rows) {
    std::string text = ends_midline_ ? "\n" : "";
    for (const auto* row : rows)
        text += line_of(to_json(row->first, row->second));
    if (auto written = write_all(file_.get(), path_, text); !written) {
        ends_midline_ = true; // perhaps; an empty line harms nobody
        return written;
    }
    ends_midline_ = false;
    lines_ += rows.size();
    return {};
}

Result<> EdgeFile::rewrite(const Edges::Rows& rows) {
    const std::string beside = name_beside(path_);
    Fd fresh(::open(beside.c_str(), O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, kOwnerOnly));
    if (!fresh.valid()) return fail("open " + beside, errno);
    std::string text;
    for (const auto& [key, seen] : rows)
        text += line_of(to_json(key, seen));
    if (auto written = write_all(fresh.get(), beside, text); !written) return written;
    if (::fdatasync(fresh.get()) != 0) return fail("write " + beside, errno);
    if (::rename(beside.c_str(), path_.c_str()) != 0) return fail("replace " + path_, errno);
    lines_ = rows.size();
    ends_midline_ = false;
    return open_to_append();
}

Result<> remove_edge_file(const std::string& path) {
    for (const auto& name : {path, name_beside(path)}) {
        std::error_code error;
        fs::remove(name, error);
        if (error) return fail("remove " + name, error.value());
    }
    std::error_code not_empty;
    const auto directory = fs::path(path).parent_path();
    if (fs::is_empty(directory, not_empty)) fs::remove(directory, not_empty);
    return {};
}

} // namespace bulkhead::flow
