// The rules of an account that span fields, and the names it claims.
#include "resources/account/account.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace genesis {
namespace {

std::string at(std::string_view list, std::size_t i, std::string_view rest = "") {
    return "/" + std::string(list) + "/" + std::to_string(i) + std::string(rest);
}

void check_names(Account const& account, Problems& out) {
    std::map<std::string, std::string, std::less<>> seen;
    auto claim = [&](std::string_view name, std::string path) {
        auto [it, fresh] = seen.emplace(name, path);
        if (!fresh) out.push_back({path, "duplicate", "is the same name as " + it->second});
    };
    for (std::size_t i = 0; i < account.sites.size(); ++i) {
        auto const& site = account.sites[i];
        claim(site.domain, at("sites", i, "/domain"));
        for (std::size_t k = 0; k < site.aliases.size(); ++k)
            claim(site.aliases[k], at("sites", i, "/aliases/" + std::to_string(k)));
    }
}

void check_tls(AccountSite const& site, std::size_t i, Problems& out) {
    bool supplied = site.tls.mode == TlsMode::supplied;
    if (supplied && !site.tls.certificate)
        out.push_back({at("sites", i, "/tls/certificate"), "required", "must be given with mode supplied"});
    if (supplied && !site.tls.key)
        out.push_back({at("sites", i, "/tls/key"), "required", "must be given with mode supplied"});
    if (!supplied && (site.tls.certificate || site.tls.key))
        out.push_back({at("sites", i, "/tls"), "conflict", "a certificate or key goes with mode supplied only"});
    if (site.tls.mode == TlsMode::none && (site.https.redirect || site.https.hsts_seconds > 0))
        out.push_back({at("sites", i, "/https"), "conflict", "needs a certificate, and tls.mode is none"});
}

void check_redirects(AccountSite const& site, std::size_t i, Problems& out) {
    static constexpr std::array<std::int64_t, 4> codes{301, 302, 307, 308};
    for (std::size_t k = 0; k < site.redirects.size(); ++k)
        if (std::find(codes.begin(), codes.end(), site.redirects[k].code) == codes.end())
            out.push_back({at("sites", i, "/redirects/" + std::to_string(k) + "/code"), "invalid",
                           "must be 301, 302, 307 or 308"});
}

// Users are named for the account, not for the database, so a name can be used once.
void check_database_users(Account const& account, Problems& out) {
    std::map<std::string, std::string, std::less<>> seen;
    for (std::size_t i = 0; i < account.databases.size(); ++i) {
        auto const& users = account.databases[i].users;
        for (std::size_t k = 0; k < users.size(); ++k) {
            auto path = at("databases", i, "/users/" + std::to_string(k) + "/name");
            auto [it, fresh] = seen.emplace(users[k].name, path);
            if (!fresh) out.push_back({path, "duplicate", "is the same name as " + it->second});
        }
    }
}

// What the site of each domain has.
std::map<std::string_view, std::string_view> php_versions_of(json::object const* spec) {
    std::map<std::string_view, std::string_view> out;
    auto const* sites = spec != nullptr ? spec->if_contains("sites") : nullptr;
    if (sites == nullptr) return out;
    for (auto const& site : sites->as_array()) {
        auto const* php = site.at("php").if_object();
        auto const* version = php != nullptr ? php->if_contains("version") : nullptr;
        if (version != nullptr) out.emplace(site.at("domain").as_string(), version->as_string());
    }
    return out;
}

std::string not_installed(std::string_view version, std::vector<std::string> const& there) {
    std::string list;
    for (auto const& one : there) list += (list.empty() ? "" : ", ") + one;
    return "PHP " + std::string(version) + " is not installed; there are: " + (list.empty() ? "none" : list);
}

std::string text_in(json::object const& spec, std::string_view field) {
    auto const* text = spec.if_contains(field);
    return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

}  // namespace

std::int64_t count_in(json::object const& spec, std::string_view list) {
    auto const* items = spec.if_contains(list);
    return items != nullptr && items->is_array() ? static_cast<std::int64_t>(items->get_array().size()) : 0;
}

Limits limits_in(json::object const& spec) {
    auto const* limits = spec.if_contains("limits");
    return limits != nullptr && limits->is_object() ? decode_trusted<Limits>(limits->get_object()) : Limits();
}

Problems check_account(json::object const& spec) {
    auto const account = decode_trusted<Account>(spec);
    Problems out;
    auto names = account.sites.size();
    for (auto const& site : account.sites) names += site.aliases.size();
    if (names > most_names)
        return {{"/sites", "too_many",
                 "have " + std::to_string(names) + " names together, and may have " + std::to_string(most_names)}};
    check_names(account, out);
    for (std::size_t i = 0; i < account.sites.size(); ++i) {
        check_tls(account.sites[i], i, out);
        check_redirects(account.sites[i], i, out);
    }
    check_database_users(account, out);
    return out;
}

Problems check_account_package(json::object const& spec, json::object const* former, Referred const& referred) {
    Problems out;
    Limits const own = limits_in(spec), before = former != nullptr ? limits_in(*former) : Limits();
    Limits offered;
    auto const package = text_in(spec, "package");
    if (auto const* found = package.empty() ? nullptr : referred({"package", package})) offered = limits_in(*found);
    auto const check = [&](std::string const& what, std::optional<std::int64_t> Limits::*limit) {
        auto const& most = own.*limit ? own.*limit : offered.*limit;
        auto const count = count_in(spec, what);
        bool const grows = former == nullptr || count > count_in(*former, what);
        bool const moves = former != nullptr && (text_in(*former, "package") != package || before.*limit != own.*limit);
        if (!most || count <= *most || !(grows || moves)) return;
        auto const* who = own.*limit ? "the account's limits allow " : "the package allows ";
        out.push_back({"/" + what, "too_many", who + std::to_string(*most)});
    };
    check("sites", &Limits::sites);
    check("databases", &Limits::databases);
    return out;
}

std::vector<Claim> claims_of_account(json::object const& spec) {
    std::vector<Claim> out;
    out.push_back({.space = std::string(spaces::uid),
                   .slot = std::string(spaces::uid),
                   .from = Claim::from_range,
                   .required = true,
                   .quarantine = std::nullopt});
    auto const claim = [&](json::value const& name, std::string path) {
        out.push_back({.space = std::string(spaces::domain),
                       .value = std::string(name.as_string()),
                       .wildcards = true,
                       .path = std::move(path)});
    };
    auto const* sites = spec.if_contains("sites");
    if (sites == nullptr) return out;
    for (std::size_t i = 0; i < sites->as_array().size(); ++i) {
        auto const& site = sites->as_array()[i].as_object();
        claim(site.at("domain"), at("sites", i, "/domain"));
        if (auto const* aliases = site.if_contains("aliases"))
            for (std::size_t k = 0; k < aliases->as_array().size(); ++k)
                claim(aliases->as_array()[k], at("sites", i, "/aliases/" + std::to_string(k)));
    }
    return out;
}

Problems choose_php_versions(json::object& spec, json::object const* former, InstalledPhp const& installed) {
    Problems out;
    auto const before = php_versions_of(former);
    auto& sites = spec.at("sites").as_array();
    for (std::size_t i = 0; i < sites.size(); ++i) {
        auto* php = sites[i].at("php").if_object();
        if (php == nullptr) continue;
        auto const own = before.find(std::string_view(sites[i].at("domain").as_string()));
        auto const* given = php->if_contains("version");
        if (own != before.end() && (given == nullptr || own->second == std::string_view(given->as_string()))) {
            php->insert_or_assign("version", own->second);
            continue;
        }
        auto const there = installed();
        if (given == nullptr && there.empty()) {
            out.push_back({at("sites", i, "/php"), "not_installed", "there is no PHP on this server"});
        } else if (given == nullptr) {
            php->insert_or_assign("version", there.back());
        } else if (std::string_view const version(given->as_string());
                   std::find(there.begin(), there.end(), version) == there.end()) {
            out.push_back({at("sites", i, "/php/version"), "not_installed", not_installed(version, there)});
        }
    }
    return out;
}

}  // namespace genesis
