// Strings whose alphabet is checked once, at the boundary.
#pragma once
#include <compare>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace genesis {

// The one statement of what a text may be: parsing, JSON Schema and the manual all read it.
struct TextRule {
    std::string_view name;                     // how people call it: "domain"
    std::string_view says;                     // one sentence for error messages and the manual
    std::string_view pattern;                  // RE2 syntax (linear time), always anchored at both ends
    std::size_t min = 1;                       // bytes
    std::size_t max = 255;                     // bytes
    bool lines = false;                        // may hold LF (PEM); every other control byte is refused all the same
    bool (*also)(std::string_view) = nullptr;  // a rule that no pattern can say
    // The same, for what consists of parts: of a text that matches the pattern, which part is wrong and why.
    std::optional<std::string> (*fault)(std::string_view) = nullptr;
};

// Why `text` is not one, as a sentence; nothing when it is. It does not contain the value, but for a part that `fault`
// names.
std::optional<std::string> refuse(TextRule const& constraint, std::string_view text);

// True when there is no control character: none below U+0020, and none from U+007F to U+009F, of which terminals obey
// some as they obey escapes. LF passes when `lines` is set.
bool printable(std::string_view text, bool lines);
// The same text with each control character as a question mark: for keys and messages that come from outside.
std::string visible(std::string_view text);

// A string that satisfies R, or the empty string, which means "not given".
template <TextRule const& R>
class Text {
public:
    Text() = default;
    // Throws std::invalid_argument: for constants and for values that were already checked.
    explicit Text(std::string_view text) : value_(text) {
        if (value_.empty()) return;
        if (auto why = refuse(R, text)) throw std::invalid_argument(std::string(R.name) + ": " + *why);
    }
    static std::optional<Text> try_parse(std::string_view text) {
        if (refuse(R, text)) return std::nullopt;
        Text parsed;
        parsed.value_ = text;
        return parsed;
    }
    static Text checked(std::string_view text) {  // only for what check() has already passed
        Text parsed;
        parsed.value_ = text;
        return parsed;
    }
    static constexpr TextRule const& constraint() { return R; }

    [[nodiscard]] std::string const& str() const { return value_; }
    [[nodiscard]] bool empty() const { return value_.empty(); }
    operator std::string_view() const { return value_; }  // NOLINT(google-explicit-constructor): reads as a string
    auto operator<=>(Text const&) const = default;

private:
    std::string value_;
};

