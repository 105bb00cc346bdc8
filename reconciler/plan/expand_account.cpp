// The records of an account.
#include "reconciler/plan/expand_account.hpp"
#include "drivers/apache/kinds.hpp"
#include "drivers/cron/kinds.hpp"
#include "drivers/mariadb/kinds.hpp"
#include "drivers/php_fpm/kinds.hpp"
#include "drivers/systemd/kinds.hpp"
#include "drivers/tls/kinds.hpp"
#include "drivers/unix/kinds.hpp"
#include "resources/account/account.hpp"
#include "resources/package/package.hpp"
#include "resources/schema/digest.hpp"

#include <algorithm>

namespace genesis {
namespace {

std::vector<std::string> sql_privileges(Privileges privileges) {
    switch (privileges) {
        case Privileges::all:
            return all_database_privileges();
        case Privileges::write:
            return write_database_privileges();
        case Privileges::read:
            return read_database_privileges();
    }
    return {};
}

// An account may name a package that does not exist ("default"): that is one without limits.
Package package_of(View const& view) {
    auto const* name = view.spec.if_contains("package");
    auto const* package =
        name == nullptr ? nullptr : view.find({std::string(Describe<Package>::kind), std::string(name->as_string())});
    return package == nullptr ? Package{} : decode_trusted<Package>(*package);
}

class AccountRecords {
public:
    explicit AccountRecords(View const& view)
        : subject_(view.subject),
          account_(decode_trusted<Account>(view.spec)),
          package_(package_of(view)),
          layout_(view.layout),
          name_(account_.name.str()),
          home_(home_of(layout_, account_.name)),
          uid_(numbers_of(subject_.allocations).at("uid")) {}

    Records all() {
        user();
        data();
        if (subject_.phase != Phase::terminating) services();
        return std::move(records_);
    }

private:
    [[nodiscard]] bool open() const { return subject_.phase == Phase::active; }
    [[nodiscard]] std::string site_dir(AccountSite const& site) const { return site_dir_of(home_, site.domain); }
    [[nodiscard]] std::string slice() const { return slice_name(account_.name); }
    [[nodiscard]] std::string log_dir() const { return log_dir_of(layout_, account_.name); }
    [[nodiscard]] std::string service(PhpVersion const& version) const {
        return php_service_name(account_.name, version);
    }

    // What was admitted has its version; a spec that was not, in a test or by hand, gets no PHP instead of any.
    [[nodiscard]] static bool runs_php(AccountSite const& site) { return site.php && site.php->version; }

    template <class V>
    void add(V const& value) {
        auto object = encode(value);
        records_.insert_or_assign({std::string(Describe<V>::kind), key_of(schema_of<V>(), object)}, std::move(object));
    }

    void directory(std::string const& path, std::string_view mode, std::int64_t gid,
                   std::string placeholder_page = {}) {
        Directory d;
        d.path = AbsolutePath(path);
        d.owner = account_.name;
        d.uid = uid_;
        d.gid = gid;
        d.mode = FileMode(mode);
        d.placeholder_page = std::move(placeholder_page);
        add(d);
    }

    void user() {
        auto const access = open() ? account_.ssh.access : SshAccess::none;
        UnixUser u;
        u.name = account_.name;
        u.uid = uid_;
        u.home = AbsolutePath(home_);
        u.login = access == SshAccess::shell ? Login::shell : access == SshAccess::sftp ? Login::sftp : Login::none;
        u.shell = access == SshAccess::shell ? "/bin/bash" : "/usr/sbin/nologin";
        u.expired = !open();
        add(u);
    }

    // What stays until the grace has passed.
    void data() {
        directory(home_, "0710", layout_.web_gid);
        directory(home_ + "/sites", "0755", uid_);
        directory(home_ + "/tmp", "0700", uid_);
        Directory logs;
        logs.path = AbsolutePath(log_dir());
        logs.gid = layout_.log_gid;
        logs.mode = FileMode("0750");
        add(logs);
        for (auto const& site : account_.sites) {
            directory(site_dir(site), "0755", uid_);
            directory(site_dir(site) + "/public", "0755", uid_, (site.php ? "" : "static:") + site.domain.str());
        }
        AuthorizedKeys keys;
        keys.owner = account_.name;
        keys.uid = uid_;
        keys.home = AbsolutePath(home_);
        keys.keys = account_.ssh.keys;
        add(keys);
        for (auto const& database : account_.databases) databases(database);
    }

