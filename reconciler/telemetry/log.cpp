// JSON lines through spdlog; values are escaped, so none can forge a line.
#include "reconciler/telemetry/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <boost/json.hpp>

namespace genesis {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

class JsonLog final : public Log {
public:
    explicit JsonLog(Level least) : out_("genesis", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
        out_.set_pattern("%v");
        out_.set_level(to_spdlog(least));
        out_.flush_on(spdlog::level::info);
    }
    void write(Level level, std::string_view message, Fields fields) override {
        if (!out_.should_log(to_spdlog(level))) return;
        boost::json::object line{{"level", spdlog::level::to_string_view(to_spdlog(level)).data()},
                                 {"message", message}};
        for (auto const& [name, value] : fields) line[name] = value;
        out_.log(to_spdlog(level), "{}", boost::json::serialize(line));
    }

private:
    spdlog::logger out_;
};

}  // namespace

std::unique_ptr<Log> make_log(Level least) { return std::make_unique<JsonLog>(least); }

}  // namespace genesis
