// From the configuration to the cache layers.
#include "reconciler/app/cache_wiring.hpp"

#include "drivers/host/files.hpp"

#include <unistd.h>

namespace genesis {
namespace {

constexpr std::size_t most_in_memory = std::size_t{32} << 20;

Secret read_password(std::string const& path) {
    auto const [folder, name] = host::split(path);
    auto const file = host::Dir::open(folder).read(name, 1024);
    if (!file) throw Fault("there is no password file " + path);
    if (file->seen.owner.uid != ::geteuid() || (file->seen.owner.mode & 077U) != 0)
        throw Fault("the password file " + path + " must belong to root and be readable by nobody else");
    auto const line = file->bytes.substr(0, file->bytes.find('\n'));
    if (line.empty()) throw Fault("the password file " + path + " is empty");
    return Secret(line);
}

RedisServer server_of(CacheConfig const& config) {
    RedisServer out;
    auto const& where = config.redis.str();
    if (where.starts_with('/')) {
        out.socket = where;
    } else {
        auto const colon = where.rfind(':');
        out.address = where.substr(0, colon);
        if (out.address.starts_with('[')) out.address = out.address.substr(1, out.address.size() - 2);
        out.port = std::stoi(where.substr(colon + 1));
    }
    out.database = static_cast<int>(config.database);
    if (config.password_file) out.password = read_password(config.password_file->str());
    return out;
}

}  // namespace

Caches::Caches(Config const& config, std::string const& node, Vault const& master, Clock const& clock, Log& log)
    : memory_(most_in_memory, clock), own_(clock, config.requests_per_second, config.burst) {
    if (!config.cache) return;
    redis_ = std::make_unique<RedisCache>(server_of(*config.cache), node, master, clock, log);
    layers_.emplace(memory_, *redis_);
    shared_.emplace(clock, SharedBuckets::Size{config.requests_per_second, config.burst}, *redis_);
}

}  // namespace genesis
