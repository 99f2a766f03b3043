// SPDX-License-Identifier: Apache-2.0
#include "support/dns_server.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace bulkhead::test {

namespace {

// Where Debian has them; another user's PATH doesn't lead there.
constexpr const char* kServer = "/usr/sbin/knotd";
constexpr const char* kControl = "/usr/sbin/knotc";

/// Loopback is 127.0.0.0/8, and a pid has less than its 24 bits.
std::string own_address() {
    const auto pid = static_cast<unsigned>(getpid());
    return "127." + std::to_string((pid >> 16) & 0xff) + "." + std::to_string((pid >> 8) & 0xff) + "." +
           std::to_string(pid & 0xff);
}

Result<std::string> new_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "bulkhead-dns-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return fail("create a directory for the DNS server", errno);
    return name;
}

constexpr const char* kConfiguration = R"(server:
    rundir: "FOLDER"
    listen: LISTEN
    udp-workers: 1
    tcp-workers: 1
control:
    listen: "FOLDER/control"
database:
    storage: "FOLDER"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "FOLDER"
    zonefile-load: whole
    zonefile-sync: 0
    journal-content: none
zone:
  - domain: db.test
    file: zone
  - domain: broken.test
    file: missing
)";

/// "1234 (knotd) T ...": the state of each thread (proc(5)).
bool all_threads_stopped(pid_t pid) {
    for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
        std::ifstream file(thread.path() / "stat");
        std::string line;
        std::getline(file, line);
        const auto name_ends = line.rfind(") ");
        if (name_ends == std::string::npos || line[name_ends + 2] != 'T') return false;
    }
    return true;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

} // namespace

Result<std::unique_ptr<DnsServer>> DnsServer::start(const std::vector<std::string>& records) {
    return start_at(nullptr, own_address(), records);
}

Result<std::unique_ptr<DnsServer>> DnsServer::start_in(const Netns& netns, const std::string& address,
                                                       const std::vector<std::string>& records) {
    return start_at(&netns, address, records);
}

Result<std::unique_ptr<DnsServer>> DnsServer::start_at(const Netns* netns, const std::string& address,
                                                       const std::vector<std::string>& records) {
    static std::atomic<int> count = 0;
    const auto port = std::to_string(5300 + count++);
    auto folder = new_folder();
    if (!folder) return tl::unexpected(folder.error());
    std::unique_ptr<DnsServer> server(new DnsServer(*folder, address + ":" + port, netns));
    if (auto written = server->write_files(records, address + "@" + port); !written)
        return tl::unexpected(written.error());
    if (auto started = server->again(); !started) return tl::unexpected(started.error());
    return server;
}

DnsServer::~DnsServer() {
    process_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

Result<> DnsServer::write_files(const std::vector<std::string>& records, const std::string& listen) const {
    std::ofstream configuration(folder_ + "/knot.conf");
    configuration << replaced(replaced(kConfiguration, "FOLDER", folder_), "LISTEN", listen);
    std::ofstream zone(folder_ + "/zone");
    zone << "@ 5 SOA ns.db.test. root.db.test. 1 3600 600 86400 5\n@ 5 NS ns\nns 5 A 192.0.2.53\n";
    for (const auto& record : records)
        zone << record << "\n";
    if (!configuration.flush() || !zone.flush()) return fail("write the DNS server's files in " + folder_);
    return {};
}

Result<std::string> DnsServer::control(const std::string& commands) const {
    auto process = Process::start({kControl, "-s", folder_ + "/control"}, Process::Options{.input = commands});
    if (!process) return tl::unexpected(process.error());
    const auto status = process->wait(after(20s));
    const auto output = process->output();
    if (status != 0 || output.find("error") != std::string::npos) return fail("change DNS records: " + output);
    return output;
}

Result<> DnsServer::change(const std::vector<std::string>& changes) {
    std::string commands = "zone-begin db.test\n";
    for (const auto& change : changes) {
        const auto space = change.find(' ');
        commands += "zone-" + change.substr(0, space) + " db.test" + change.substr(space) + "\n";
    }
    auto changed = control(commands + "zone-commit db.test\n");
    if (!changed) return tl::unexpected(changed.error());
    return {};
}

void DnsServer::freeze() const {
    process_->signal(SIGSTOP);
    (void)wait_until([&] { return all_threads_stopped(process_->pid()); }, after(20s));
}

void DnsServer::end() {
    (void)process_->stop(after(20s));
    process_.reset();
}

Result<> DnsServer::again() {
    auto process = Process::start({kServer, "-c", folder_ + "/knot.conf"},
                                  Process::Options{.netns = netns_, .ends_with_thread = true});
    if (!process) return within("start a DNS server (Debian package knot)", process.error());
    process_.emplace(std::move(*process));
    if (wait_until([&] { return control("zone-status db.test\n").has_value(); }, after(20s), 20ms)) return {};
    return fail("start a DNS server: " + process_->output());
}

} // namespace bulkhead::test
