// Names, seals and token buckets in a Redis.
#include "reconciler/cache/redis_cache.hpp"
#include "resources/schema/digest.hpp"

#include <charconv>

namespace genesis {
namespace {

// Larger values would not arrive in time and would delay other commands.
constexpr std::size_t most_value = std::size_t{1} << 20, most_sealed = 2 * most_value;

// "genesis:node1:2f…:": two stores with the same node name have different master keys.
std::string prefix_of(std::string const& node, Vault const& master) {
    auto const id = master.derive("cache names");
    return "genesis:" + node + ":" + to_hex(id.reveal().substr(0, 8)) + ":";
}

// A bucket is stored as the time, in microseconds, when it will be full; a missing one is full. An invalid value counts
// as full, and a value too far in the future as empty.
constexpr std::string_view bucket = R"lua(
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local each = 1000000 / ARGV[1]
local empty = now + each * ARGV[2]
local function keep(full)
    redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
end
local full = tonumber(redis.call('GET', KEYS[1])) or now
if not (full >= now) then full = now end
if full > empty then keep(empty) return 0 end
if full + each > empty + 1 then return 0 end
keep(full + each)
return 1
)lua";

std::string number(std::int64_t n) { return std::to_string(n); }

}  // namespace

RedisCache::RedisCache(RedisServer server, std::string const& node, Vault const& master, Clock const& clock, Log& log)
    : prefix_(prefix_of(node, master)),
      vault_(Vault::with_key(master.derive("cache values"))),
      clock_(clock),
      log_(log),
      link_(std::move(server), clock, log) {}

std::optional<std::string> RedisCache::get(std::string const& key) {
    auto const name = name_of(key);
    auto const reply = link_.call({"GET", name});
    if (!reply || !reply->text || reply->text->size() > most_sealed) return std::nullopt;
    return opened(name, *reply->text);
}

// The sealed text is "<expiry> <value>": Redis expires it too, but somebody could replay it.
std::optional<std::string> RedisCache::opened(std::string const& name, std::string const& sealed) try {
    auto const clear = vault_.unseal(sealed, name);
    auto const& text = clear.reveal();
    std::int64_t ends = 0;
    auto const* const end = text.data() + text.size();
    auto const [stopped, error] = std::from_chars(text.data(), end, ends);
    if (error != std::errc() || stopped == end || ends <= clock_.now().time_since_epoch().count()) return std::nullopt;
    return std::string(stopped + 1, end);
} catch (Fault const& why) {
    if (!logged_foreign_.exchange(true))
        log_.write(Level::warning, "a value in the shared cache was not written by Genesis",
                   {{"key", name}, {"why", why.what()}});
    return std::nullopt;
}

void RedisCache::set(std::string const& key, std::string const& value, std::chrono::milliseconds ttl) try {
    if (value.size() > most_value || !link_.up()) return;
    auto const name = name_of(key);
    auto const ends = number((clock_.now() + ttl).time_since_epoch().count());
    link_.notify({"SET", name, vault_.seal(Secret(ends + " " + value), name), "PX", number(ttl.count())});
} catch (Fault const& why) {  // of sealing
    log_.write(Level::warning, "nothing can be put in the shared cache", {{"why", why.what()}});
}

std::optional<bool> RedisCache::take(std::string const& key, Size const& size) {
    auto const reply =
        link_.call({"EVAL", std::string(bucket), "1", name_of(key), number(size.per_second), number(size.burst)});
    if (!reply || !reply->number) return std::nullopt;
    return *reply->number == 1;
}

}  // namespace genesis
