// An Apache driver on real files in a temporary folder, with a server that reads them as Apache would.
#pragma once
#include "drivers/apache/driver.hpp"
#include "drivers/host/test_root.hpp"

#include <algorithm>

namespace genesis::test {

// Reads the tree from disk as Apache would: accepts a site unless its domain is in `broken`, loads what stands in
// sites.
struct TreeServer final : WebServer {
    struct State {
        std::string root;
        std::set<std::string> broken;  // the message does not say which
        bool foreign_broken = false, up = true, dies_on_load = false, silent = false;
        std::string loaded, says;
        int tests = 0, loads = 0, starts = 0;
        int starting = 0;  // so many more times it is asked for before it has loaded what it was started with
        std::size_t files = 8192;
    };
    explicit TreeServer(State& state) : s(state) {}
    State& s;

    Tested test(bool staged, Context& /*context*/) override {
        ++s.tests;
        if (s.foreign_broken) return {false, "Syntax error on line 1 of /etc/apache2/x.conf", {}};
        auto const path = s.root + (staged ? "/staged" : "/sites");
        auto const dir = host::Dir::open(path);
        std::string hosts = "*:80 is a NameVirtualHost\n";
        auto names = dir.list();
        std::sort(names.begin(), names.end());
        for (auto const& name : names) {
            auto const site = read_site(dir.read(name)->bytes);
            if (!site) continue;
            if (s.broken.contains(site->domain.str())) return {false, "Syntax error somewhere", {}};
            hosts += "   port 80 namevhost " + site->domain.str() + " (" + path + "/" + name + ":1)\n";
            for (auto const& alias : site->aliases)
                hosts +=
                    std::string(alias.str().starts_with('*') ? "   wild alias " : "   alias ") + alias.str() + "\n";
        }
        return {true, {}, hosts};
    }
    [[nodiscard]] std::optional<pid_t> running() const override {
        return s.up && s.starting == 0 ? std::optional<pid_t>(1) : std::nullopt;
    }
    bool alive(Context& /*context*/) override {
        if (s.up && s.starting > 0) --s.starting;
        return s.up;
    }
    [[nodiscard]] std::size_t file_limit() const override { return s.files; }
    void load() {
        ++s.loads;
        if (s.dies_on_load) {
            s.dies_on_load = false;
            s.up = false;
            return;
        }
        if (s.silent) return;
        auto const file = host::Dir::open(s.root + "/sites").read(canary_file);
        auto const at = file ? file->bytes.find("Generation \"") : std::string::npos;
        s.loaded = at == std::string::npos ? "" : file->bytes.substr(at + 12, file->bytes.find('"', at + 12) - at - 12);
    }
    void graceful(Context& /*context*/) override { load(); }
    void start(Context& /*context*/) override {
        s.up = true;
        ++s.starts;
        load();
    }
    [[nodiscard]] std::string generation() const override { return s.up && s.starting == 0 ? s.loaded : ""; }
    [[nodiscard]] std::string complaint(Context& /*context*/) const override { return s.says; }
};

struct ApacheBench : host::TestRoot {
    TreeServer::State server = [this] {
        TreeServer::State state;
        state.root = path + "/apache";
        return state;
    }();
    std::unique_ptr<ApacheDriver> driver = made();

    ApacheBench() { host::Dir::make_all(path + "/log", {0, 0, 0755}); }
    [[nodiscard]] std::unique_ptr<ApacheDriver> made() {
        ApacheSettings settings;
        settings.root = path + "/apache";
        settings.tls_root = path + "/tls";
        settings.state_dir = path + "/state";
        settings.unmanaged_dirs = {path + "/foreign"};
        settings.reload_longest = std::chrono::milliseconds(50);
        return std::make_unique<ApacheDriver>(settings, std::make_unique<TreeServer>(server));
    }
    [[nodiscard]] Site site(std::string const& domain) const {
        Site s;
        s.domain = Domain(domain);
        s.owner = AccountName("acme");
        s.docroot = AbsolutePath("/home/acme/public");
        s.log_dir = AbsolutePath(path + "/log");
        return s;
    }
    // One pass of a toy engine; returns what commit() said.
    CommitResult pass(std::vector<Site> const& want) {
        auto const seen = driver->observe({}, {}, context);
        std::vector<Step<Site>> steps;
        for (auto const& w : want) {
            auto const have =
                std::find_if(seen.found.begin(), seen.found.end(), [&](auto const& f) { return f.domain == w.domain; });
            if (have == seen.found.end())
                steps.push_back({Verb::create, w, {}, {}});
            else if (!diff(schema_of<Site>(), encode(w), encode(*have)).empty())
                steps.push_back({Verb::update, w, *have, {}});
        }
        for (auto const& have : seen.found)
            if (std::none_of(want.begin(), want.end(), [&](auto const& w) { return w.domain == have.domain; }))
                steps.push_back({Verb::remove, {}, have, {}});
        driver->apply(steps, context);
        return driver->commit(context);
    }
    // The domains that differ from what is wanted.
    std::vector<std::string> differing(std::vector<Site> const& want) {
        auto const seen = driver->observe({}, {}, context);
        std::vector<std::string> out;
        for (auto const& w : want) {
            auto const have =
                std::find_if(seen.found.begin(), seen.found.end(), [&](auto const& f) { return f.domain == w.domain; });
            if (have == seen.found.end() || !diff(schema_of<Site>(), encode(w), encode(*have)).empty())
                out.push_back(w.domain.str());
        }
        return out;
    }
    [[nodiscard]] host::Dir sites() const { return host::Dir::open(path + "/apache/sites"); }
};
using Names = std::vector<std::string>;

}  // namespace genesis::test
