// SPDX-License-Identifier: Apache-2.0
#include "source/kube/secret.h"

#include <algorithm>

#include "source/text_file.h"

namespace bulkhead::source::kube {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\v\f";
    const auto begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

} // namespace

bool fits_header(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char character) {
        const auto byte = static_cast<unsigned char>(character);
        return byte >= 0x20 && byte != 0x7f;
    });
}

Result<std::string> check_token(const std::string& text) {
    const auto token = trimmed(text);
    if (token.empty()) return fail("is empty");
    if (!fits_header(token)) return fail("is no token: it has several lines or control characters");
    return std::string(token);
}

Result<std::string> check_certificates(const std::string& text) {
    if (trimmed(text).empty()) return fail("is empty");
    const auto begin = text.find("-----BEGIN CERTIFICATE-----");
    if (begin == std::string::npos) return fail("has no PEM certificate (-----BEGIN CERTIFICATE-----)");
    if (text.find("-----END CERTIFICATE-----", begin) == std::string::npos) return fail("ends within a certificate");
    return text;
}

Result<std::string> check_private_key(const std::string& text) {
    if (trimmed(text).empty()) return fail("is empty");
    // "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"
    const auto begin = text.find("PRIVATE KEY-----");
    if (begin == std::string::npos) return fail("has no PEM private key (-----BEGIN PRIVATE KEY-----)");
    if (text.find("PRIVATE KEY-----", begin + 1) == std::string::npos) return fail("ends within a private key");
    return text;
}

Result<std::string> read_secret_file(const std::string& path, SecretCheck check) {
    auto file = read_text_file(path);
    if (!file) return fail(path + " " + file.error().text);
    auto text = check(file->text);
    if (!text) return fail(path + " " + text.error().text);
    return text;
}

std::optional<std::string> read_secret(const Field& field) {
    if (!field.present()) return std::nullopt;
    const auto* text = field.value().string();
    if (text == nullptr) {
        field.complain("is not a string (a number has to be quoted)");
        return std::nullopt;
    }
    if (text->empty()) return std::nullopt;
    return *text;
}

} // namespace bulkhead::source::kube
