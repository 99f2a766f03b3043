// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "source/dir_source.h"
#include "source_fixture.h"

namespace bulkhead::source {
namespace {

namespace fs = std::filesystem;

std::string tenant(const std::string& name, const std::string& spec = "{level: protected}") {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: " + name + "}\nspec: " + spec + "\n";
}

std::string pod(const std::string& name, const std::string& ip = "10.0.0.1") {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: blog}\nstatus: {podIP: " + ip + "}\n";
}

/// A source on a directory of its own, as the agent's loop drives it.
struct Following {
    TemporaryDirectory directory;
    DirSource source = *DirSource::create(directory.path().string());
    state::Cluster cluster;

    void update() {
        source.update(cluster);
        INFO(all_of(source.problems()));
    }
    bool has_event() const {
        pollfd poll_fd{.fd = source.fd(), .events = POLLIN, .revents = 0};
        return ::poll(&poll_fd, 1, 0) == 1;
    }
    bool complains(const std::string& text) const { return has_problem(source.problems(), text); }
    bool has_tenant(const std::string& name) const { return cluster.tenants().contains(name); }
    std::optional<state::Level> level(const std::string& name) const { return cluster.tenants().at(name).level; }
};

TEST_CASE("the first update reads everything below the directory") {
    Following f;
    f.directory.write("a.yaml", tenant("a") + "---\n" + pod("web"));
    f.directory.write("deep/er/b.yml", tenant("b"));
    f.directory.write("c.json", R"({"apiVersion":"bulkhead.dev/v1alpha1","kind":"Tenant","metadata":{"name":"c"}})");
    f.directory.write("README.md", "no source");
    f.directory.write(".hidden.yaml", tenant("hidden"));
    CHECK_FALSE(f.source.synced());
    f.update();
    CHECK(f.source.synced());
    CHECK(f.source.problems().empty());
    CHECK(f.cluster.tenants().size() == 3);
    CHECK(f.cluster.pods().contains("blog/web"));
    CHECK(f.cluster.tenants().at("b").meta.origin == "deep/er/b.yml:1");
    CHECK_FALSE(f.source.retry_after().has_value());
}

TEST_CASE("a changed file is told by the descriptor, and changes only its own objects") {
    Following f;
    f.directory.write("a.yaml", pod("a"));
    f.directory.write("b.yaml", pod("b", "10.0.0.2"));
    f.update();
    f.cluster.take_changes();
    f.directory.replace("a.yaml", pod("a", "10.0.0.3"));
    REQUIRE(f.has_event());
    f.update();
    const auto changes = f.cluster.take_changes();
    CHECK(changes.pods == std::set<state::PodKey>{"blog/a"});
    CHECK_FALSE(changes.policy);
}

std::string found(const std::string& addresses) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: IdentitySlice\nmetadata: {name: resource-ledger-0}\n"
           "spec: {awsResource: ledger, addresses: [" +
           addresses + "]}\n";
}

TEST_CASE("a changed file's IdentitySlice counts as it is now, each time") {
    Following f;
    f.directory.write("ledger.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: ledger}\n"
                                     "spec: {addresses: {securityGroups: [sg-0123456789abcdef0]}}\n");
    for (const std::string addresses : {"10.0.7.1", "10.0.7.1, 10.0.7.2", "10.0.7.3", "10.0.7.4"}) {
        CAPTURE(addresses);
        f.directory.replace("slice.yaml", found(addresses));
        f.update();
        CHECK(f.source.problems().empty());
        std::string in_force;
        for (const auto& cidr : f.cluster.resources().at("ledger").found)
            in_force += (in_force.empty() ? "" : ", ") + cidr.address.text();
        CHECK(in_force == addresses);
    }
    fs::remove(f.directory.at("slice.yaml"));
    f.update();
    CHECK(f.cluster.resources().at("ledger").found.empty());
}

TEST_CASE("a file written in place counts when it is closed") {
    Following f;
    f.update();
    std::ofstream file(f.directory.at("a.yaml"));
    file << tenant("a") << std::flush;
    f.update();
    CHECK_FALSE(f.has_tenant("a"));
    file.close();
    f.update();
    CHECK(f.has_tenant("a"));
}

TEST_CASE("what leaves a file, and a file that leaves, takes its objects along") {
    Following f;
    f.directory.write("a.yaml", tenant("a") + "---\n" + tenant("b"));
    f.directory.write("c.yaml", tenant("c"));
    f.update();
    f.directory.replace("a.yaml", tenant("a"));
    f.directory.remove("c.yaml");
    f.update();
    CHECK(f.has_tenant("a"));
    CHECK_FALSE(f.has_tenant("b"));
    CHECK_FALSE(f.has_tenant("c"));
}

