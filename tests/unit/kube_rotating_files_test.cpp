// SPDX-License-Identifier: Apache-2.0
#include "kube_fixture.h"
#include "source/kube/rotating_files.h"

namespace bulkhead::source::kube {
namespace {

namespace fs = std::filesystem;

/// A volume as the kubelet writes it: the names are links through ..data, which is swapped as a whole.
class Volume {
public:
    explicit Volume(const TemporaryDirectory& directory) : directory_(directory) {}

    void publish(const std::map<std::string, std::string>& files) {
        const auto generation = "..generation" + std::to_string(++generation_);
        for (const auto& [name, text] : files) {
            directory_.write(generation + "/" + name, text);
            if (generation_ == 1) fs::create_symlink("..data/" + name, directory_.at(name));
        }
        fs::create_directory_symlink(generation, directory_.at("..data_tmp"));
        fs::rename(directory_.at("..data_tmp"), directory_.at("..data"));
        if (generation_ > 1) directory_.remove("..generation" + std::to_string(generation_ - 1));
    }

private:
    const TemporaryDirectory& directory_;
    int generation_ = 0;
};

struct Token {
    TemporaryDirectory directory;
    FakeClock clock;
    RotatingFiles files{{{.path = directory.at("token").string(), .check = check_token}}};

    /// What is in use after a look.
    std::string look() {
        files.look(clock.now());
        return files.texts().empty() ? "" : files.texts().front();
    }
    std::string look_after(std::chrono::milliseconds time) {
        clock.pass(time);
        return look();
    }
};

TEST_CASE("a token is read without the white space around it") {
    Token t;
    t.directory.write("token", " abc \n");
    CHECK(t.look() == "abc");
    CHECK(t.files.error().empty());
}

TEST_CASE("a swap of ..data is seen within a second, and the files are looked at no more often") {
    Token t;
    Volume volume(t.directory);
    volume.publish({{"token", "first"}});
    CHECK(t.look() == "first");
    volume.publish({{"token", "other"}}); // of the same length
    CHECK(t.look_after(999ms) == "first");
    CHECK(t.look_after(1ms) == "other");
    CHECK(t.files.error().empty());
}

TEST_CASE("a file that was written in place is seen") {
    Token t;
    t.directory.write("token", "first");
    CHECK(t.look() == "first");
    t.directory.write("token", "second");
    CHECK(t.look_after(1s) == "second");
}

/// Its check counts the readings: no file system of a test changes a file without inode, size or times telling.
struct CountedFile {
    static inline int readings = 0;
    TemporaryDirectory directory;
    FakeClock clock;
    RotatingFiles files{{{.path = directory.at("token").string(), .check = [](const std::string& text) {
                              ++readings;
                              return Result<std::string>(text);
                          }}}};

    CountedFile() {
        readings = 0;
        directory.write("token", "abc");
        files.look(clock.now());
    }
    int readings_after(std::chrono::milliseconds time) {
        clock.pass(time);
        files.look(clock.now());
        return readings;
    }
};

TEST_CASE("a file that looks unchanged is read once a minute nevertheless") {
    CountedFile c;
    for (int second = 1; second < 60; ++second)
        CHECK(c.readings_after(1s) == 1);
    CHECK(c.readings_after(1s) == 2);
    CHECK(c.readings_after(1s) == 2);
}

TEST_CASE("a file that looks unchanged is read once more when it is distrusted") {
    CountedFile c;
    c.files.distrust();
    CHECK(c.readings_after(0s) == 1);
    CHECK(c.readings_after(1s) == 2);
    CHECK(c.readings_after(1s) == 2);
}

TEST_CASE("an empty, a missing or a senseless token leaves the last good one in use, until there is a good one") {
    Token t;
    const auto path = t.directory.at("token").string();
    t.directory.write("token", "good");
    CHECK(t.look() == "good");
    const std::string kept = "; what was read before stays in use";
    t.directory.write("token", "\n");
    CHECK(t.look_after(1s) == "good");
    CHECK(t.files.error() == path + " is empty" + kept);
    t.directory.remove("token");
    CHECK(t.look_after(1s) == "good");
    CHECK(t.files.error() == path + " cannot be opened: No such file or directory" + kept);
    t.directory.write("token", std::string("a\0b", 3));
    CHECK(t.look_after(1s) == "good");
    CHECK(contains(t.files.error(), "is binary"));
    t.directory.write("token", "two\nlines");
    CHECK(t.look_after(1s) == "good");
    CHECK(contains(t.files.error(), "is no token"));
    t.directory.write("token", "better");
    CHECK(t.look_after(1s) == "better");
    CHECK(t.files.error().empty());
}

TEST_CASE("a token that comes late is found") {
    Token t;
    CHECK(t.look().empty());
    CHECK(t.files.error() == t.directory.at("token").string() + " cannot be opened: No such file or directory");
    t.directory.write("token", "abc");
    CHECK(t.look_after(1s) == "abc");
}

TEST_CASE("a FIFO in a token's place blocks nobody") {
    Token t;
    REQUIRE(::mkfifo(t.directory.at("token").c_str(), 0600) == 0);
    CHECK(t.look().empty());
    CHECK(contains(t.files.error(), "is not a regular file"));
}

struct Pair {
    TemporaryDirectory directory;
    FakeClock clock;
    RotatingFiles files{{{.path = directory.at("tls.crt").string(), .check = check_certificates},
                         {.path = directory.at("tls.key").string(), .check = check_private_key}}};

