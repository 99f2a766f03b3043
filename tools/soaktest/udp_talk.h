// SPDX-License-Identifier: Apache-2.0
//
// A conversation in datagrams; see talk.h.
#pragma once

#include "talk.h"

namespace bulkhead::soak {

class UdpTalk : public Talk {
public:
    using Talk::Talk;

    Result<> open() override;
    void ready(uint32_t events) override;
    Time tick(Time now) override;
    void leave(const Pod& pod) override;

private:
    void send_next(Time now);
    void judge_overdue(Time now);

    Time next_ = begun_;
    std::optional<Time> server_gone_;
};

} // namespace bulkhead::soak
