// SPDX-License-Identifier: Apache-2.0
#include "edge_keeper.h"

#include <spdlog/spdlog.h>

namespace bulkhead {

namespace {

using namespace std::chrono_literals;

constexpr auto kKept = 24h * 90; // what nobody did for so long is no reason to grant it

} // namespace

Result<> EdgeKeeper::keep_in(const std::string& path) {
    path_ = path;
    return open();
}

Result<> EdgeKeeper::open() {
    auto file = flow::EdgeFile::open(path_, edges_);
    if (!file) {
        error_ = file.error().text;
        return tl::unexpected(file.error());
    }
    file_.emplace(std::move(*file));
    if (file_->unreadable() != 0)
        spdlog::warn("{}: {} lines are no edges, and passed over", path_, file_->unreadable());
    return {};
}

void EdgeKeeper::add(const flow::EdgeKey& key, const flow::Sighting& seen) {
    edges_.add(key, seen);
}

void EdgeKeeper::flush() {
    append(edges_.take_new());
}

void EdgeKeeper::save(flow::Time now) {
    if (!file_ && !path_.empty())
        (void)open(); // with what came meanwhile it is written anew below, since error_ is set
    const bool forgot = edges_.forget_before(now - kKept) != 0;
    if (file_ && (forgot || !error_.empty() || file_->is_mostly_old(edges_.rows().size()))) {
        const auto rewritten = file_->rewrite(edges_.rows());
        error_ = rewritten ? "" : rewritten.error().text;
        if (rewritten) edges_.take_changed();
        return;
    }
    append(edges_.take_changed());
}

/// What could not be appended comes with the whole at the next save().
void EdgeKeeper::append(const Changed& rows) {
    if (!file_ || !error_.empty() || rows.empty()) return;
    if (const auto appended = file_->append(rows); !appended) {
        error_ = appended.error().text;
        spdlog::error("{}", error_);
    }
}

} // namespace bulkhead