TEST_CASE("a renamed file keeps its objects, unchanged pods are no change") {
    Following f;
    f.directory.write("a.yaml", pod("web"));
    f.update();
    f.cluster.take_changes();
    fs::rename(f.directory.at("a.yaml"), f.directory.at("z.yaml"));
    f.update();
    CHECK(f.source.problems().empty());
    CHECK_FALSE(f.cluster.dirty());
    CHECK(f.cluster.pods().at("blog/web").origin.text() == "z.yaml:1");
    f.directory.remove("z.yaml");
    f.update();
    CHECK(f.cluster.pods().empty());
}

TEST_CASE("sub-directories are followed as they come, move and go") {
    Following f;
    f.update();
    f.directory.write("new/sub/a.yaml", tenant("a"));
    f.update();
    CHECK(f.has_tenant("a"));
    f.directory.write("new/sub/b.yaml", tenant("b"));
    f.update();
    CHECK(f.has_tenant("b"));
    fs::rename(f.directory.at("new/sub"), f.directory.at("moved"));
    f.update();
    CHECK(f.cluster.tenants().at("a").meta.origin == "moved/a.yaml:1");
    f.directory.replace("moved/a.yaml", tenant("c"));
    f.update();
    CHECK(f.has_tenant("c"));
    CHECK_FALSE(f.has_tenant("a"));
    f.directory.remove("moved");
    f.update();
    CHECK(f.cluster.tenants().empty());
}

TEST_CASE("an invalid object keeps its last good content, the others of its file apply") {
    Following f;
    f.directory.write("a.yaml", tenant("a") + "---\n" + tenant("b"));
    f.update();
    f.directory.replace("a.yaml",
                        tenant("a", "{levle: non-protected}") + "---\n" + tenant("b", "{level: non-protected}"));
    f.update();
    CHECK(f.level("a") == state::Level::kProtected);
    CHECK(f.level("b") == state::Level::kNonProtected);
    CHECK(f.complains("a.yaml:4 Tenant a spec.levle: is an unknown field; its last good content stays in force"));
    f.directory.replace("a.yaml", tenant("b"));
    f.update();
    CHECK_FALSE(f.has_tenant("a"));
    CHECK(f.source.problems().empty());
}

TEST_CASE("an object that was never good does not exist") {
    Following f;
    f.directory.write("a.yaml", tenant("a", "{level: high}"));
    f.update();
    CHECK(f.source.synced());
    CHECK_FALSE(f.has_tenant("a"));
    CHECK(f.complains("\"high\" is neither protected nor non-protected; no good content of it is known"));
}

TEST_CASE("while an object says no name, none of its file's objects count as gone") {
    Following f;
    f.directory.write("a.yaml", tenant("a"));
    f.update();
    f.directory.replace("a.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {}\n");
    f.update();
    CHECK(f.has_tenant("a"));
    CHECK(f.complains("metadata.name: is missing"));
    f.directory.replace("a.yaml", "");
    f.update();
    CHECK_FALSE(f.has_tenant("a"));
}

TEST_CASE("a file that cannot be read keeps all its last good objects") {
    const auto broken = GENERATE_COPY(as<std::string>{}, "kind: [unclosed", "a: b: c", std::string("\0\1\2", 3),
                                      "\xff\xfe", "%no such directive\n--- [");
    Following f;
    f.directory.write("a.yaml", tenant("a") + "---\n" + tenant("b"));
    f.directory.write("c.yaml", tenant("c"));
    f.update();
    f.directory.replace("a.yaml", tenant("new") + "---\n" + broken);
    f.directory.replace("c.yaml", tenant("d"));
    f.update();
    INFO(all_of(f.source.problems()));
    CHECK(f.has_tenant("a"));
    CHECK(f.has_tenant("b"));
    CHECK_FALSE(f.has_tenant("new"));
    CHECK(f.has_tenant("d"));
    CHECK(f.complains("what it said last stays in force"));
    f.directory.replace("a.yaml", tenant("b"));
    f.update();
    CHECK_FALSE(f.has_tenant("a"));
    CHECK(f.source.problems().empty());
}

TEST_CASE("what was not understood even once is known, until it is mended, removed or said by another file") {
    using Names = std::vector<std::string>;
    Following f;
    f.directory.write("good.yaml", tenant("good"));
    f.directory.write("broken.yaml", "{{{");
    f.directory.write("invalid.yaml", tenant("invalid", "{level: high}"));
    f.directory.write("nameless.yaml", "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\n");
    f.directory.write("said-before.yaml", tenant("elsewhere", "{level: high}"));
    f.directory.write("said-here.yaml", tenant("elsewhere"));
    f.update();
    CHECK(f.source.unheard() == Names{"broken.yaml", "invalid.yaml", "nameless.yaml"});
    f.directory.replace("broken.yaml", "[");
    f.directory.replace("invalid.yaml", tenant("invalid"));
    f.update();
    CHECK(f.source.unheard() == Names{"broken.yaml", "nameless.yaml"});
    f.directory.replace("broken.yaml", tenant("broken"));
    f.directory.remove("nameless.yaml");
    f.update();
    CHECK(f.source.unheard().empty());
    for (const auto* file : {"broken.yaml", "invalid.yaml", "good.yaml"}) // it has been understood once
        f.directory.replace(file, file[0] == 'i' ? tenant("invalid", "{level: high}") : "{{{");
    f.update();
    CHECK(f.source.unheard().empty());
}

