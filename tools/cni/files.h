// SPDX-License-Identifier: Apache-2.0
//
// Files of the host that others read at any moment: replaced by rename, whole, with the mode and the owner that they
// had.
#pragma once

#include <filesystem>
#include <string>

#include <sys/stat.h>

#include "base/fd.h"
#include "base/result.h"

namespace bulkhead::cni {

struct FileText {
    std::string text;
    struct stat state {}; // as it was when read
};

Result<FileText> read_file(const std::filesystem::path& path);

/// If the file is still as it was read; an error (EBUSY) if somebody wrote it meanwhile.
Result<> replace_file(const std::filesystem::path& path, const FileText& before, const std::string& text);

/// Made if there is none.
Result<> put_file(const std::filesystem::path& path, const std::string& text, mode_t mode);

/// Of all who change a directory's files, one at a time; nothing lies in there for it.
Result<Fd> lock_directory(const std::filesystem::path& path);

/// What was half written when its writer was killed, and so belongs to nobody. For who holds the lock.
void remove_drafts(const std::filesystem::path& directory);

} // namespace bulkhead::cni
