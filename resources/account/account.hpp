// An account: everything one hosting customer has on a server.
#pragma once
#include "resources/schema/claim.hpp"
#include "resources/schema/codec.hpp"

#include <array>

namespace genesis {

enum class AccountState { active, suspended };
template <>
struct EnumNames<AccountState> {
    static constexpr std::array names{std::pair{AccountState::active, std::string_view("active")},
                                      std::pair{AccountState::suspended, std::string_view("suspended")}};
};

struct Php {
    std::optional<PhpVersion> version;
    std::int64_t max_children = 5;
    std::map<std::string, PhpValue> settings;
};
template <>
struct Describe<Php> {
    static constexpr std::string_view kind = "php", doc = "PHP of one site.";
    static constexpr auto fields = std::tuple{
        field("version", &Php::version,
              "Must be installed on the server. Left out: the newest that is, chosen when the site gets PHP; it then "
              "stays."),
        field("max_children", &Php::max_children, "Workers at most; they exist only while there are requests.",
              Attribute::none, {.min = 1, .max = 500}),
        field("settings", &Php::settings, "php.ini entries the site may not change itself.", Attribute::none,
              {.most = 50, .keys = &rules::php_setting}),
    };
};

enum class TlsMode { self_signed, supplied, none };
template <>
struct EnumNames<TlsMode> {
    static constexpr std::array names{std::pair{TlsMode::self_signed, std::string_view("self_signed")},
                                      std::pair{TlsMode::supplied, std::string_view("supplied")},
                                      std::pair{TlsMode::none, std::string_view("none")}};
};
struct Tls {
    TlsMode mode = TlsMode::self_signed;
    std::optional<Pem> certificate;
    std::optional<Secret> key;
};
template <>
struct Describe<Tls> {
    static constexpr std::string_view kind = "tls", doc = "The certificate of one site.";
    static constexpr auto fields = std::tuple{
        field("mode", &Tls::mode, "Where the certificate comes from; none means plain HTTP only."),
        field("certificate", &Tls::certificate, "With supplied: the chain, leaf first."),
        field("key", &Tls::key, "With supplied: its private key, without a passphrase.", Attribute::none,
              {.text = &rules::pem}),
    };
};

struct Https {
    bool redirect = false;
    std::int64_t hsts_seconds = 0;
};
template <>
struct Describe<Https> {
    static constexpr std::string_view kind = "https", doc = "How a site leads to HTTPS.";
    static constexpr auto fields = std::tuple{
        field("redirect", &Https::redirect, "Plain HTTP answers 301 to https."),
        field("hsts_seconds", &Https::hsts_seconds, "Strict-Transport-Security max-age (RFC 6797); 0 sends none.",
              Attribute::none, {.min = 0, .max = 63072000}),
    };
};

struct Redirect {
    UrlPath from;
    Url to;
    std::int64_t code = 301;
};
template <>
struct Describe<Redirect> {
    static constexpr std::string_view kind = "redirect", doc = "One path sent elsewhere.";
    static constexpr auto fields = std::tuple{
        field("from", &Redirect::from, "Exact path.", Attribute::key),
        field("to", &Redirect::to, "Absolute URL.", Attribute::required),
        field("code", &Redirect::code, "301, 302, 307 or 308.", Attribute::none, {.min = 301, .max = 308}),
    };
};

struct AccountSite {
    Domain domain;
    std::vector<DomainPattern> aliases;
    OrNone<Php> php;
    Tls tls;
    Https https;
    std::vector<Redirect> redirects;
};
template <>
struct Describe<AccountSite> {
    static constexpr std::string_view kind = "account_site",
                                      doc = "A web site; its files are in ~/sites/<domain>/public.";
    static constexpr auto fields = std::tuple{
        field("domain", &AccountSite::domain, "Main name.", Attribute::key),
        field("aliases", &AccountSite::aliases, "Further names it answers to.", Attribute::none, {.most = 100}),
        field("php", &AccountSite::php, "Without it, PHP files are not served."),
        field("tls", &AccountSite::tls, "Certificate."),
        field("https", &AccountSite::https, "Redirect and HSTS; both need a certificate."),
        field("redirects", &AccountSite::redirects, "Paths sent elsewhere.", Attribute::none, {.most = 200}),
    };
};

enum class Privileges { all, write, read };
template <>
struct EnumNames<Privileges> {
    static constexpr std::array names{std::pair{Privileges::all, std::string_view("all")},
                                      std::pair{Privileges::write, std::string_view("write")},
                                      std::pair{Privileges::read, std::string_view("read")}};
};
struct DatabaseUser {
    SqlName name;
    std::optional<Secret> password;
    Privileges privileges = Privileges::all;
};
template <>
struct Describe<DatabaseUser> {
    static constexpr std::string_view kind = "database_user", doc = "Who may use a database, from this server only.";
    static constexpr auto fields = std::tuple{
        field("name", &DatabaseUser::name, "Becomes <account>_<name>; unique within the account.", Attribute::key),
        field("password", &DatabaseUser::password, "Left out: one is generated, and shown once on request.",
              Attribute::generated, {.text = &rules::password}),
        field("privileges", &DatabaseUser::privileges, "all; write (rows, not tables); read."),
    };
};
struct AccountDatabase {
    SqlName name;
    std::vector<DatabaseUser> users;
};
template <>
struct Describe<AccountDatabase> {
    static constexpr std::string_view kind = "account_database", doc = "A MariaDB database.";
    static constexpr auto fields = std::tuple{
        field("name", &AccountDatabase::name, "Becomes <account>_<name>.", Attribute::key),
        field("users", &AccountDatabase::users, "Who may use it.", Attribute::none, {.most = 100}),
    };
};

enum class SshAccess { none, sftp, shell };
template <>
struct EnumNames<SshAccess> {
    static constexpr std::array names{std::pair{SshAccess::none, std::string_view("none")},
                                      std::pair{SshAccess::sftp, std::string_view("sftp")},
                                      std::pair{SshAccess::shell, std::string_view("shell")}};
};
struct Ssh {
    SshAccess access = SshAccess::none;
    std::vector<SshKey> keys;
};
template <>
struct Describe<Ssh> {
    static constexpr std::string_view kind = "ssh", doc = "Logging in with keys; there are no passwords.";
    static constexpr auto fields = std::tuple{
        field("access", &Ssh::access, "none, files only (sftp), or a shell."),
        field("keys", &Ssh::keys, "Lines of authorized_keys.", Attribute::none, {.most = 100}),
    };
};

// What an account may use of the server. In an account: absent means what the package says.
struct Limits {
    std::optional<std::int64_t> cpu_percent, memory_mib, tasks, sites, databases;
};
template <>
struct Describe<Limits> {
    static constexpr std::string_view kind = "limits", doc = "Upper bounds; absent in a package means none.";
    static constexpr auto fields = std::tuple{
        field("cpu_percent", &Limits::cpu_percent, "Percent of one core for all its processes.", Attribute::none,
              {.min = 1, .max = 100000}),
        field("memory_mib", &Limits::memory_mib, "MiB for all its processes.", Attribute::none,
              {.min = 16, .max = 1 << 24}),
        field("tasks", &Limits::tasks, "Processes and threads.", Attribute::none, {.min = 8, .max = 1 << 22}),
        field("sites", &Limits::sites, "Number of sites.", Attribute::none, {.min = 0, .max = 1000}),
        field("databases", &Limits::databases, "Number of databases.", Attribute::none, {.min = 0, .max = 1000}),
    };
};

struct CronJob {
    Schedule schedule;
    CronCommand command;
};
template <>
struct Describe<CronJob> {
    static constexpr std::string_view kind = "cron_job",
                                      doc =
                                          "A line of the account's crontab, beside those that the tenant adds with "
                                          "crontab -e.";
    static constexpr auto fields = std::tuple{
        field("schedule", &CronJob::schedule, "When, in the server's time zone.", Attribute::required),
        field("command", &CronJob::command,
              "Run by /bin/sh as the account, in its home, with PATH=/usr/local/bin:/usr/bin:/bin; its output is not "
              "mailed. Written as in a crontab and put there unchanged, so a percent sign is \\%, as in date +\\%F; a "
              "bare one, which would end the command, is refused. Otherwise a backslash stays, but two become one.",
              Attribute::required),
    };
};

struct Account {
    AccountName name;
    ObjectName package{"default"};
    AccountState state = AccountState::active;
    Line suspend_reason;
    Email contact;
    std::vector<AccountSite> sites;
    std::vector<AccountDatabase> databases;
    Ssh ssh;
    std::vector<CronJob> cron;
    Limits limits;
};
template <>
struct Describe<Account> {
    static constexpr std::string_view kind = "account", doc = "A hosting customer on this server.";
    static constexpr auto fields = std::tuple{
        field("name", &Account::name, "Also the Unix user and the prefix of databases.",
              Attribute::key | Attribute::fixed),
        field("package", &Account::package, "The offer its limits come from; \"default\" needs no package object.",
              Attribute::none, {.refers_to = "package", .may_lack = "default"}),
        field("state", &Account::state,
              "Suspended: sites answer 503, PHP, SSH, cron and databases are closed, nothing is lost."),
        field("suspend_reason", &Account::suspend_reason, "For operators; on the page only if the package says so."),
        field("contact", &Account::contact, "Who to write to."),
        field("sites", &Account::sites, "Web sites. All of them together have at most 2000 names, aliases included.",
              Attribute::none, {.most = 1000}),
        field("databases", &Account::databases, "MariaDB databases.", Attribute::none, {.most = 1000}),
        field("ssh", &Account::ssh, "Access over SSH."),
        field("cron", &Account::cron, "Commands at set times.", Attribute::none, {.most = 50}),
        field("limits", &Account::limits, "Overrides of the package's limits."),
    };
};

// Each is looked for in the store, whose writer all others wait for: a thousand sites, and www. of each.
inline constexpr std::size_t most_names = 2000;

// Rules between fields, which no single description can state. Precondition: check() found nothing.
Problems check_account(json::object const& spec);
// What a server has, asked only where it matters; oldest first.
using InstalledPhp = std::function<std::vector<std::string>()>;
// Writes the PHP version into each site that leaves it out: the one the site has, else the newest that is installed. It
// is chosen here, on the way into the store, and not when records are made: like any default it stands in the stored
// spec from then on, so that installing another PHP moves no site. Any other version that is not installed is a
// problem; one that the site has already is none, or the account could not even be suspended once it was uninstalled.
Problems choose_php_versions(json::object& spec, json::object const* former, InstalledPhp const& installed);
// No more sites and databases than its own limits or its package's allow. A problem only where there are more than
// before, or where another package or another limit of its own is given: an account that is over its limit can still be
// suspended.
Problems check_account_package(json::object const& spec, json::object const* former, Referred const& referred);
// What is in a spec of an account or a package.
Limits limits_in(json::object const& spec);
std::int64_t count_in(json::object const& spec, std::string_view list);
// Its uid, which nobody else ever has, and every host name it would answer to.
std::vector<Claim> claims_of_account(json::object const& spec);

}  // namespace genesis
