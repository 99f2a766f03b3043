// SPDX-License-Identifier: Apache-2.0
#include "kube_credentials_fixture.h"

namespace bulkhead::source::kube {
namespace {

Access plain() {
    Access access{};
    access.server = "https://192.0.2.1:6443";
    return access;
}

using Headers = std::vector<std::string>;

TEST_CASE("what never changes is there at once, and stays one version") {
    Holder h;
    auto access = plain();
    SECTION("nobody") {
        h.use(access);
        REQUIRE(h.credentials->current() != nullptr);
        CHECK(h.credentials->current()->headers.empty());
    }
    SECTION("a token") {
        access.token.text = "abc";
        h.use(access);
        CHECK(h.token() == "abc");
        CHECK(h.credentials->current()->headers == Headers{"Authorization: Bearer abc"});
    }
    SECTION("a password") {
        access.username = "Aladdin"; // RFC 7617 section 2
        access.password = "open sesame";
        h.use(access);
        REQUIRE(h.credentials->current() != nullptr);
        CHECK(h.credentials->current()->headers == Headers{"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="});
    }
    SECTION("a certificate") {
        access.certificate.text = certificate("me");
        access.key.text = private_key("me");
        h.use(access);
        REQUIRE(h.credentials->current() != nullptr);
        CHECK(h.credentials->current()->certificate == certificate("me"));
        CHECK(h.credentials->current()->key == private_key("me"));
        CHECK(h.credentials->current()->headers.empty());
    }
    SECTION("somebody who acts as another") {
        access.token.text = "abc";
        access.impersonation = {.user = "jane", .uid = "7", .groups = {"dev", "ops"}};
        h.use(access);
        REQUIRE(h.credentials->current() != nullptr);
        CHECK(h.credentials->current()->headers == Headers{"Authorization: Bearer abc", "Impersonate-User: jane",
                                                           "Impersonate-Uid: 7", "Impersonate-Group: dev",
                                                           "Impersonate-Group: ops"});
    }
    CHECK(h.credentials->error().empty());
    h.credentials->refused();
    h.clock.pass(1h);
    CHECK(h.version() == 1);
    CHECK_FALSE(readable(h.credentials->fd(), test::after(0s)));
}

TEST_CASE("a token file is followed, and each new token is a new version") {
    Holder h;
    auto access = plain();
    access.token.file = h.directory.at("token").string();
    h.directory.write("token", "first");
    h.use(access);
    CHECK(h.token() == "first");
    CHECK(h.version() == 1);
    h.directory.replace("token", "second");
    h.clock.pass(1s);
    CHECK(h.token() == "second");
    CHECK(h.version() == 2);
    h.directory.replace("token", "second"); // another file with the same in it
    h.clock.pass(1s);
    CHECK(h.version() == 2);
    h.directory.write("token", "");
    h.clock.pass(1s);
    CHECK(h.token() == "second");
    CHECK(contains(h.credentials->error(), "token is empty"));
    h.directory.write("token", "third");
    h.clock.pass(1s);
    CHECK(h.token() == "third");
    CHECK(h.credentials->error().empty());
}

TEST_CASE("a token file overrides a token, which is used until the file can be read") {
    Holder h;
    auto access = plain();
    access.token = {.text = "given", .file = h.directory.at("token").string()};
    h.use(access);
    CHECK(h.token() == "given");
    CHECK(contains(h.credentials->error(), "cannot be opened"));
    h.directory.write("token", "read");
    h.clock.pass(1s);
    CHECK(h.token() == "read");
    h.directory.remove("token");
    h.clock.pass(1s);
    CHECK(h.token() == "read");
}

TEST_CASE("there is no proof as long as a token file was never good") {
    Holder h;
    auto access = plain();
    access.token.file = h.directory.at("token").string();
    h.use(access);
    CHECK(h.credentials->current() == nullptr);
    CHECK(contains(h.credentials->error(), "cannot be opened: No such file"));
    h.directory.write("token", "abc");
    h.clock.pass(1s);
    CHECK(h.token() == "abc");
    CHECK(h.version() == 1);
}

TEST_CASE("client certificate files are followed, and one of the two may be text") {
    Holder h;
    auto access = plain();
    access.certificate.file = h.directory.at("me.crt").string();
    h.directory.write("me.crt", certificate("1"));
    SECTION("both files") {
        access.key.file = h.directory.at("me.key").string();
        h.directory.write("me.key", private_key("1"));
        h.use(access);
        REQUIRE(h.version() == 1);
        h.directory.replace("me.crt", certificate("2"));
        h.directory.replace("me.key", private_key("2"));
        h.clock.pass(1s);
        CHECK(h.version() == 2);
        CHECK(h.credentials->current()->certificate == certificate("2"));
        CHECK(h.credentials->current()->key == private_key("2"));
        h.directory.remove("me.key");
        h.clock.pass(1s);
        CHECK(h.version() == 2);
        CHECK(contains(h.credentials->error(), "me.key cannot be opened"));
    }
    SECTION("the key as text") {
        access.key.text = private_key("text");
        h.use(access);
        REQUIRE(h.version() == 1);
        CHECK(h.credentials->current()->certificate == certificate("1"));
        CHECK(h.credentials->current()->key == private_key("text"));
    }
}

TEST_CASE("a refused token file is read again even if it looks unchanged, at most once a second") {
    Holder h;
    auto access = plain();
    access.token.file = h.directory.at("token").string();
    h.directory.write("token", "first");
    h.use(access);
    REQUIRE(h.token() == "first");
    h.directory.write("token", "second");
    for (int i = 0; i < 1000; ++i)
        h.credentials->refused();
    CHECK(h.token() == "first");
    h.clock.pass(1s);
    CHECK(h.token() == "second");
}

} // namespace
} // namespace bulkhead::source::kube
