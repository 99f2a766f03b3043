// SPDX-License-Identifier: Apache-2.0
#include "api/body.h"

#include <poll.h>

#include <utility>

#include <microhttpd.h>

namespace bulkhead::api {

namespace {

/// A connection that waits is not looked at by the server, so a reader that goes away is nobody's news.
bool is_alone(MHD_Connection* connection) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == nullptr) return false;
    pollfd socket{.fd = info->connect_fd, .events = 0, .revents = 0}; // POLLHUP and POLLERR come unasked
    return poll(&socket, 1, 0) > 0;
}

} // namespace

void Body::resume() {
    woken_ = true;
    if (waiting_ == nullptr) return;
    MHD_resume_connection(waiting_);
    waiting_ = nullptr;
}

void Body::wake() {
    const std::lock_guard lock(mutex_);
    resume();
}

void Body::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    resume();
}

void Body::end_if_alone() {
    const std::lock_guard lock(mutex_);
    if (waiting_ == nullptr || !is_alone(waiting_)) return;
    ended_ = true;
    resume();
}

bool Body::is_ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
}

bool Body::wait(MHD_Connection* connection) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(woken_, false) || ended_) return false;
    MHD_suspend_connection(connection);
    waiting_ = connection;
    return true;
}

} // namespace bulkhead::api
