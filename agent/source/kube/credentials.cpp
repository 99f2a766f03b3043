// SPDX-License-Identifier: Apache-2.0
#include "source/kube/credentials.h"

#include <sys/epoll.h>

#include "source/kube/base64.h"

namespace bulkhead::source::kube {

namespace {

std::optional<RotatingFiles> follow_token(const Access& access) {
    if (access.token.file.empty()) return std::nullopt;
    return RotatingFiles({{.path = access.token.file, .check = check_token}});
}

std::optional<RotatingFiles> follow_pair(const Access& access) {
    std::vector<RotatingFiles::Part> parts;
    if (!access.certificate.file.empty()) parts.push_back({access.certificate.file, check_certificates});
    if (!access.key.file.empty()) parts.push_back({access.key.file, check_private_key});
    if (parts.empty()) return std::nullopt;
    return RotatingFiles(std::move(parts));
}

} // namespace

Credentials::Credentials(const Access& access, const Clock& clock, Fd epoll)
    : access_(access), clock_(clock), epoll_(std::move(epoll)), token_file_(follow_token(access)),
      pair_files_(follow_pair(access)) {}

Result<std::unique_ptr<Credentials>> Credentials::create(const Access& access, const Clock& clock, const Pace& pace) {
    Fd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) return fail("create epoll", errno);
    std::unique_ptr<Credentials> credentials(new Credentials(access, clock, std::move(epoll)));
    if (access.exec) {
        auto renewal = Renewal::create(credentials->access_, credentials->fd(), clock, pace);
        if (!renewal) return tl::unexpected(renewal.error());
        credentials->renewal_ = std::move(*renewal);
    }
    credentials->work();
    return credentials;
}

void Credentials::work() {
    if (renewal_) renewal_->work();
    compose();
}

const Proof* Credentials::current() {
    const auto now = clock_.now();
    if (token_file_) token_file_->look(now);
    if (pair_files_) pair_files_->look(now);
    work();
    return ready_ ? &proof_ : nullptr;
}

void Credentials::refused(std::optional<uint64_t> version) {
    if (version && *version != proof_.version) return;
    if (token_file_) token_file_->distrust();
    if (pair_files_) pair_files_->distrust();
    if (renewal_) renewal_->refused();
    compose();
}

void Credentials::compose() {
    error_ = errors_now();
    auto next = proof_now();
    ready_ = next.has_value();
    if (!next || (proof_.version != 0 && next->same_as(proof_))) return;
    next->version = proof_.version + 1;
    proof_ = std::move(*next);
}

std::optional<Proof> Credentials::proof_now() const {
    Proof proof{};
    if (!add_token(proof) || !add_certificate(proof)) return std::nullopt;
    if (renewal_) {
        const auto& credential = renewal_->credential();
        if (!credential) return std::nullopt;
        proof.token = credential->token;
        proof.certificate = credential->certificate;
        proof.key = credential->key;
    }
    proof.headers = headers_for(proof.token);
    return proof;
}

bool Credentials::add_token(Proof& proof) const {
    proof.token = access_.token.text;
    if (!token_file_) return true;
    if (!token_file_->texts().empty()) proof.token = token_file_->texts().front();
    return !proof.token.empty();
}

bool Credentials::add_certificate(Proof& proof) const {
    proof.certificate = access_.certificate.text;
    proof.key = access_.key.text;
    if (!pair_files_) return true;
    const auto& texts = pair_files_->texts();
    if (texts.empty()) return false;
    if (!access_.certificate.file.empty()) proof.certificate = texts.front();
    if (!access_.key.file.empty()) proof.key = texts.back();
    return true;
}

std::vector<std::string> Credentials::headers_for(const std::string& token) const {
    std::vector<std::string> headers;
    if (!token.empty())
        headers.push_back("Authorization: Bearer " + token);
    else if (!access_.username.empty())
        headers.push_back("Authorization: Basic " + to_base64(access_.username + ":" + access_.password));
    if (!access_.impersonation) return headers;
    headers.push_back("Impersonate-User: " + access_.impersonation->user);
    if (!access_.impersonation->uid.empty()) headers.push_back("Impersonate-Uid: " + access_.impersonation->uid);
    for (const auto& group : access_.impersonation->groups)
        headers.push_back("Impersonate-Group: " + group);
    return headers;
}

std::string Credentials::errors_now() const {
    std::string all;
    const auto add = [&](const std::string& error) {
        if (!error.empty()) all += (all.empty() ? "" : "; ") + error;
    };
    if (token_file_) add(token_file_->error());
    if (pair_files_) add(pair_files_->error());
    if (renewal_) add(renewal_->error());
    return all;
}

} // namespace bulkhead::source::kube