    void databases(AccountDatabase const& database) {
        Database d;
        d.name = database_name(account_.name, database.name);
        d.owner = account_.name;
        add(d);
        for (auto const& user : database.users) {
            DbUser u;
            u.name = database_name(account_.name, user.name);
            u.password_hash = native_password_hash(user.password.value_or(Secret()));
            u.locked = !open();
            add(u);
            Grant g;
            g.name = grant_name(u.name, d.name);
            g.user = u.name;
            g.database = d.name;
            g.privileges = sql_privileges(user.privileges);
            add(g);
        }
    }

    void services() {
        Slice s;
        s.name = UnitName(slice());
        s.cpu_percent = limit(&Limits::cpu_percent);
        s.memory_mib = limit(&Limits::memory_mib);
        s.tasks = limit(&Limits::tasks);
        add(s);
        if (open()) php();
        if (open() && !account_.cron.empty()) crontab();
        for (auto const& site : account_.sites) {
            if (site.tls.mode != TlsMode::none) certificate(site);
            web(site);
        }
    }

    [[nodiscard]] std::int64_t limit(std::optional<std::int64_t> Limits::*which) const {
        if (auto const& own = account_.limits.*which) return *own;
        return (package_.limits.*which).value_or(0);
    }

    void php() {
        std::map<std::string, PhpService> services;
        for (auto const& site : account_.sites) {
            if (!runs_php(site)) continue;
            auto& s = services[service(*site.php->version)];
            s.version = *site.php->version;
            s.pools.push_back({site.domain, site.php->max_children, site.php->settings});
        }
        for (auto& [key, s] : services) {
            s.name = UnitName(key);
            s.owner = account_.name;
            s.home = AbsolutePath(home_);
            s.slice = UnitName(slice());
            s.log_dir = AbsolutePath(log_dir());
            std::sort(s.pools.begin(), s.pools.end(), [](auto const& a, auto const& b) { return a.site < b.site; });
            add(s);
        }
    }

    void crontab() {
        Crontab c;
        c.owner = account_.name;
        c.uid = uid_;
        c.home = AbsolutePath(home_);
        for (auto const& job : account_.cron) c.lines.push_back({job.schedule, job.command});
        add(c);
    }

    void certificate(AccountSite const& site) {
        Certificate c;
        c.name = site.domain;
        if (site.tls.mode == TlsMode::supplied) {
            c.source = CertificateSource::supplied;
            c.chain = *site.tls.certificate;
            c.key = *site.tls.key;
            c.chain_digest = sha256(c.chain);
            c.key_digest = sha256(c.key.reveal());
        } else {
            c.names.push_back(DomainPattern(site.domain.str()));
            c.names.insert(c.names.end(), site.aliases.begin(), site.aliases.end());
            std::sort(c.names.begin(), c.names.end());
        }
        add(c);
    }

    void web(AccountSite const& site) {
        Site s;
        s.domain = site.domain;
        s.owner = account_.name;
        s.aliases = site.aliases;
        std::sort(s.aliases.begin(), s.aliases.end());
        s.docroot = AbsolutePath(site_dir(site) + "/public");
        s.log_dir = AbsolutePath(log_dir());
        if (open() && runs_php(site)) {
            s.php = UnitName(service(*site.php->version));
            s.php_socket = AbsolutePath(php_socket(layout_, account_.name, site.domain));
        }
        if (site.tls.mode != TlsMode::none) s.certificate = site.domain;
        s.https_redirect = site.https.redirect;
        s.hsts_seconds = site.https.hsts_seconds;
        for (auto const& r : site.redirects) s.redirects.push_back({r.from, r.to, r.code});
        s.suspended = !open();
        if (s.suspended && package_.show_suspend_reason) s.suspended_text = account_.suspend_reason.str();
        add(s);
    }

    Subject const& subject_;
    Account account_;
    Package package_;
    NodeLayout const& layout_;
    std::string name_, home_;
    std::int64_t uid_;
    Records records_;
};

}  // namespace

Expansion expand_account(View const& view) { return {AccountRecords(view).all()}; }

bool account_suspended(json::object const& spec) {
    auto const* state = spec.if_contains("state");
    return state != nullptr && *state == json::value(word_of(AccountState::suspended));
}

std::chrono::seconds account_grace(View const& view) { return std::chrono::days(package_of(view).grace_days); }

}  // namespace genesis
