// Keeps Apache's sites: what is there, and collecting what should be; how it goes live stands in commit.cpp.
#include "drivers/apache/driver.hpp"

#include <algorithm>

namespace genesis {

namespace {

constexpr host::Owner state_owner{0, 0, 0600};

std::string stamp_of(std::optional<host::FileStat> const& seen) {
    if (!seen) return "-";
    return std::to_string(seen->inode) + ":" + std::to_string(seen->mtime_ns) + ":" + std::to_string(seen->size);
}

// A domain from the name of a site's file; empty when it is none.
std::string domain_of(std::string_view file) {
    if (!file.ends_with(".conf") || file == canary_file) return {};
    file.remove_suffix(5);
    if (file.starts_with('~')) file.remove_prefix(1);
    return Domain::try_parse(file) ? std::string(file) : std::string();
}

// Of a quarantined file: "# " and why.
std::string second_line(std::string_view bytes) {
    auto const from = bytes.find("\n# ");
    if (from == std::string_view::npos) return "?";
    return std::string(bytes.substr(from + 3, bytes.find('\n', from + 3) - from - 3));
}

}  // namespace

ApacheDriver::ApacheDriver(ApacheSettings settings, std::unique_ptr<WebServer> server,
                           std::shared_ptr<host::PairReader> reader)
    : settings_(std::move(settings)),
      reader_(std::move(reader)),
      server_(server ? std::move(server) : std::make_unique<Httpd>(settings_.httpd)),
      live_(settings_.tls_root),
      staged_(settings_.tls_root),
      unmanaged_(settings_.unmanaged_dirs) {}

std::optional<host::Dir> ApacheDriver::try_dir(std::string const& name) const {
    return host::Dir::try_open(settings_.root + "/" + name);
}

// Two looks; the files are read only when somebody asks whether they can be loaded.
ApacheDriver::PairState& ApacheDriver::pair(Domain const& certificate) {
    auto const& name = certificate.str();
    auto const dir = tls_ ? tls_->try_view(name) : std::nullopt;
    auto const chain = dir ? dir->look("chain.pem") : std::nullopt, key = dir ? dir->look("key.pem") : std::nullopt;
    auto& state = pairs_[name];
    if (state.stamp.empty() || state.chain != chain || state.key != key)
        state = {chain, key, stamp_of(chain) + " " + stamp_of(key), std::nullopt};
    return state;
}

// What the running Apache has confirmed to have loaded needs no second opinion.
std::string ApacheDriver::bad_pair(Site const& site) {
    if (site.certificate.empty()) return {};
    auto& state = pair(site.certificate);
    auto const mark = loaded_.find(site.domain.str());
    if (mark != loaded_.end() && mark->second.ends_with(" " + state.stamp)) return {};
    if (!state.why) {
        auto const name = site.certificate.str();
        auto const chain = state.chain ? tls_->read(name + "/chain.pem") : std::nullopt;
        auto const key = state.key ? tls_->read(name + "/key.pem") : std::nullopt;
        if (!chain || !key)
            state.why = std::string(chain ? "key.pem" : "chain.pem") + " is missing";
        else
            state.why = reader_->read(chain->bytes, Secret(key->bytes).reveal()).why;
    }
    return state.why->empty() ? "" : settings_.tls_root + "/" + site.certificate.str() + ": " + *state.why;
}

std::string ApacheDriver::unloadable(Site const& site) {
    try {
        if (auto why = bad_pair(site); !why.empty()) return why;
        auto const logs = host::Dir::try_open(site.log_dir.str());
        if (!logs) return site.log_dir.str() + " is missing";
        for (auto const* const kind : {".access.log", ".error.log"})
            if (auto const log = logs->look(site.domain.str() + kind); log && log->kind != host::FileStat::regular)
                return site.log_dir.str() + "/" + site.domain.str() + kind + " is not an ordinary file";
        return {};
    } catch (Expired const&) {
        throw;
    } catch (Fault const& fault) {
        return fault.what();
    }
}

std::string ApacheDriver::signature(std::string const& sha, Site const& site) {
    return site.certificate.empty() ? sha : sha + " " + pair(site.certificate).stamp;
}

void ApacheDriver::open_once() {
    tls_ = host::Dir::try_open(settings_.tls_root);
    auto const dir = host::Dir::try_open(settings_.state_dir);
    auto const seen = dir ? dir->look("loaded.json") : std::nullopt;
    if (seen == loaded_seen_) return;
    loaded_.clear();
    requested_.clear();
    loaded_seen_ = seen;
    if (!seen) return;
    boost::system::error_code error;
    auto const file = dir->read("loaded.json", 64 << 20);
    auto const parsed = file ? json::parse(file->bytes, error) : json::value();
    if (error || !parsed.is_object()) return;  // nothing is known to be loaded: one restart mends that
    auto const* sites = parsed.as_object().if_contains("sites");
    auto const* requested = parsed.as_object().if_contains("requested");
    if (sites == nullptr || !sites->is_object() || requested == nullptr || !requested->is_string()) return;
    requested_ = requested->as_string();
    for (auto const& [domain, mark] : sites->as_object())
        if (mark.is_string()) loaded_.emplace(domain, mark.as_string());
}

void ApacheDriver::remember(std::map<std::string, std::string> loaded, std::string const& requested) {
    json::object sites;
    for (auto const& [domain, mark] : loaded) sites[domain] = mark;
    auto const dir = host::Dir::make_all(settings_.state_dir, {0, 0, 0700});
    dir.write("loaded.json", json::serialize(json::object{{"requested", requested}, {"sites", std::move(sites)}}),
              state_owner, false);
    loaded_ = std::move(loaded);
    requested_ = requested;
    loaded_seen_ = dir.look("loaded.json");
}

// `quarantined`: the bytes of the file of that name there, empty when there is none.
void ApacheDriver::look_at(std::string const& domain, host::Dir const& sites, std::string const& quarantined,
                           bool running, Observed<Site>& out) {
    auto const* file = live_.look(sites, domain + ".conf");
    if (file == nullptr) file = live_.look(sites, "~" + domain + ".conf");
    Site site;
    site.domain = Domain::checked(domain);
    site.live = false;
    if (file != nullptr && file->site) {
        site = *file->site;
        site.vhost_file = file->state;
        auto const mark = loaded().find(domain);
        site.live = running && mark != loaded().end() && mark->second == signature(file->sha, site);
    } else if (file != nullptr) {
        site.vhost_file = file->state;
        if (!loaded().contains(domain)) {
            out.unmanaged.push_back({std::move(site), settings_.root + "/sites/" + domain + ".conf is not ours"});
            return;
        }
    } else if (quarantined.empty()) {
        auto const mark = loaded().find(domain);
        if (mark == loaded().end() || mark->second != unconfirmed) return;
        site.vhost_file = "removed, but Apache may still be loading it";
    } else if (auto record = read_site(quarantined); record && record->domain.str() == domain) {
        site = std::move(*record);
        site.live = false;
    }
    if (!quarantined.empty()) site.vhost_file = "quarantined: " + second_line(quarantined);
    out.found.push_back(std::move(site));
}

// The file beside the sites says how Apache is asked what it runs. That of 0.1.0 made it listen at one more port, which
// any user may take while it is down, and then it does not start.
bool ApacheDriver::canary_stands(host::Dir const& sites) {
    auto const name = std::string(canary_file);
    auto const seen = sites.look(name);
    auto const file = seen && seen->kind == host::FileStat::regular ? sites.read(name) : std::nullopt;
    return file && is_canary(file->bytes);
}

Observed<Site> ApacheDriver::observe(Of<Site>, Scope const& scope, Context& context) {
    Observed<Site> out;
    open_once();
    std::set<std::string> domains(scope.keys.begin(), scope.keys.end());
    auto const sites = try_dir("sites"), quarantined = try_dir("quarantined");
    std::set<std::string> held;
    if (quarantined)
        for (auto const& file : quarantined->list()) held.insert(domain_of(file));
    if (scope.everything()) {
        domains = held;
        if (sites)
            for (auto const& file : sites->list()) domains.insert(domain_of(file));
        for (auto const& [domain, mark] : loaded())
            if (mark == unconfirmed && !domain.starts_with('/')) domains.insert(domain);
        domains.erase("");
    }
    bool const running = server_->running().has_value();
    for (auto const& domain : domains) {
        context.check();
        if (!sites) break;
        try {
            auto const kept = held.contains(domain) ? quarantined->read(domain + ".conf") : std::nullopt;
            look_at(domain, *sites, kept ? kept->bytes : "", running, out);
        } catch (Expired const&) {
            throw;
        } catch (Fault const& fault) {
            context.log.write(Level::warning, "site not seen", {{"domain", domain}, {"why", fault.what()}});
            out.unseen.push_back(domain);
        }
    }
    // One step is enough for a batch, and a batch writes and loads the whole tree.
    if (sites && !out.found.empty() && !canary_stands(*sites)) out.found.front().live = false;
    std::set<std::string> known;
    for (auto const& site : out.found) known.insert(site.domain.str());
    for (auto const& [name, file] : unmanaged_.look()) {
        if (known.contains(name) || (!scope.everything() && !domains.contains(name))) continue;
        Site site;
        if (auto domain = Domain::try_parse(name)) {
            site.domain = std::move(*domain);
            out.unmanaged.push_back({std::move(site), "served by " + file});
        }
    }
    return out;
}

std::vector<Outcome> ApacheDriver::apply(std::span<Step<Site> const> steps, Context& /*context*/) {
    for (auto const& step : steps) {
        auto& slot = pending_[step.subject().domain.str()];
        slot.reset();
        if (step.verb != Verb::remove) slot = step.want;
    }
    return std::vector<Outcome>(steps.size());
}

}  // namespace genesis
