// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace bulkhead::ctl {

namespace {

struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

} // namespace

void Archive::Free::operator()(archive* raw) const {
    archive_write_free(raw);
}

Archive::Archive(std::unique_ptr<archive, Free> raw, std::string path)
    : raw_(std::move(raw)), path_(std::move(path)), now_(std::time(nullptr)) {}

Archive::~Archive() {
    if (raw_ && !unfinished_.empty()) unlink(unfinished_.c_str());
}

Error Archive::error(const std::string& action) const {
    const char* why = archive_error_string(raw_.get());
    return Error{action + ": " + (why == nullptr ? "unknown error" : why)};
}

/// With a name that nobody can have laid a file or a link at before.
Result<> Archive::open() {
    auto name = path_ + ".part-XXXXXX";
    file_ = Fd(mkostemp(name.data(), O_CLOEXEC));
    if (!file_.valid()) return fail("create " + name, errno);
    unfinished_ = name;
    return {};
}

Result<Archive> Archive::create(const std::string& path) {
    const bool is_stdout = path == "-";
    std::unique_ptr<archive, Free> raw(archive_write_new());
    if (!raw) return fail("begin an archive", ENOMEM);
    archive_write_add_filter_gzip(raw.get());
    archive_write_set_format_pax_restricted(raw.get());
    Archive created(std::move(raw), is_stdout ? "" : path);
    if (!is_stdout)
        if (const auto opened = created.open(); !opened) return tl::unexpected(opened.error());
    const int file = is_stdout ? STDOUT_FILENO : created.file_.get();
    if (archive_write_open_fd(created.raw_.get(), file) != ARCHIVE_OK)
        return tl::unexpected(created.error("write " + path));
    return created;
}

Result<> Archive::add(const std::string& name, const std::string& content) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<int64_t>(content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), S_IRUSR | S_IWUSR);
    archive_entry_set_mtime(entry.get(), now_, 0);
    const bool is_begun = archive_write_header(raw_.get(), entry.get()) == ARCHIVE_OK;
    if (!is_begun || archive_write_data(raw_.get(), content.data(), content.size()) < 0)
        return tl::unexpected(error("write " + name));
    return {};
}

Result<> Archive::finish() {
    if (archive_write_close(raw_.get()) != ARCHIVE_OK) return tl::unexpected(error("finish the archive"));
    if (!path_.empty() && rename(unfinished_.c_str(), path_.c_str()) != 0) return fail("rename " + path_, errno);
    unfinished_.clear();
    return {};
}

} // namespace bulkhead::ctl
