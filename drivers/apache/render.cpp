// A site as Apache's configuration, and the record back from its first line.
#include "drivers/apache/render.hpp"

#include "drivers/managed/record_line.hpp"

#include <algorithm>

namespace genesis {

namespace {

// Every value below comes from an alphabet without quotes, backslashes, "$", "%" and control bytes.
std::string quoted(std::string_view value) { return "\"" + std::string(value) + "\""; }
std::string line(std::string_view directive, std::string_view value) {
    return "    " + std::string(directive) + " " + quoted(value) + "\n";
}

// Free text as HTML: everything but letters, digits and spaces becomes a numeric entity, so that neither HTML nor
// Apache reads anything into it. Bytes above 0x7f pass as UTF-8.
std::string html(std::string_view text) {
    std::string out;
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        bool const plain =
            byte >= 0x80 || c == ' ' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        out += plain ? std::string(1, c) : "&#" + std::to_string(byte) + ";";
    }
    return out;
}

std::string names(Site const& site) {
    auto out = line("ServerName", site.domain.str());
    for (auto const& alias : site.aliases) out += line("ServerAlias", alias.str());
    return out;
}

std::string access_log(Site const& site) {
    return "    CustomLog " + quoted(site.log_dir.str() + "/" + site.domain.str() + ".access.log") + " combined\n";
}
std::string logs(Site const& site) {
    return line("ErrorLog", site.log_dir.str() + "/" + site.domain.str() + ".error.log") + access_log(site);
}

// Exact paths; of their alphabet only the dot means anything to a regular expression.
std::string redirects(Site const& site) {
    std::string out;
    for (auto const& r : site.redirects) {
        std::string from;
        for (char const c : r.from.str()) from += c == '.' ? std::string("\\.") : std::string(1, c);
        out += "    RewriteRule " + quoted("^" + from + "$") + " " + quoted(r.to.str()) +
               " [R=" + std::to_string(r.code) + ",L,NE]\n";
    }
    return out;
}

std::string suspended(Site const& site) {
    auto const reason = site.suspended_text.empty() ? "" : "<p>" + html(site.suspended_text) + "</p>";
    return "    Redirect 503 \"/\"\n"
           "    ErrorDocument 503 \"<!doctype html><html lang=en><meta charset=utf-8><title>Suspended</title>"
           "<h1>This site is suspended</h1>" +
           reason +
           "</html>\"\n"
           "    Header always set Retry-After \"3600\"\n"
           "    Header always set Content-Type \"text/html; charset=utf-8\"\n";
}

// What a tenant's .htaccess may say. SetHandler, AddHandler, Action, ProxyFCGISetEnvIf, RequestHeader and Options are
// not in it; what is not in it is ignored with a line in the error log, so that an application's stock file works.
constexpr std::string_view overrides =
    "        AllowOverride AuthConfig Limit Indexes Nonfatal=All\n"
    "        AllowOverrideList AcceptPathInfo AddCharset AddDefaultCharset AddEncoding AddLanguage"
    " AddOutputFilterByType AddType BrowserMatch BrowserMatchNoCase ErrorDocument FileETag Header Redirect"
    " RedirectMatch RedirectPermanent RedirectTemp RewriteBase RewriteCond RewriteEngine RewriteRule SetEnv SetEnvIf"
    " SetEnvIfNoCase UnsetEnv\n";

std::string handler(Site const& site) {
    return "proxy:unix:" + site.php_socket.str() + "|fcgi://" + site.domain.str() + "/";
}

// Apache may connect to every tenant's PHP, and a tenant's RewriteRule could make it: [P], [H=proxy:...] and
// [T=proxy:...] name any socket, and AddType can too. mod_headers looks last, after .htaccess and mod_rewrite have
// spoken: whatever would be proxied anywhere but to this site's own socket gets a Max-Forwards that mod_proxy answers
// with 400 before it connects. The two notes are how mod_rewrite hands on what H= and T= forced.
std::string only_own_socket(Site const& site) {
    auto const own = site.php_socket.empty() ? "" : " && %{HANDLER} != '" + handler(site) + "'";
    return "    RequestHeader set Max-Forwards \"refused\" \"expr=(%{HANDLER} =~ m#^proxy#i" + own +
           ") || %{CONTENT_TYPE} =~ m#^proxy#i"
           " || note('rewrite-forced-handler') =~ m#^proxy#i || note('rewrite-forced-mimetype') =~ m#^proxy#i\"\n";
}

// Only files that exist reach PHP. Either variable would let .htaccess overrule the pool's php_admin_value: FPM asks
// nobody whether an entry may be changed, and keeps it for the worker's later requests.
std::string php(Site const& site) {
    if (site.php_socket.empty())
        return "    <FilesMatch \"(?i)\\.(?:php[0-9]?|phtml|phar|phps|inc)$\">\n        Require all denied\n"
               "    </FilesMatch>\n";
    return "    <FilesMatch \"(?i)\\.(?:php[0-9]|phtml|phar|phps)$\">\n        Require all denied\n    </FilesMatch>\n"
           "    <FilesMatch \"(?i)\\.php$\">\n        <If \"-f %{REQUEST_FILENAME}\">\n            SetHandler " +
           quoted(handler(site)) +
           "\n        </If>\n    </FilesMatch>\n"
           "    ProxyFCGISetEnvIf \"true\" \"!PHP_ADMIN_VALUE\"\n"
           "    ProxyFCGISetEnvIf \"true\" \"!PHP_VALUE\"\n";
}

std::string content(Site const& site) {
    std::string out = line("DocumentRoot", site.docroot.str());
    out += "    <Directory " + quoted(site.docroot.str()) + ">\n        Require all granted\n";
    out += "        Options SymLinksIfOwnerMatch\n" + std::string(overrides);
    out += std::string("        DirectoryIndex ") + (site.php_socket.empty() ? "" : "index.php ") + "index.html\n";
    if (!site.php_socket.empty()) out += "        CGIPassAuth On\n";
    out += "    </Directory>\n" + php(site) + only_own_socket(site);
    return out;
}

// mod_rewrite speaks before mod_alias, so all of the host's own redirects are its rules.
std::string body(Site const& site) {
    if (site.suspended) return suspended(site);
    auto out = content(site);
    if (!site.redirects.empty()) out += "    RewriteEngine On\n" + redirects(site);
    return out;
}

// Challenges are answered on port 80, whatever the host does otherwise (RFC 8555 8.3).
std::string to_https(Site const& site) {
    return line("DocumentRoot", site.docroot.str()) + "    RewriteEngine On\n" + redirects(site) +
           "    RewriteCond \"%{REQUEST_URI}\" \"!^/\\.well-known/acme-challenge/\"\n"
           "    RewriteRule \"^\" \"https://%{SERVER_NAME}%{REQUEST_URI}\" [R=301,L]\n"
           "    <Directory " +
           quoted(site.docroot.str() + "/.well-known/acme-challenge") +
           ">\n        Require all granted\n        Options SymLinksIfOwnerMatch\n    </Directory>\n";
}

}  // namespace

