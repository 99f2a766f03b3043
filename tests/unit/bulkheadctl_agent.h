// SPDX-License-Identifier: Apache-2.0
//
// For tests of the program bulkheadctl: a directory of their own, ways to run it, and something that answers at an
// agent's socket as the test says, byte by byte.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/fd.h"
#include "flow_recorded.h"
#include "support/process.h"
#include "support/require.h"

namespace bulkhead::test {

/// Removed with everything in it.
class Place {
public:
    Place() {
        std::string pattern = (std::filesystem::temp_directory_path() / "bulkheadctl-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) FAIL("no temporary directory");
        path_ = pattern;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { std::filesystem::remove_all(path_); }

    std::string file(const std::string& name) const { return path_ / name; }

    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(file(name)) << text;
        return file(name);
    }

    std::string read(const std::string& name) const {
        std::ifstream stream(file(name));
        return {std::istreambuf_iterator<char>(stream), {}};
    }

private:
    std::filesystem::path path_;
};

struct Ended {
    int code = -1;
    std::string output; // stderr too, unless the command says otherwise
};

/// A line for bash, in which `bulkheadctl` is the program under test.
inline Process start_shell(const std::string& line) {
    const std::string program = std::filesystem::path(BULKHEADCTL).parent_path();
    return require(Process::start({"bash", "-c", "set -o pipefail; PATH=" + program + ":$PATH; " + line}));
}

inline Ended in_shell(const std::string& line) {
    auto shell = start_shell(line);
    const auto code = shell.wait(after(30s));
    return {code.value_or(-1), shell.output()};
}

/// Takes one connection after another; hears what is asked, and leaves the answer to the test.
class ScriptedAgent {
public:
    using Script = std::function<void(int connection)>;

    ScriptedAgent(const std::string& path, Script script) : script_(std::move(script)) {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        listening_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(listening_.get(), 8) != 0)
            FAIL("can't listen at " << path);
        thread_ = std::thread([this] { serve(); });
    }
    ScriptedAgent(const ScriptedAgent&) = delete;
    ScriptedAgent& operator=(const ScriptedAgent&) = delete;
    ~ScriptedAgent() {
        shutdown(listening_.get(), SHUT_RDWR);
        if (const int connection = connection_; connection >= 0) shutdown(connection, SHUT_RDWR);
        thread_.join();
    }

    /// "GET /v1/flows?last=20 HTTP/1.1"
    std::string asked() const {
        const std::lock_guard guard(mutex_);
        return asked_.substr(0, asked_.find("\r\n"));
    }

private:
    void serve() {
        for (;;) {
            const Fd connection(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!connection.valid()) return;
            connection_ = connection.get();
            hear(connection.get());
            script_(connection.get());
            connection_ = -1;
        }
    }

    void hear(int connection) {
        std::string head;
        for (char c = 0; !head.ends_with("\r\n\r\n") && read(connection, &c, 1) == 1;)
            head += c;
        const std::lock_guard guard(mutex_);
        asked_ = head;
    }

    Script script_;
    Fd listening_;
    std::atomic<int> connection_ = -1; // the one that is open, so that a test that failed ends
    mutable std::mutex mutex_;
    std::string asked_;
    std::thread thread_;
};

inline void say(int connection, const std::string& text) {
    if (send(connection, text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    } // whoever has gone hears nothing
}

inline constexpr const char* kStreamHead = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
                                           "Transfer-Encoding: chunked\r\n\r\n";

inline void say_chunk(int connection, const std::string& text) {
    std::ostringstream chunk;
    chunk << std::hex << text.size() << "\r\n" << text << "\r\n";
    say(connection, chunk.str());
}

/// Until the other side has gone.
inline void wait_for_end(int connection) {
    for (char c = 0; read(connection, &c, 1) == 1;) {
    }
}

} // namespace bulkhead::test
