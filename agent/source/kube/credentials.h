// SPDX-License-Identifier: Apache-2.0
//
// Who we are at an API server, now: follows files that rotate, and runs credential plugins, so that whoever sends a
// request only asks for the current proof. Nothing here waits: while a plugin runs for the first time there is no
// proof, later the last one stays in use until there is a better one. What goes wrong is told by error(), and tried
// again by itself.
//
// One thread. Files are looked at by current(); plugins need work() whenever fd() is readable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "source/kube/access.h"
#include "source/kube/proof.h"
#include "source/kube/renewal.h"
#include "source/kube/rotating_files.h"

namespace bulkhead::source::kube {

class Credentials {
public:
    using Proof = kube::Proof;

    /// Starts the plugin if there is one. `clock` outlives the credentials.
    static Result<std::unique_ptr<Credentials>> create(const Access& access, const Clock& clock = Clock::real(),
                                                       const Pace& pace = {});
    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;

    /// An epoll fd: readable = call work().
    int fd() const { return epoll_.get(); }
    void work();

    /// Valid until the next call of anything here; nullptr: not there yet, or failed (see error()).
    const Proof* current();

    /// Of the last attempt, in words; empty if all is well. There may be a proof nevertheless.
    const std::string& error() const { return error_; }

    /// A plugin is at work: another proof, or an error, is on its way.
    bool running() const { return renewal_ && renewal_->running(); }

    /// The server answered 401 to the proof of that version (absent: to the current one): reads the files again,
    /// runs the plugin again. As often as one likes: a 401 to an older proof means nothing, and neither happens more
    /// often than files rotate and Pace allows.
    void refused(std::optional<uint64_t> version = {});

private:
    Credentials(const Access& access, const Clock& clock, Fd epoll);

    void compose();
    std::optional<Proof> proof_now() const;
    bool add_token(Proof& proof) const;       // false: there should be one, but isn't yet
    bool add_certificate(Proof& proof) const; // likewise
    std::vector<std::string> headers_for(const std::string& token) const;
    std::string errors_now() const;

    const Access access_;
    const Clock& clock_;
    Fd epoll_;
    std::optional<RotatingFiles> token_file_;
    std::optional<RotatingFiles> pair_files_; // the certificate's and the key's, those that are files
    std::unique_ptr<Renewal> renewal_;        // after epoll_, which it uses to its end

    Proof proof_;
    bool ready_ = false;
    std::string error_;
};

} // namespace bulkhead::source::kube