CertificatePaths certificate_paths(std::string const& tls_root, Domain const& certificate) {
    auto const dir = tls_root + "/" + certificate.str();
    return {dir + "/chain.pem", dir + "/key.pem"};
}

std::string site_file_name(Site const& site) {
    bool const wild = std::any_of(site.aliases.begin(), site.aliases.end(),
                                  [](auto const& alias) { return alias.str().starts_with('*'); });
    return (wild ? "~" : "") + site.domain.str() + ".conf";
}

std::size_t log_count(Site const& site) {
    if (site.certificate.empty()) return 2;
    return site.https_redirect && !site.suspended ? 3 : 4;
}

std::string site_header(Site const& site) { return managed::record_line('#', site, {"vhost_file", "live"}); }

std::string render_site(Site const& site, std::string const& tls_root) {
    auto const https = !site.certificate.empty();
    auto out = site_header(site) + "<VirtualHost *:80>\n" + names(site);
    if (https && site.https_redirect && !site.suspended)
        out += access_log(site) + to_https(site);
    else
        out += logs(site) + body(site);
    out += "</VirtualHost>\n";
    if (!https) return out;
    auto const [chain, key] = certificate_paths(tls_root, site.certificate);
    out += "<VirtualHost *:443>\n" + names(site) + logs(site) + "    SSLEngine On\n";
    out += line("SSLCertificateFile", chain) + line("SSLCertificateKeyFile", key);
    if (site.hsts_seconds > 0)
        out +=
            "    Header always set Strict-Transport-Security \"max-age=" + std::to_string(site.hsts_seconds) + "\"\n";
    return out + body(site) + "</VirtualHost>\n";
}

std::optional<Site> read_site(std::string_view bytes) { return managed::read_record<Site>(bytes); }

}  // namespace genesis
