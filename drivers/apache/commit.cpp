// One batch of sites goes live: screened, tested whole, exchanged, loaded by one graceful restart, confirmed.
#include "drivers/apache/driver.hpp"
#include "resources/schema/digest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

namespace genesis {

namespace {

constexpr host::Owner tree_owner{0, 0, 0750};

std::string one_line(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    while (text.ends_with(' ')) text.pop_back();
    return text.substr(0, 300);
}

// The same as was requested last where that was of the same sites. Otherwise a new one, even where Apache served those
// once before: its former answer must confirm nothing while it loads what it was asked for in between.
std::string next_generation(std::string const& requested, std::string const& sites) {
    if (requested.ends_with("-" + sites)) return requested;
    std::uint64_t number = 0;
    std::from_chars(requested.data(), requested.data() + requested.size(), number);
    return std::to_string(number + 1) + "-" + sites;
}

}  // namespace

struct ApacheDriver::Batch {
    ApacheDriver& driver;
    Context& context;
    std::map<std::string, std::optional<Site>> asked;
    host::Dir sites, staged, quarantined, root;

    std::map<std::string, Site> previous, candidate;          // by domain: what is on disk, what is to be
    std::map<std::string, std::pair<Site, std::string>> bad;  // what cannot be as wanted, and why
    std::map<std::string, std::string> carried;               // files of others in our tree: name → bytes
    std::map<std::string, std::string> marks;                 // what loaded.json will say
    WantedTree wanted;
    std::string generation;
    std::string blocked;         // why nothing can be done for anybody
    bool canary_stands = false;  // in the tree that was there

    Batch(ApacheDriver& d, std::map<std::string, std::optional<Site>> a, Context& c)
        : driver(d),
          context(c),
          asked(std::move(a)),
          sites(host::Dir::make_all(d.settings_.root + "/sites", tree_owner)),
          staged(host::Dir::make_all(d.settings_.root + "/staged", tree_owner)),
          quarantined(host::Dir::make_all(d.settings_.root + "/quarantined", tree_owner)),
          root(host::Dir::open(d.settings_.root)) {}

