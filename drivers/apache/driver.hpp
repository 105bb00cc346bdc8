// Keeps Apache's sites: a tree of files that is tested whole, exchanged at once and loaded by one graceful restart.
#pragma once
#include "drivers/apache/httpd.hpp"
#include "drivers/apache/kinds.hpp"
#include "drivers/apache/tree.hpp"
#include "drivers/apache/unmanaged.hpp"
#include "drivers/driver.hpp"
#include "drivers/host/pem.hpp"

#include <unordered_map>

namespace genesis {

// Of a site in loaded.json: Apache was asked to load or unload it, and has not confirmed that yet.
inline constexpr char const* unconfirmed = "unconfirmed";

struct ApacheSettings {
    std::string root = "/etc/genesis/apache";  // sites, staged and quarantined stand beneath it
    std::string tls_root = "/etc/genesis/tls";
    std::string state_dir = "/var/lib/genesis/apache";
    std::vector<std::string> unmanaged_dirs = {"/etc/apache2/sites-enabled", "/etc/apache2/conf-enabled"};
    std::chrono::milliseconds reload_longest{60000};  // for a graceful restart to show
    HttpdSettings httpd{};
};

// apply() only collects: nothing is live before commit() has judged the whole tree.
//
// loaded.json says of each site which bytes and which certificate the running Apache has confirmed to serve, and
// "unconfirmed" of what it was asked to load or unload since. A crash between exchange and reload, a renewed
// certificate and a hand edit all show as `live: false`, and end in one restart. A site that Apache may still be
// loading is not gone: it ends itself when what that names (a log's directory) is taken away meanwhile.
class ApacheDriver {
public:
    using Kinds = std::tuple<Site>;

    explicit ApacheDriver(ApacheSettings settings = {}, std::unique_ptr<WebServer> server = nullptr,
                          std::shared_ptr<host::PairReader> reader = std::make_shared<host::PairReader>());

    Observed<Site> observe(Of<Site>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<Site> const> steps, Context& context);
    CommitResult commit(Context& context);
    // A graceful restart touches every site: changes that come close together share one.
    static constexpr std::chrono::milliseconds least_interval{1000};

private:
    struct PairState {
        std::optional<host::FileStat> chain, key;
        std::string stamp;
        std::optional<std::string> why;  // empty, or why no server would load it; nothing: not looked at yet
    };
    struct Batch;  // commit.cpp: one commit()

    [[nodiscard]] std::optional<host::Dir> try_dir(std::string const& name) const;
    static bool canary_stands(host::Dir const& sites);
    PairState& pair(Domain const& certificate);
    std::string bad_pair(Site const& site);
    // Empty, or why Apache would end itself over this site when it loads it: what its config test does not look at.
    std::string unloadable(Site const& site);
    std::string signature(std::string const& sha, Site const& site);
    void open_once();  // once a call: the TLS directory and loaded.json
    [[nodiscard]] std::map<std::string, std::string> const& loaded() const { return loaded_; }
    void remember(std::map<std::string, std::string> loaded, std::string const& requested);
    void look_at(std::string const& domain, host::Dir const& sites, std::string const& quarantined, bool running,
                 Observed<Site>& out);

    ApacheSettings settings_;
    std::shared_ptr<host::PairReader> reader_;
    std::unique_ptr<WebServer> server_;
    Tree live_, staged_;
    UnmanagedSites unmanaged_;
    std::unordered_map<std::string, PairState> pairs_;
    std::map<std::string, std::string> loaded_;
    std::string
        requested_;  // the generation that Apache was last asked to load: "17-0123456789abcdef", each number once
    std::optional<host::FileStat> loaded_seen_;
    std::optional<host::Dir> tls_;                        // for one observe() or commit()
    std::map<std::string, std::optional<Site>> pending_;  // by domain; nothing: remove it
};

}  // namespace genesis
