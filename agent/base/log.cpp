// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <nlohmann/json.hpp>
#include <spdlog/fmt/chrono.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace bulkhead::log {

namespace {

constexpr size_t kRecent = 2000; // lines; what a report shows of them

/// Keeps what was logged since the log was set up.
std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt>& memory() {
    static std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> sink;
    return sink;
}

std::string rfc3339(spdlog::log_clock::time_point time) {
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count() % 1000;
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(spdlog::log_clock::to_time_t(time)), millis);
}

// spdlog's pattern can't escape, and messages quote what users wrote: so JSON is made by a JSON library.
class JsonFormatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const nlohmann::ordered_json line = {
            {"time", rfc3339(message.time)},
            {"level", std::string(spdlog::level::to_string_view(message.level).data())},
            {"message", std::string(message.payload.data(), message.payload.size())},
        };
        // Not every message is UTF-8: a file name may be anything.
        const auto text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
        out.append(text.data(), text.data() + text.size());
    }

    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

Result<> install(const std::string& level, Format format, spdlog::sink_ptr sink) {
    const auto parsed = spdlog::level::from_str(level == "warn" ? "warning" : level);
    if (parsed == spdlog::level::off && level != "off") return fail("unknown log level \"" + level + "\"");
    memory() = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kRecent);
    const spdlog::sinks_init_list sinks{std::move(sink), memory()};
    auto logger = std::make_shared<spdlog::logger>("bulkhead", sinks);
    if (format == Format::kJson)
        logger->set_formatter(std::make_unique<JsonFormatter>());
    else
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
    logger->set_level(parsed);
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
    return {};
}

} // namespace

Result<> set_up(const std::string& level, Format format) {
    return install(level, format, std::make_shared<spdlog::sinks::stderr_sink_mt>());
}

Result<> set_up(const std::string& level, Format format, std::ostream& stream) {
    return install(level, format, std::make_shared<spdlog::sinks::ostream_sink_mt>(stream));
}

std::vector<std::string> recent() {
    return memory() ? memory()->last_formatted() : std::vector<std::string>();
}

} // namespace bulkhead::log