TEST_CASE("an invalid object of a tenant's own hand holds up nobody") {
    Following f;
    const std::string grant =
        "apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\nmetadata: {name: g, namespace: blog}\n"
        "spec: {from: [{world: true}], prots: []}\n";
    const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: blog}\n"
                                "spec: {clusterIPs: [everywhere]}\n";
    f.directory.write("blog.yaml", grant + "---\n" + service);
    f.directory.write("both.yaml", grant + "---\n" + tenant("invalid", "{level: high}"));
    f.update();
    CHECK(f.source.problems().size() >= 3);
    CHECK(f.source.unheard() == std::vector<std::string>{"both.yaml"}); // for the Tenant's sake
}

TEST_CASE("a file of more than 32 MiB is refused and keeps what it said") {
    Following f;
    f.directory.write("a.yaml", tenant("a"));
    f.update();
    f.directory.replace("a.yaml", tenant("b") + std::string(50 << 20, '#'));
    f.update();
    CHECK(f.has_tenant("a"));
    CHECK(f.complains("a.yaml: has 50 MiB, more than the 32 MiB that a file may have"));
}

TEST_CASE("a source that is no regular file is reported and doesn't block") {
    Following f;
    REQUIRE(::mkfifo(f.directory.at("pipe.yaml").c_str(), 0600) == 0);
    f.update();
    CHECK(f.source.synced());
    CHECK(f.complains("pipe.yaml: is not a regular file"));
    f.directory.remove("pipe.yaml");
    f.update();
    CHECK(f.source.problems().empty());
}

TEST_CASE("the same object in two files: the one in force stays, and the other takes over when it goes") {
    Following f;
    f.directory.write("b.yaml", tenant("a"));
    f.update();
    f.directory.write("a.yaml", tenant("a", "{level: non-protected}"));
    f.update();
    CHECK(f.level("a") == state::Level::kProtected);
    CHECK(f.complains("a.yaml:1 Tenant a: is also in b.yaml, which stays in force"));
    SECTION("a removed file") {
        f.directory.remove("b.yaml");
    }
    SECTION("a file that no longer has it") {
        f.directory.replace("b.yaml", tenant("other"));
    }
    f.update();
    CHECK(f.level("a") == state::Level::kNonProtected);
    CHECK(f.source.problems().empty());
    f.directory.remove("a.yaml");
    f.update();
    CHECK_FALSE(f.has_tenant("a"));
}

TEST_CASE("the other file's object is as new as its file when it takes over") {
    Following f;
    f.directory.write("a.yaml", tenant("a"));
    f.directory.write("b.yaml", tenant("a", "{level: non-protected}"));
    f.update();
    f.directory.replace("b.yaml", tenant("a", "{sealed: true}"));
    f.update();
    CHECK_FALSE(f.cluster.tenants().at("a").sealed);
    f.directory.remove("a.yaml");
    f.update();
    CHECK(f.cluster.tenants().at("a").sealed);
}

TEST_CASE("the same object twice in one file: what is in force stays, else the first counts") {
    Following f;
    const std::string loose = tenant("a", "{level: non-protected}");
    f.directory.write("a.yaml", tenant("a") + "---\n" + loose);
    f.update();
    CHECK(f.level("a") == state::Level::kProtected);
    CHECK(f.complains("a.yaml:6 Tenant a: is there twice in this file; the first one counts"));
    CHECK(f.source.unheard() == std::vector<std::string>{"a.yaml"});
    f.directory.replace("a.yaml", loose + "---\n" + tenant("a"));
    f.update();
    CHECK(f.level("a") == state::Level::kProtected);
    CHECK(f.complains("is there twice in this file; its last good content stays in force"));
    f.directory.replace("a.yaml", loose);
    f.update();
    CHECK(f.level("a") == state::Level::kNonProtected);
    CHECK(f.source.unheard().empty());
}

TEST_CASE("of an object in two files a fresh reader can't tell which was in force, so it has not heard the second") {
    Following f;
    f.directory.write("a.yaml", tenant("a"));
    f.directory.write("b.yaml", tenant("a", "{level: non-protected}"));
    f.update();
    CHECK(f.source.unheard() == std::vector<std::string>{"b.yaml"});
    f.directory.remove("b.yaml");
    f.update();
    CHECK(f.source.unheard().empty());
}