    const std::vector<std::string>& look_after(std::chrono::milliseconds time) {
        clock.pass(time);
        files.look(clock.now());
        return files.texts();
    }
};

using Texts = std::vector<std::string>;

TEST_CASE("a certificate rotates together with its key") {
    Pair p;
    Volume volume(p.directory);
    volume.publish({{"tls.crt", certificate("1")}, {"tls.key", private_key("1")}});
    CHECK(p.look_after(0s) == Texts{certificate("1"), private_key("1")});
    volume.publish({{"tls.crt", certificate("2")}, {"tls.key", private_key("2")}});
    CHECK(p.look_after(1s) == Texts{certificate("2"), private_key("2")});
}

TEST_CASE("half of a certificate's rotation changes nothing") {
    Pair p;
    p.directory.write("tls.crt", certificate("1"));
    p.directory.write("tls.key", private_key("1"));
    CHECK(p.look_after(0s) == Texts{certificate("1"), private_key("1")});
    p.directory.write("tls.crt", certificate("2"));
    p.directory.write("tls.key", "-----BEGIN PRIVATE KEY-----\nhalf"); // being written
    CHECK(p.look_after(1s) == Texts{certificate("1"), private_key("1")});
    CHECK(contains(p.files.error(), "tls.key ends within a private key"));
    p.directory.write("tls.key", private_key("2"));
    CHECK(p.look_after(1s) == Texts{certificate("2"), private_key("2")});
}

/// The check runs between the reading of one file and of the next: where a swap hurts most.
TEST_CASE("a swap between the reading of a certificate and of its key never mixes them") {
    static std::function<void()> between;
    Pair p;
    Volume volume(p.directory);
    const RotatingFiles::Part first{.path = p.directory.at("tls.crt").string(), .check = [](const std::string& text) {
                                        between();
                                        return Result<std::string>(text);
                                    }};
    RotatingFiles files({first, {.path = p.directory.at("tls.key").string(), .check = check_private_key}});
    volume.publish({{"tls.crt", certificate("1")}, {"tls.key", private_key("1")}});
    int swaps = 0;
    const auto swap = [&] {
        const auto next = std::to_string(2 + swaps++);
        volume.publish({{"tls.crt", certificate(next)}, {"tls.key", private_key(next)}});
    };
    SECTION("once") {
        between = [&] {
            if (swaps == 0) swap();
        };
        files.look(p.clock.now());
        CHECK(files.texts() == Texts{certificate("2"), private_key("2")});
        CHECK(files.error().empty());
    }
    SECTION("again and again, until it rests") {
        between = swap;
        files.look(p.clock.now());
        CHECK(files.texts().empty());
        CHECK(contains(files.error(), "changes faster than it can be read"));
        between = [] {};
        p.clock.pass(1s);
        files.look(p.clock.now());
        const auto last = std::to_string(1 + swaps);
        CHECK(files.texts() == Texts{certificate(last), private_key(last)});
    }
}

} // namespace
} // namespace bulkhead::source::kube
