// SPDX-License-Identifier: Apache-2.0
//
// A conversation over a connection; see talk.h. No byte is lost as long as the connection lives, so what counts is
// whether it comes about, lives, and brings its messages back in their order.
#pragma once

#include "talk.h"

namespace bulkhead::soak {

class TcpTalk : public Talk {
public:
    using Talk::Talk;

    Result<> open() override;
    void ready(uint32_t events) override;
    Time tick(Time now) override;
    void leave(const Pod& pod) override;

private:
    void connected();
    void receive();
    void take(const Stamp& stamp);
    void send_next(Time now);
    void flush();
    void died(const std::string& how);
    void note_segments();
    Time tick_connecting(Time now);

    bool connected_ = false;
    Time next_ = begun_;
    uint64_t expected_ = 1;
    std::vector<uint8_t> unsent_;
    std::vector<uint8_t> received_;
};

} // namespace bulkhead::soak
