// The configuration file in, its commented default out.
#include "reconciler/app/config.hpp"

#include "drivers/host/sockets.hpp"

#include <set>

namespace genesis {
namespace {

// What no single field can say.
Problems check_together(Config const& config) {
    Problems out;
    if (config.certificate.has_value() != config.key.has_value())
        out.push_back({!config.key ? "/key" : "/certificate", "required", "goes with the other: both or none"});
    std::set<std::string> seen;
    auto const add = [&](std::string const& list, auto const& addresses) {
        for (std::size_t i = 0; i < addresses.size(); ++i)
            if (!seen.insert(addresses[i].str()).second)
                out.push_back({list + "/" + std::to_string(i), "duplicate", "is listened at already"});
    };
    add("/listen", config.listen);
    add("/listen_plain", config.listen_plain);
    add("/probes", config.probes);
    return out;
}

}  // namespace

bool is_tcp_address(std::string_view text) {
    auto const address = host::TcpAddress::parse(text);
    return address && address->port() >= 1024;
}
bool is_loopback_address(std::string_view text) {
    return is_tcp_address(text) && host::TcpAddress::parse(text)->loopback();
}

bool is_redis_address(std::string_view text) { return text.starts_with('/') || is_loopback_address(text); }

Checked<Config> read_config(std::string_view yaml) {
    auto documents = parse_yaml(yaml);
    if (!documents) return documents.error();
    if (documents->size() > 1) return Refused{{{"", "malformed", "must be one document"}}};
    auto config = decode<Config>(documents->empty() ? json::value(json::object()) : documents->front().value);
    if (!config) return config;
    if (auto problems = check_together(*config); !problems.empty()) return Refused{std::move(problems)};
    return config;
}

std::string print_config() {
    std::string out = "# " + std::string(Describe<Config>::doc) + "\n";
    for (auto const& f : schema_of<Config>().fields) {
        out += "\n# " + std::string(f.doc) + "\n";
        if (f.fallback.is_null()) {  // absent unless given
            out += "#" + std::string(f.name) + ":\n";
            continue;
        }
        out += std::string(f.name) + ": ";
        out += f.fallback.is_array() ? json::serialize(f.fallback) + "\n" : to_yaml(f.fallback);
        if (out.back() != '\n') out += '\n';
    }
    return out;
}

}  // namespace genesis
