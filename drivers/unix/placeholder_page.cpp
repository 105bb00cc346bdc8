// A page that says the site is ready, and in PHP also what runs it.
#include "drivers/unix/placeholder_page.hpp"

namespace genesis {

namespace {

constexpr std::string_view static_prefix = "static:";
constexpr std::string_view head = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{domain}</title>
<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:18vh auto 0;padding:0 1.5rem;color:#222}
h1{font-size:1.8rem}code{background:#f0f0f0;padding:.1em .3em}footer{color:#666;font-size:.9rem}</style>
<h1>{domain} is ready</h1>
<p>Replace this page with your own: upload to <code>sites/{domain}</code>.</p>
)";
constexpr std::string_view php_foot = R"PHP(<footer>PHP <?= htmlspecialchars(PHP_VERSION) ?> as <?php
$user = function_exists('posix_geteuid') ? posix_getpwuid(posix_geteuid()) : false;
echo htmlspecialchars($user ? $user['name'] : get_current_user());
?></footer>
</html>
)PHP";
constexpr std::string_view html_foot = "</html>\n";

std::string escaped(std::string_view text) {
    std::string out;
    for (char const c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\'')
            out += "&#39;";
        else
            out += c;
    }
    return out;
}

std::string with_domain(std::string_view text, std::string_view domain) {
    constexpr std::string_view mark = "{domain}";
    std::string out(text);
    auto const name = escaped(domain);
    for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark, at + name.size()))
        out.replace(at, mark.size(), name);
    return out;
}

}  // namespace

void write_placeholder_page(host::Dir const& dir, std::string_view welcome, host::Owner const& owner) {
    bool const plain = welcome.starts_with(static_prefix);
    if (plain) welcome.remove_prefix(static_prefix.size());
    auto const page = with_domain(head, welcome) + std::string(plain ? html_foot : php_foot);
    dir.write(plain ? "index.html" : "index.php", page, {owner.uid, owner.gid, 0644}, false);
}

}  // namespace genesis
