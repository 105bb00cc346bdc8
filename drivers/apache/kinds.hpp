// What a machine has of Apache: sites, each the vhosts of one domain and its aliases.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

struct SiteRedirect {
    UrlPath from;
    Url to;
    std::int64_t code = 301;
};
template <>
struct Describe<SiteRedirect> {
    static constexpr std::string_view kind = "site_redirect", doc = "One path sent elsewhere.";
    static constexpr auto fields = std::tuple{
        field("from", &SiteRedirect::from, "Exact path.", Attribute::key),
        field("to", &SiteRedirect::to, "Absolute URL.", Attribute::required),
        field("code", &SiteRedirect::code, "301, 302, 307 or 308.", Attribute::none, {.min = 301, .max = 308}),
    };
};

struct Site {
    Domain domain;
    AccountName owner;
    std::vector<DomainPattern> aliases;
    AbsolutePath docroot, log_dir, php_socket;
    UnitName php;
    Domain certificate;
    bool https_redirect = false;
    std::int64_t hsts_seconds = 0;
    std::vector<SiteRedirect> redirects;
    bool suspended = false;
    std::string suspended_text;
    std::string vhost_file = "intact";
    bool live = true;
};
template <>
struct Describe<Site> {
    static constexpr std::string_view kind = "site", doc = "The name-based virtual hosts of one domain.";
    static constexpr auto fields = std::tuple{
        field("domain", &Site::domain,
              "ServerName; the file is /etc/genesis/apache/sites/<domain>.conf, ~<domain>.conf with a wildcard alias.",
              Attribute::key | Attribute::fixed),
        field("owner", &Site::owner, "The account's user.", Attribute::required, {.refers_to = "unix_user"}),
        field("aliases", &Site::aliases, "ServerAlias, sorted."),
        field("docroot", &Site::docroot, "DocumentRoot.", Attribute::required, {.refers_to = "directory"}),
        field("log_dir", &Site::log_dir, "Root's directory for <domain>.access.log and .error.log.", Attribute::required,
              {.refers_to = "directory"}),
        field("php_socket", &Site::php_socket, "Where *.php goes; empty: PHP files are not served at all."),
        field("php", &Site::php, "The service behind php_socket.", Attribute::none, {.refers_to = "php_service"}),
        field("certificate", &Site::certificate, "Empty: no HTTPS.", Attribute::none, {.refers_to = "certificate"}),
        field("https_redirect", &Site::https_redirect, "Port 80 answers 301 to https."),
        field("hsts_seconds", &Site::hsts_seconds, "Strict-Transport-Security (RFC 6797); 0: none.", Attribute::none,
              {.min = 0, .max = 63072000}),
        field("redirects", &Site::redirects, "Before anything else of the site."),
        field("suspended", &Site::suspended, "Every request gets 503 and a plain page."),
        field("suspended_text", &Site::suspended_text, "A line on that page."),
        field("vhost_file", &Site::vhost_file, "\"intact\", or what is wrong with the file."),
        field("live", &Site::live, "The running Apache has loaded this file and this certificate."),
    };
};

}  // namespace genesis