// The rules themselves. Where a standard stands behind one it is named.
namespace rules {
bool is_domain(std::string_view text);      // every label at most 63, A-labels survive decode and encode (RFC 5891)
bool is_plain_path(std::string_view text);  // no empty, "." or ".." segment
bool is_ssh_key(std::string_view text);     // RFC 4253 6.6: the blob names the same algorithm as the line
// crontab(5): "minute: 61 is not within 0-59". Nothing for five fields in range, or @hourly and its like.
std::optional<std::string> schedule_fault(std::string_view text);

inline constexpr TextRule account_name{
    .name = "account name",
    .says = "3 to 16 lower-case letters and digits, a letter first",
    .pattern = "[a-z][a-z0-9]{2,15}",
    .min = 3,
    .max = 16,
};
inline constexpr TextRule object_name{
    .name = "object name",
    .says = "lower-case letters, digits and hyphens, a letter first",
    .pattern = "[a-z][a-z0-9-]{0,30}[a-z0-9]",
    .min = 2,
    .max = 32,
};
inline constexpr TextRule domain{
    .name = "domain",
    .says = "a lower-case host name of at least two labels without a trailing dot; other scripts as xn-- (RFC 5891)",
    .pattern = "(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
    .min = 3,
    .max = 253,
    .also = is_domain,
};
inline constexpr TextRule domain_or_wildcard{
    .name = "domain or wildcard",
    .says = "a domain, or *. and a domain",
    .pattern = "(?:\\*\\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
    .min = 3,
    .max = 253,
    .also = is_domain,
};
inline constexpr TextRule email{
    .name = "email address",
    .says = "name@domain in plain ASCII",
    .pattern =
        "[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,62}[A-Za-z0-9_+-])?@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]"
        "[a-z0-9-]{0,61}[a-z0-9]",
    .max = 254,
};
inline constexpr TextRule line{
    .name = "line",
    .says = "one line of text without control characters",
    .pattern = ".*",
    .min = 0,
    .max = 512,
};
inline constexpr TextRule pem{
    .name = "PEM text",
    .says = "PEM blocks (RFC 7468)",
    .pattern = "\\s*-----BEGIN [A-Z0-9 ]+-----\\n[\\s\\S]*-----END [A-Z0-9 ]+-----\\s*",
    .max = 65536,
    .lines = true,
};
inline constexpr TextRule php_version{
    .name = "PHP version",
    .says = "a major and a minor number, such as \"8.2\"",
    .pattern = "[5-9]\\.[0-9]",
    .min = 3,
    .max = 3,
};
inline constexpr TextRule php_setting{
    .name = "PHP setting",
    .says = "one of the settings a tenant may choose (see the manual)",
    .pattern =
        "allow_url_fopen|date\\.timezone|default_charset|default_socket_timeout|display_errors|error_reporting|"
        "html_errors|log_errors|max_execution_time|max_file_uploads|max_input_time|max_input_vars|memory_limit|"
        "opcache\\.enable|opcache\\.revalidate_freq|output_buffering|post_max_size|precision|"
        "realpath_cache_size|realpath_cache_ttl|serialize_precision|session\\.cookie_httponly|"
        "session\\.cookie_lifetime|session\\.cookie_samesite|session\\.cookie_secure|session\\.gc_maxlifetime|"
        "session\\.name|session\\.use_strict_mode|short_open_tag|upload_max_filesize|"
        "zlib\\.output_compression",
    .max = 64,
};
inline constexpr TextRule php_value{
    .name = "PHP value",
    .says = "letters, digits, spaces and . _ / , + - only",
    .pattern = "[A-Za-z0-9 ._/,+-]*",
    .min = 0,
    .max = 128,
};
inline constexpr TextRule sql_name{
    .name = "SQL name",
    .says = "lower-case letters, digits and underscores, a letter first, at most 32",
    .pattern = "[a-z][a-z0-9_]{0,31}",
    .max = 32,
};
inline constexpr TextRule password{
    .name = "password",
    .says = "8 to 128 printable ASCII characters",
    .pattern = "[ -~]*",
    .min = 8,
    .max = 128,
};
inline constexpr TextRule home_path{
    .name = "path beneath home",
    .says = "segments of letters, digits, . _ - joined by /, none of them . or ..",
    .pattern = "[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*",
    .max = 200,
    .also = is_plain_path,
};
inline constexpr TextRule absolute_path{
    .name = "absolute path",
    .says = "/ and segments of letters, digits, . _ @ - joined by /, none of them . or ..",
    .pattern = "(?:/[A-Za-z0-9._@-]+)+",
    .max = 1024,
    .also = is_plain_path,
};
inline constexpr TextRule url_path{
    .name = "URL path",
    .says = "/ and unreserved characters of RFC 3986",
    .pattern = "/[A-Za-z0-9._~/-]*",
    .max = 512,
};
inline constexpr TextRule url{
    .name = "URL",
    .says = "http:// or https://, a host without user or password, then a path and query in plain ASCII",
    .pattern =
        "https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?(?::[0-9]{1,5})?"
        "(?:/[A-Za-z0-9._~/-]*)?(?:\\?[A-Za-z0-9._~/&=-]*)?",
    .max = 1024,
};
inline constexpr TextRule schedule{
    .name = "cron schedule",
    .says =
        "five fields of crontab(5) with one space between them (minute, hour, day of month, month, day of week), or "
        "@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
    .pattern = "[0-9A-Za-z*/,@ -]+",
    .max = 128,
    .fault = schedule_fault,
};
// Of Debian's cron: over 998 bytes is too long, * at the start is an error, and "@daily =x" sets a variable.
inline constexpr TextRule cron_command{
    .name = "cron command",
    .says = "a command as it stands in a crontab: no space, * or = at its start, \\% for a percent sign (crontab(5))",
    .pattern = "(?:[^ *=%\\\\]|\\\\.)(?:[^%\\\\]|\\\\.)*",
    .max = 998,
};
inline constexpr TextRule ssh_key{
    .name = "SSH public key",
    .says = "algorithm, base64 and an optional comment on one line, without options (sshd(8), AUTHORIZED_KEYS)",
    .pattern =
        "(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\\.com|"
        "sk-ecdsa-sha2-nistp256@openssh\\.com) [A-Za-z0-9+/]+={0,2}(?: [A-Za-z0-9@._ +-]*)?",
    .max = 8192,
    .also = is_ssh_key,
};
inline constexpr TextRule mode{
    .name = "file mode",
    .says = "four octal digits without setuid, setgid or sticky",
    .pattern = "0[0-7]{3}",
    .min = 4,
    .max = 4,
};
inline constexpr TextRule unit_name{
    .name = "unit name",
    .says = "what systemd.unit(5) allows, lower case",
    .pattern = "[a-z][a-z0-9.@_-]*",
    .max = 200,
};
}  // namespace rules

using AccountName = Text<rules::account_name>;
using ObjectName = Text<rules::object_name>;
using Domain = Text<rules::domain>;
using DomainPattern = Text<rules::domain_or_wildcard>;
using Email = Text<rules::email>;
using Line = Text<rules::line>;
using Pem = Text<rules::pem>;
using PhpVersion = Text<rules::php_version>;
using PhpSetting = Text<rules::php_setting>;
using PhpValue = Text<rules::php_value>;
using SqlName = Text<rules::sql_name>;
using HomePath = Text<rules::home_path>;
using AbsolutePath = Text<rules::absolute_path>;
using UrlPath = Text<rules::url_path>;
using Url = Text<rules::url>;
using Schedule = Text<rules::schedule>;
using CronCommand = Text<rules::cron_command>;
using SshKey = Text<rules::ssh_key>;
using FileMode = Text<rules::mode>;
using UnitName = Text<rules::unit_name>;

}  // namespace genesis