TEST_CASE("a directory that vanishes keeps everything, and is followed when it returns") {
    Following f;
    const auto away = f.directory.path().string() + ".away";
    f.directory.write("a.yaml", tenant("a"));
    f.directory.write("sub/b.yaml", tenant("b"));
    f.update();
    fs::rename(f.directory.path(), away);
    f.update();
    CHECK(f.cluster.tenants().size() == 2);
    CHECK(f.complains("the directory is gone; what it said last stays in force"));
    CHECK(f.source.retry_after().has_value());
    fs::rename(away, f.directory.path());
    f.update();
    CHECK(f.source.problems().empty());
    CHECK_FALSE(f.source.retry_after().has_value());
    f.directory.replace("sub/b.yaml", tenant("c"));
    f.update();
    CHECK(f.has_tenant("c"));
    CHECK_FALSE(f.has_tenant("b"));
}

TEST_CASE("a directory that is removed with all its files keeps everything") {
    Following f;
    f.directory.write("a.yaml", tenant("a"));
    f.update();
    fs::remove_all(f.directory.path());
    f.update();
    CHECK(f.has_tenant("a"));
    f.directory.write("a.yaml", tenant("b"));
    f.update();
    CHECK(f.has_tenant("b"));
    CHECK_FALSE(f.has_tenant("a"));
}

TEST_CASE("a directory that isn't there yet leaves the source unsynced until it comes") {
    TemporaryDirectory parent;
    auto source = *DirSource::create(parent.at("later").string());
    state::Cluster cluster;
    source.update(cluster);
    CHECK_FALSE(source.synced());
    CHECK(has_problem(source.problems(), "there is no such directory"));
    CHECK(source.retry_after().has_value());
    parent.write("later/a.yaml", tenant("a"));
    source.update(cluster);
    CHECK(source.synced());
    CHECK(source.problems().empty());
    CHECK(cluster.tenants().contains("a"));
}

TEST_CASE("links to files and directories are read, loops are reported") {
    Following f;
    TemporaryDirectory elsewhere;
    elsewhere.write("target.yaml", tenant("a"));
    elsewhere.write("more/b.yaml", tenant("b"));
    fs::create_symlink(elsewhere.at("target.yaml"), f.directory.at("a.yaml"));
    f.update();
    CHECK(f.has_tenant("a"));
    fs::create_symlink(elsewhere.at("more"), f.directory.at("more"));
    fs::create_symlink(f.directory.path(), f.directory.at("loop"));
    fs::create_symlink("self.yaml", f.directory.at("self.yaml"));
    f.update();
    INFO(all_of(f.source.problems()));
    CHECK(f.has_tenant("b"));
    CHECK(f.complains("loop: is a link that leads to " + f.directory.path().string()));
    CHECK(f.complains("self.yaml: is a link that leads nowhere: Too many levels of symbolic links"));
    CHECK(f.source.problems().size() == 2);
    elsewhere.write("target.yaml", tenant("c"));
    f.update();
    CHECK(f.has_tenant("c"));
}

TEST_CASE("a mounted ConfigMap is followed when Kubernetes swaps its data") {
    Following f;
    f.directory.write("..v1/a.yaml", tenant("a"));
    fs::create_directory_symlink("..v1", f.directory.at("..data"));
    fs::create_symlink("..data/a.yaml", f.directory.at("a.yaml"));
    f.update();
    CHECK(f.has_tenant("a"));
    CHECK(f.source.problems().empty());
    f.directory.write("..v2/a.yaml", tenant("b"));
    fs::create_directory_symlink("..v2", f.directory.at("..data_tmp"));
    fs::rename(f.directory.at("..data_tmp"), f.directory.at("..data"));
    f.update();
    CHECK(f.has_tenant("b"));
    CHECK_FALSE(f.has_tenant("a"));
}

TEST_CASE("more events than the kernel queues lose nothing") {
    std::ifstream limit_file("/proc/sys/fs/inotify/max_queued_events");
    int limit = 0;
    limit_file >> limit;
    if (limit == 0 || limit > 100'000) SKIP("the event queue is too long here to overflow it");
    Following f;
    f.directory.write("a.yaml", tenant("a"));
    f.update();
    for (int i = 0; i <= limit; ++i) { // two alternating names, so that the kernel merges no events
        fs::rename(f.directory.at(i % 2 == 0 ? "a.yaml" : "b.yaml"), f.directory.at(i % 2 == 0 ? "b.yaml" : "a.yaml"));
    }
    f.directory.write("last.yaml", tenant("last"));
    f.update();
    CHECK(f.has_tenant("a"));
    CHECK(f.has_tenant("last"));
    CHECK(f.cluster.tenants().size() == 2);
}

} // namespace
} // namespace bulkhead::source
