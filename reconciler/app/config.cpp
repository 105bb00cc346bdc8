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

// Where 0.1.0 had a key at the top that belongs to a driver now. What is given at both places is left to be refused.
void move_former_key(json::object& config, std::string_view former, std::string_view driver, std::string_view key) {
    auto const* value = config.if_contains(former);
    auto* const group = config.if_contains(driver);
    if (value == nullptr || (group != nullptr && (!group->is_object() || group->as_object().contains(key)))) return;
    auto moved = *value;
    config.erase(former);
    if (group == nullptr) config[driver] = json::object();
    config[driver].as_object()[key] = std::move(moved);
}

// A setting that means nothing any more: a configuration that has it is read as if it had not, whatever its value.
void drop_former_key(json::object& group, std::string_view former) { group.erase(former); }

// One key with its meaning above it; the keys of a group stand beneath its name.
void print_field(FieldInfo const& f, json::value const& value, std::string const& indent, std::string& out) {
    out += indent + "# " + std::string(f.doc) + "\n";
    if (value.is_null()) {  // absent unless given
        out += indent + "#" + std::string(f.name) + ":\n";
        return;
    }
    out += indent + std::string(f.name) + ":";
    if (f.shape.type == Type::record) {
        out += "\n";
        for (auto const& inner : f.shape.record->fields) {
            auto const* const given = value.as_object().if_contains(inner.name);
            print_field(inner, given ? *given : json::value(), indent + "  ", out);
        }
        return;
    }
    out += " " + (value.is_array() ? json::serialize(value) : to_yaml(value));
    if (out.back() != '\n') out += '\n';
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
    if (documents->size() > 1) return Refused{{{"", "malformed", "must be one document", documents->at(1).line}}};
    auto const document = documents->empty() ? Document{.value = json::object()} : std::move(documents->front());
    auto const refused = [&](Problems problems) {
        for (auto& problem : problems) problem.line = document.line_of(problem.path);
        return Refused{std::move(problems)};
    };
    auto value = document.value;
    if (value.is_object()) {
        move_former_key(value.as_object(), "mariadb_socket", "mariadb", "socket");
        drop_former_key(value.as_object(), "apache_canary_port");
        if (auto* const apache = value.as_object().if_contains("apache"); apache != nullptr && apache->is_object())
            drop_former_key(apache->as_object(), "canary_port");
    }
    auto config = decode<Config>(value);
    if (!config) return refused(config.error().problems);
    if (auto problems = check_together(*config); !problems.empty()) return refused(std::move(problems));
    return config;
}

std::string print_config() {
    std::string out = "# " + std::string(Describe<Config>::doc) + "\n";
    for (auto const& f : schema_of<Config>().fields) {
        out += "\n";
        print_field(f, f.fallback, "", out);
    }
    return out;
}

}  // namespace genesis
