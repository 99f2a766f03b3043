// SPDX-License-Identifier: Apache-2.0
//
// A .tar.gz that is written file by file, by libarchive. Not there, or whole: it takes its name when it is finished.
#pragma once

#include <ctime>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"

struct archive;

namespace bulkhead::ctl {

class Archive {
public:
    /// `path` "-" is stdout. Only its owner may read the file.
    static Result<Archive> create(const std::string& path);
    Archive(Archive&&) noexcept = default;
    Archive& operator=(Archive&&) = delete;
    ~Archive(); // removes what isn't finished

    Result<> add(const std::string& name, const std::string& content);
    Result<> finish();

private:
    struct Free {
        void operator()(archive* raw) const;
    };
    Archive(std::unique_ptr<archive, Free> raw, std::string path);
    Result<> open(); // a new file beside `path_`
    Error error(const std::string& action) const;

    Fd file_; // goes after `raw_`, which writes to it
    std::unique_ptr<archive, Free> raw_;
    std::string path_; // empty = stdout
    std::string unfinished_{};
    std::time_t now_;
};

} // namespace bulkhead::ctl