    void collect();
    void screen();
    void quarantine(std::string const& domain, std::string const& why);
    void fit_files();
    void lay_out();
    bool judge();
    bool resolve_conflicts(std::string const& hosts);
    [[nodiscard]] std::string named(std::string const& message) const;
    [[nodiscard]] std::vector<std::string> changed() const;
    std::string bisect(std::vector<std::string> suspects);
    [[nodiscard]] bool loaded_already() const;
    [[nodiscard]] bool confirmed() const;
    void expect_load();
    void go_live();
    std::string load();
    std::string await(bool requested);
    [[nodiscard]] std::string ended_itself() const;
    void keep_quarantine();
    CommitResult report() const;
};

// What is there, and on top of it what was asked for. A file in our tree that is not ours stays, and its name with it.
void ApacheDriver::Batch::collect() {
    driver.live_.scan(sites);
    canary_stands = ApacheDriver::canary_stands(sites);
    for (auto const& [name, file] : driver.live_.files()) {
        if (name == canary_file || file.sha.empty()) continue;
        if (file.site) {
            previous.emplace(file.site->domain.str(), *file.site);
            continue;
        }
        auto const domain =
            name.substr(name.starts_with('~') ? 1 : 0, name.rfind('.') - (name.starts_with('~') ? 1 : 0));
        bool const ours = driver.loaded().contains(domain);
        if (ours && asked.contains(domain)) continue;
        if (auto const read = sites.read(name, 64 << 20)) carried.emplace(name, read->bytes);
        if (auto const found = asked.find(domain); found != asked.end()) {
            if (found->second) bad.emplace(domain, std::pair(*found->second, name + " exists and is not ours"));
            asked.erase(found);
        }
    }
    candidate = previous;
    for (auto const& [domain, site] : asked) {
        candidate.erase(domain);
        if (site) candidate.emplace(domain, *site);
    }
}

// The version that was live before stands in where it still can be loaded; a site never takes others with it.
void ApacheDriver::Batch::quarantine(std::string const& domain, std::string const& why) {
    auto const at = candidate.find(domain);
    if (at == candidate.end()) return;
    auto const now = at->second;
    bad.try_emplace(domain, now, one_line(why));
    candidate.erase(at);
    auto const before = previous.find(domain);
    if (before == previous.end() || site_header(before->second) == site_header(now)) return;
    if (driver.unloadable(before->second).empty()) candidate.emplace(domain, before->second);
}

// Apache's config test opens neither certificates nor logs, but it ends itself over them when it loads.
void ApacheDriver::Batch::screen() {
    std::vector<std::pair<std::string, std::string>> found;
    for (auto const& [domain, site] : candidate) {
        context.check();
        if (auto why = driver.unloadable(site); !why.empty()) found.emplace_back(domain, std::move(why));
    }
    for (auto const& [domain, why] : found) quarantine(domain, why);
}

// Sites that are new wait while the running server may not open their logs.
void ApacheDriver::Batch::fit_files() {
    constexpr std::size_t others = 256;  // sockets, modules, logs of the server itself
    auto const limit = driver.server_->file_limit();
    std::size_t need = others;
    for (auto const& [domain, site] : candidate) need += log_count(site);
    for (auto const& domain : changed()) {
        if (need <= limit) return;
        if (previous.contains(domain)) continue;
        need -= log_count(candidate.at(domain));
        quarantine(domain, "Apache may open only " + std::to_string(limit) + " files: raise LimitNOFILE= of its unit");
    }
}

void ApacheDriver::Batch::lay_out() {
    wanted.clear();
    marks.clear();
    for (auto const& [domain, site] : candidate) {
        auto const name = site_file_name(site);
        auto const live = driver.live_.files().find(name);
        bool const same = live != driver.live_.files().end() && live->second.site && live->second.state == "intact" &&
                          site_header(*live->second.site) == site_header(site);
        auto sha = same ? live->second.sha : sha256(render_site(site, driver.settings_.tls_root));
        marks.emplace(domain, driver.signature(sha, site));
        wanted.emplace(name, WantedFile{std::move(sha), &site, {}});
    }
    for (auto const& [name, bytes] : carried) {
        auto sha = sha256(bytes);
        marks.emplace("/" + name, sha);
        wanted.emplace(name, WantedFile{std::move(sha), nullptr, bytes});
    }
    std::string all;
    for (auto const& [key, mark] : marks) all.append(key).append(" ").append(mark).append("\n");
    generation = next_generation(driver.requested_, sha256(all).substr(0, 16));
    auto bytes = canary(generation);
    auto sha = sha256(bytes);
    wanted.emplace(canary_file, WantedFile{std::move(sha), nullptr, std::move(bytes)});
}

// The domain whose staged file an error message names; empty when it names none of ours.
std::string ApacheDriver::Batch::named(std::string const& message) const {
    auto const folder = driver.settings_.root + "/staged/";
    auto const at = message.find(folder);
    if (at == std::string::npos) return {};
    auto const from = at + folder.size();
    auto const file = message.substr(from, message.find(".conf", from) - from);
    auto const domain = file.substr(file.starts_with('~') ? 1 : 0);
    return candidate.contains(domain) ? domain : std::string();
}

std::vector<std::string> ApacheDriver::Batch::changed() const {
    std::vector<std::string> out;
    for (auto const& [domain, site] : candidate) {
        auto const before = previous.find(domain);
        if (before == previous.end() || site_header(before->second) != site_header(site)) out.push_back(domain);
    }
    return out;
}

// Which of the suspects fails the test: half of them at a time on top of what is live.
std::string ApacheDriver::Batch::bisect(std::vector<std::string> suspects) {
    auto const whole = candidate;
    while (suspects.size() > 1) {
        auto const middle = suspects.begin() + static_cast<std::ptrdiff_t>(suspects.size() / 2);
        std::vector<std::string> const first(suspects.begin(), middle), second(middle, suspects.end());
        for (auto const& domain : second) {
            candidate.erase(domain);
            if (auto const before = previous.find(domain); before != previous.end()) candidate.insert(*before);
        }
        lay_out();
        driver.staged_.fill(staged, wanted);
        bool const passes = driver.server_->test(true, context).ok;
        candidate = whole;
        suspects = passes ? second : first;
    }
    return suspects.front();
}

// Quarantines every site that does not get a name it asks for. True when there was one.
bool ApacheDriver::Batch::resolve_conflicts(std::string const& hosts) {
    HostMap const map(hosts);
    std::vector<std::pair<std::string, std::string>> found;
    auto const folder = driver.settings_.root + "/staged/";
    for (auto const& entry : candidate) {
        auto const& site = entry.second;  // clang 14 captures no structured bindings
        auto const file = folder + site_file_name(site);
        std::string why;
        auto check = [&](std::string const& name) {
            for (int const port : {80, 443}) {
                if (port == 443 && site.certificate.empty()) continue;
                auto const owner = map.owner(port, name);
                if (owner == file || !why.empty()) continue;
                why = owner.empty() ? "Apache does not include " + folder + "*.conf" : name + " is served by " + owner;
            }
        };
        check(site.domain.str());
        for (auto const& alias : site.aliases) check(alias.str());
        if (!why.empty()) found.emplace_back(entry.first, why);
    }
    for (auto const& [domain, why] : found) quarantine(domain, why);
    return !found.empty();
}

// Shrinks the candidate until Apache accepts it whole. False: somebody else's configuration is broken, touch nothing.
bool ApacheDriver::Batch::judge() {
    for (;;) {
        lay_out();
        driver.staged_.fill(staged, wanted);
        auto const tested = driver.server_->test(true, context);
        if (tested.ok) {
            if (!resolve_conflicts(tested.hosts)) return true;
            continue;
        }
        if (auto const culprit = named(tested.message); !culprit.empty()) {
            quarantine(culprit, tested.message);
            continue;
        }
        auto const suspects = changed();
        if (suspects.empty() || !driver.server_->test(false, context).ok) {
            blocked = "Apache's configuration is broken outside of Genesis: " + one_line(tested.message);
            return false;
        }
        quarantine(bisect(suspects), tested.message);
    }
}

// Nothing to load: the server has confirmed all of this. Sites that had to leave the tree only because they cannot be
// loaded any more are no reason either; it serves them from memory until there is another one.
bool ApacheDriver::Batch::loaded_already() const {
    auto const& loaded = driver.loaded();
    for (auto const& [key, mark] : marks) {
        auto const known = loaded.find(key);
        if (known == loaded.end() || known->second != mark) return false;
    }
    return std::all_of(loaded.begin(), loaded.end(),
                       [&](auto const& entry) { return marks.contains(entry.first) || bad.contains(entry.first); });
}

bool ApacheDriver::Batch::confirmed() const {
    if (!driver.server_->running()) return false;
    return (canary_stands && loaded_already()) || driver.server_->generation() == generation;
}

// Written down before Apache is asked.
void ApacheDriver::Batch::expect_load() {
    auto expected = marks;
    for (auto& [key, mark] : expected)
        if (auto const known = driver.loaded().find(key); known == driver.loaded().end() || known->second != mark)
            mark = unconfirmed;
    for (auto const& [key, mark] : driver.loaded()) expected.try_emplace(key, unconfirmed);
    if (expected != driver.loaded() || generation != driver.requested_)
        driver.remember(std::move(expected), generation);
}

// Empty when the new generation answers, or why it does not. `requested`: to load this tree; one that was still
// starting is asked once it can be.
std::string ApacheDriver::Batch::await(bool requested) {
    auto const until = context.clock.steady() + driver.settings_.reload_longest;
    for (auto pause = std::chrono::milliseconds(5);; pause = std::min(pause * 2, std::chrono::milliseconds(100))) {
        if (driver.server_->generation() == generation) return {};
        if (!requested && driver.server_->running()) {
            driver.server_->graceful(context);
            requested = true;
        }
        if (!driver.server_->alive(context)) return ended_itself();
        if (context.clock.steady() > until)
            return "Apache has not loaded the sites yet, or does not answer at 127.0.0.1:" +
                   std::to_string(canary_port) + ", where it is asked";
        context.check();
        std::this_thread::sleep_for(pause);
    }
}

std::string ApacheDriver::Batch::ended_itself() const {
    auto const said = one_line(driver.server_->complaint(context));
    return "Apache ended itself while it loaded the sites" + (said.empty() ? "" : ": " + said);
}

std::string ApacheDriver::Batch::load() {
    expect_load();
    try {
        bool requested = true;
        if (driver.server_->running())
            driver.server_->graceful(context);
        else if (driver.server_->alive(context))
            requested = false;
        else
            driver.server_->start(context);
        return await(requested);
    } catch (Expired const&) {
        throw;
    } catch (Fault const& fault) {
        return fault.what();
    }
}

void ApacheDriver::Batch::go_live() {
    bool const differs = !driver.live_.equals(wanted);
    bool const loads = !confirmed();
    auto swap = [&] {
        exchange(root, "staged", "sites");
        std::swap(sites, staged);
        driver.live_.exchange(driver.staged_);
    };
    if (differs) swap();
    if (loads) {
        blocked = load();
        if (!blocked.empty()) {
            if (driver.server_->alive(context)) return;  // still loading, perhaps: the next batch looks again
            if (differs) swap();
            driver.server_->start(context);
            return;
        }
    }
    if (loads || marks != driver.loaded()) driver.remember(marks, driver.requested_);
    driver.staged_.fill(staged, wanted);  // so that the next batch writes only what it changes
}

void ApacheDriver::Batch::keep_quarantine() {
    for (auto const& [domain, found] : bad)
        quarantined.write(domain + ".conf", site_header(found.first) + "# " + found.second + "\n", site_file_owner,
                          false);
    for (auto const& [domain, site] : asked)
        if (!bad.contains(domain)) quarantined.remove(domain + ".conf");
}

CommitResult ApacheDriver::Batch::report() const {
    CommitResult out;
    for (auto const& [domain, found] : bad)
        out.records.push_back({{"site", domain}, {Outcome::retry, "quarantined: " + found.second}});
    if (blocked.empty()) return out;
    out.overall = {Outcome::retry, blocked};
    for (auto const& [domain, site] : asked)
        if (!bad.contains(domain)) out.records.push_back({{"site", domain}, out.overall});
    return out;
}

CommitResult ApacheDriver::commit(Context& context) {
    auto asked = std::exchange(pending_, {});
    if (asked.empty()) return {};
    open_once();
    Batch batch(*this, std::move(asked), context);
    batch.collect();
    batch.screen();
    batch.fit_files();
    if (batch.judge()) {
        batch.go_live();
        if (batch.blocked.empty()) batch.keep_quarantine();
    }
    return batch.report();
}

}  // namespace genesis
