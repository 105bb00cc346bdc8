// The one description: reading, completing, comparing, redacting.
#include "drivers/apache/kinds.hpp"
#include "drivers/cron/kinds.hpp"
#include "drivers/mariadb/kinds.hpp"
#include "drivers/php_fpm/kinds.hpp"
#include "drivers/systemd/kinds.hpp"
#include "drivers/tls/kinds.hpp"
#include "drivers/unix/kinds.hpp"
#include "resources/account/account.hpp"
#include "resources/catalog.hpp"
#include "resources/package/package.hpp"
#include "resources/schema/pack.hpp"
#include "resources/status.hpp"

#include <catch2/catch.hpp>

#include <regex>

using namespace genesis;

namespace {

std::string const good = R"(
kind: account
name: acme
sites:
  - domain: acme.example
    aliases: [www.acme.example]
    php: {version: 8.2, settings: {memory_limit: 256M}}
    redirects: [{from: /old, to: "https://acme.example/new", code: 302}]
databases:
  - name: shop
    users: [{name: web, password: "correct horse"}]
)";

Checked<Spec> read(std::string const& yaml) {
    auto documents = parse_yaml(yaml);
    if (!documents) return documents.error();
    return read_spec(documents->front().value);
}

std::vector<std::string> paths(Checked<Spec> const& result) {
    std::vector<std::string> out;
    if (!result)
        for (auto const& p : result.error().problems) out.push_back(p.path + " " + p.code);
    return out;
}

bool json_is_read(std::string const& text) { return parse_json(text).has_value(); }
bool yaml_is_read(std::string const& text) { return parse_yaml(text).has_value(); }

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("a good account is read, and its defaults are written in") {
    auto spec = read(good);
    REQUIRE(spec.has_value());
    auto const account = decode_trusted<Account>(spec->value);
    CHECK(account.package.str() == "default");
    CHECK(account.sites.at(0).php->version->str() == "8.2");
    CHECK(account.sites.at(0).php->max_children == 5);
    CHECK(spec->value.at("sites").as_array().at(0).as_object().at("tls").as_object().at("mode") == "self_signed");
    CHECK_FALSE(spec->value.at("limits").as_object().contains("memory_mib"));  // absent stays absent: the package's
}

TEST_CASE("what was encoded is what comes back, for every kind people write") {
    auto spec = read(good);
    REQUIRE(spec.has_value());
    CHECK(encode(decode_trusted<Account>(spec->value)) == spec->value);
}

TEST_CASE("every problem of a spec is reported at once, each at its pointer") {
    auto spec = read(R"(
kind: account
name: Acme
colour: blue
sites:
  - domain: Acme.Example
    php: {version: "8", max_children: 0, settings: {open_basedir: /}}
    aliases: [a.example, a.example]
  - aliases: 3
databases:
  - {name: Shop, users: [{name: web, password: short}]}
)");
    CHECK(paths(spec) == Paths{"/colour unknown_field", "/name invalid", "/sites/0/domain invalid",
                               "/sites/0/aliases/1 duplicate", "/sites/0/php/version invalid",
                               "/sites/0/php/max_children out_of_range", "/sites/0/php/settings/open_basedir invalid",
                               "/sites/1/domain required", "/sites/1/aliases wrong_type", "/databases/0/name invalid",
                               "/databases/0/users/0/password invalid"});
}

TEST_CASE("a problem never quotes the secret it is about") {
    auto spec =
        read("kind: account\nname: acme\ndatabases: [{name: d, users: [{name: u, password: \"sec\\tret-marker\"}]}]");
    REQUIRE_FALSE(spec.has_value());
    for (auto const& p : spec.error().problems) CHECK(p.text.find("marker") == std::string::npos);
}

TEST_CASE("rules between fields are checked too") {
    CHECK(paths(read("kind: account\nname: acme\nsites: [{domain: a.example, tls: {mode: supplied}}]")) ==
          Paths{"/sites/0/tls/certificate required", "/sites/0/tls/key required"});
    CHECK(paths(read(
              "kind: account\nname: acme\nsites: [{domain: a.example, tls: {mode: none}, https: {redirect: true}}]")) ==
          Paths{"/sites/0/https conflict"});
    CHECK(paths(read(
              "kind: account\nname: acme\nsites: [{domain: a.example}, {domain: b.example, aliases: [a.example]}]")) ==
          Paths{"/sites/1/aliases/0 duplicate"});
    CHECK(paths(read("kind: account\nname: acme\nsites: [{domain: a.example, redirects: [{from: /x, to: "
                     "'https://b.example', code: 304}]}]")) == Paths{"/sites/0/redirects/0/code invalid"});
}

TEST_CASE("an empty text where one may be left out is one that was left out") {
    CHECK(paths(read(
              "kind: account\nname: acme\nsites: [{domain: a.example, tls: {mode: supplied, certificate: ''}}]")) ==
          Paths{"/sites/0/tls/certificate required", "/sites/0/tls/key required"});
    auto const spec = read("kind: account\nname: acme\nsites: [{domain: a.example, tls: {certificate: ''}}]");
    REQUIRE(spec.has_value());
    CHECK(spec->value == read("kind: account\nname: acme\nsites: [{domain: a.example}]")->value);
}

TEST_CASE("duplicate keys, deep nesting, aliases, tags and bytes that are not UTF-8 are refused") {
    CHECK_FALSE(json_is_read(R"({"a": 1, "a": 2})"));
    CHECK_FALSE(json_is_read(R"({"a": {"b": 1, "b": 1}})"));
    CHECK(json_is_read(R"({"a": {"b": 1}, "b": 1})"));
    CHECK_FALSE(json_is_read("[1] [2]"));
    CHECK_FALSE(json_is_read("{\"a\": 1,}"));
    CHECK_FALSE(json_is_read("\"\xff\""));
    CHECK_FALSE(json_is_read(std::string(40, '[') + std::string(40, ']')));
    CHECK(json_is_read(std::string(30, '[') + std::string(30, ']')));
    CHECK_FALSE(yaml_is_read("a: 1\na: 2"));
    CHECK_FALSE(yaml_is_read("a: &x [1]\nb: *x"));
    CHECK_FALSE(yaml_is_read("a: !!binary aGk="));
    CHECK_FALSE(yaml_is_read("a: \"\xff\""));
    CHECK_FALSE(yaml_is_read("a: [1"));
    CHECK_FALSE(yaml_is_read(std::string(5000, '[')));
}

TEST_CASE("plain YAML scalars are what they look like, and 8.2 is a text") {
    auto d = parse_yaml("a: 8.2\nb: 007\nc: 7\nd: true\ne: \"7\"\nf: yes\ng: ~\nh: 9223372036854775808");
    REQUIRE(d.has_value());
    auto const& o = d->front().value.as_object();
    CHECK(o.at("a") == "8.2");
    CHECK(o.at("b") == "007");
    CHECK(o.at("c") == 7);
    CHECK(o.at("d") == true);
    CHECK(o.at("e") == "7");
    CHECK(o.at("f") == "yes");
    CHECK(o.at("g").is_null());
    CHECK(o.at("h") == "9223372036854775808");
}

TEST_CASE("YAML that Genesis writes is read back as the same value") {
    auto const value = json::parse(
        R"({"a": "8.2", "b": 7, "c": "7", "d": "true", "e": ["x y", "", "- a", "#"], "f": {}, "g": "line: x"})");
    auto again = parse_yaml(to_yaml(value));
    REQUIRE(again.has_value());
    CHECK(again->front().value == value);
}

TEST_CASE("names that a system would misunderstand are not names") {
    for (auto const* bad : {"", "a", "ab", "root.", "0day", "1000", "Acme", "ac-me", "ac_me", "acme ", "..", "a/b",
                            "-rf", "\xc3\xa9t\xc3\xa9", "acme\n", "abcdefghijklmnopq"})
        CHECK_FALSE(AccountName::try_parse(bad).has_value());
    CHECK(AccountName::try_parse("acme").has_value());
    CHECK(AccountName::try_parse("abcdefghijklmnop").has_value());
}

TEST_CASE("a domain is accepted in one spelling only") {
    for (auto const* bad :
         {"Victim.com",  "victim.com.",     "victim",       "victim.com:80", " victim.com", "victim.com ",
          "vic_tim.com", "-a.com",          "a-.com",       "a..com",        ".com",        "xn--victim-.com",
          "xn--a.com",   "ab--cd.com",      "1.2.3.4",      "a.1",           "victim.com/", "\xd0\xb2ictim.com",
          "*.com.",      "user@victim.com", "victim.com\n", "victim.com%0a", "${PATH}.com"})
        CHECK_FALSE(Domain::try_parse(bad).has_value());
    CHECK_FALSE(Domain::try_parse(std::string(64, 'a') + ".com").has_value());
    CHECK(Domain::try_parse(std::string(63, 'a') + ".com").has_value());
    CHECK(Domain::try_parse("xn--mnchen-3ya.de").has_value());
    CHECK(Domain::try_parse("a.b.c.example").has_value());
    CHECK(DomainPattern::try_parse("*.a.example").has_value());
    CHECK_FALSE(DomainPattern::try_parse("*.*.example").has_value());
    CHECK_FALSE(DomainPattern::try_parse("a.*.example").has_value());
}

TEST_CASE("cron schedules are those of crontab(5)") {
    for (auto const* good_one :
         {"* * * * *", "*/5 * * * *", "0 4 1,15 * mon-fri", "0-30/10 0 * jan 7", "@daily", "0 0 * JAN,Dec MON-Fri"})
        CHECK(Schedule::try_parse(good_one).has_value());
    for (auto const* bad :
         {"* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "*/0 * * * *", "5/2 * * * *",
          "10-5 * * * *", "@reboot", "* * * * * root", "* * * * *\n* * * * * x", "", "a * * * *"})
        CHECK_FALSE(Schedule::try_parse(bad).has_value());
}

TEST_CASE("what is wrong with a cron schedule is said of its field, with what may stand there") {
    auto const why = [](std::string_view text) { return refuse(rules::schedule, text).value_or(""); };
    CHECK(why("61 * * * *") == "minute: 61 is not within 0-59");
    CHECK(why("* 7-24 * * *") == "hour: 24 is not within 0-23");
    CHECK(why("* * * janu *") == "month: janu is not within 1-12 or jan-dec");
    CHECK(why("* * * * 1,8") == "day of week: 8 is not within 0-7 or sun-sat");
    CHECK(why("*/60 * * * *") == "minute: the step after / 60 is not within 1-59");
    CHECK(why("5/2 * * * *") == "minute: a step needs * or a range before its /, which 5/2 has not");
    CHECK(why("10-5 * * * *") == "minute: 10-5 ends before it begins");
    CHECK(why("1, * * * *") == "minute: a value is missing; it must be within 0-59");
    CHECK(why("* * * *").starts_with("has 4 of five fields"));
    CHECK(why("*  * * * *").starts_with("has a space too many"));
    for (auto const* word : {"@midnight", "@annually"}) {
        CHECK(why(word).empty());
        CHECK(why("@fortnightly").find(word) != std::string::npos);
    }
}

TEST_CASE("cron commands are those that Debian's cron takes whole, with each percent sign escaped") {
    for (auto const* good_one : {"true", "php ~/cron.php >/dev/null 2>&1", R"(date +\%F >day)", R"(printf a\\b)",
                                 R"(\%x)", "MAILTO=x y", "echo a=b * c"})
        CHECK(CronCommand::try_parse(good_one).has_value());
    for (auto const* bad :
         {"", " true", "*true", "=x", "date +%F", R"(date +\\%F)", R"(true \)", "a\nb", "a\tb", "a\rb"})
        CHECK_FALSE(CronCommand::try_parse(bad).has_value());
    CHECK(CronCommand::try_parse(std::string(998, 'x')).has_value());
    CHECK_FALSE(CronCommand::try_parse(std::string(999, 'x')).has_value());
}

TEST_CASE("an account has 50 cron jobs at most, and one more is refused at the list of them") {
    std::string const jobs = "kind: account\nname: acme\ncron:\n", job = "  - {schedule: '@daily', command: 'true'}\n";
    std::string most = jobs;
    for (int i = 0; i < 50; ++i) most += job;
    CHECK(paths(read(most)).empty());
    CHECK(paths(read(most + job)) == Paths{"/cron too_many"});
}

TEST_CASE("an SSH key is one key without options, and its blob names the same algorithm") {
    std::string const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0k7Q1b9Yw3d8QmJf0n3m3b2uV0m9b4X1q8k6R5c2Zt owner";
    CHECK(SshKey::try_parse(key).has_value());
    CHECK_FALSE(SshKey::try_parse("command=\"/bin/sh\" " + key).has_value());
    CHECK_FALSE(SshKey::try_parse("ssh-rsa" + key.substr(11)).has_value());
    CHECK_FALSE(SshKey::try_parse(key + "\n" + key).has_value());
    CHECK_FALSE(SshKey::try_parse("ssh-ed25519 AAAA").has_value());
}

TEST_CASE("no text of any rule may hold a control byte") {
    for (auto const* rule :
         {&rules::account_name, &rules::domain, &rules::line, &rules::php_value, &rules::url, &rules::password,
          &rules::pem, &rules::ssh_key, &rules::home_path, &rules::absolute_path}) {
        for (int byte = 0; byte < 0x20; ++byte) {
            if (rule->lines && byte == '\n') continue;
            std::string text = rule == &rules::absolute_path ? "/abcdefgh" : "abcdefgh";
            text.insert(4, 1, static_cast<char>(byte));
            CHECK(refuse(*rule, text).has_value());
        }
    }
}

TEST_CASE("paths never climb") {
    for (auto const* bad : {"..", ".", "a/../b", "a//b", "/a", "a/", "a b", "a\\b", "${HOME}"})
        CHECK_FALSE(HomePath::try_parse(bad).has_value());
    CHECK(HomePath::try_parse("sites/a.example/public").has_value());
}

TEST_CASE("the published patterns mean what the program checks") {
    // ECMAScript, as JSON Schema has it, beside RE2: the same verdict on every probe.
    std::vector<std::string> const probes{"acme",        "Acme",      "8.2",          "a.example",
                                          "*.a.example", "/old",      "x@y.example",  "https://a.example/x?y=1",
                                          "0710",        "4755",      "memory_limit", "open_basedir",
                                          "shop_1",      "../x",      "a/b",          "*/5 * * * *",
                                          "date +%F",    "date +\\%F"};
    for (auto const* rule :
         {&rules::account_name, &rules::object_name, &rules::php_version, &rules::php_setting, &rules::sql_name,
          &rules::url_path, &rules::url, &rules::mode, &rules::email, &rules::unit_name, &rules::cron_command}) {
        std::regex const published("^(?:" + std::string(rule->pattern) + ")$", std::regex::ECMAScript);
        for (auto const& probe : probes) {
            if (probe.size() < rule->min || probe.size() > rule->max) continue;
            INFO(rule->name << ": " << probe);
            CHECK(std::regex_match(probe, published) == !refuse(*rule, probe).has_value());
        }
    }
}

TEST_CASE("a difference is reported by field, list records by their key, secrets redacted") {
    auto want = read(good);
    REQUIRE(want.has_value());
    auto have = want->value;
    auto& site = have.at("sites").as_array().at(0).as_object();
    site.at("php").as_object().at("max_children") = 9;
    site.at("php").as_object().at("settings").as_object()["memory_limit"] = "1G";
    have.at("databases").as_array().at(0).as_object().at("users").as_array().at(0).as_object().at("password") =
        "other horse";
    auto const changes = diff(schema_of<Account>(), want->value, have);
    REQUIRE(changes.size() == 3);
    CHECK(changes[0].path == "/sites/acme.example/php/max_children");
    CHECK(changes[0].from == 9);
    CHECK(changes[0].to == 5);
    CHECK(changes[1].path == "/sites/acme.example/php/settings/memory_limit");
    CHECK(changes[2].path == "/databases/shop/users/web/password");
    CHECK(changes[2].from == json::value(redacted));
    CHECK(changes[2].to == json::value(redacted));
}

TEST_CASE("the order of keyed list records is no difference") {
    auto a = read("kind: account\nname: acme\nsites: [{domain: a.example}, {domain: b.example}]");
    auto b = read("kind: account\nname: acme\nsites: [{domain: b.example}, {domain: a.example}]");
    CHECK(diff(schema_of<Account>(), a->value, b->value).empty());
}

TEST_CASE("a packed value is the value again, has its hash, and matches whatever has no difference from it") {
    auto const spec = read(good)->value;
    Packed const want(spec);
    CHECK(want.unpack() == spec);
    CHECK(want.hash() == value_hash(spec));
    CHECK(Packed().unpack().empty());
    auto const& schema = schema_of<Account>();
    json::object turned;
    for (auto it = spec.end(); it != spec.begin();) --it, turned.emplace(it->key(), it->value());
    CHECK(matches(schema, want, turned));
    auto other = spec;
    other.at("sites").as_array().at(0).as_object().at("php").as_object().at("max_children") = 9;
    CHECK_FALSE(matches(schema, want, other));
}

TEST_CASE("a record packed at once has the text of its parsed form, and its key") {
    auto account = decode<Account>(json::value(read(good)->value));
    REQUIRE(account.has_value());
    CHECK(pack(*account) == Packed(encode(*account)));
    CHECK(key_text(*account) == "acme");
    CHECK(pack(Account{}) == Packed(encode(Account{})));
    CHECK(pack(Package{}) == Packed(encode(Package{})));
    for (auto const* const password : {"", "a \"quoted\" one", "back\\slash", "\x01\n\t\x7f", "\xc3\xa9", "{[,]}"}) {
        account->databases.at(0).users.at(0).password = Secret(password);
        CHECK(pack(*account) == Packed(encode(*account)));
    }
}

namespace {
template <class V>
void packs_alike(V const& record) {
    CHECK(pack(record) == Packed(encode(record)));
    CHECK(key_text(record) == key_of(schema_of<V>(), encode(record)));
}
template <class... V>
void pack_alike(V const&... records) {
    (packs_alike(records), ...);
}
}  // namespace

TEST_CASE("records of all kinds are packed as their parsed forms are") {
    PhpService service;
    service.name = UnitName("acme-8.2");
    service.pools = {{Domain("a.example"), 3, {{"memory_limit", PhpValue("64M")}}}, {Domain("b.example"), 5, {}}};
    Site site;
    site.domain = Domain("a.example");
    site.redirects = {{}, {}};
    Crontab crontab;
    crontab.owner = AccountName("acme");
    crontab.lines = {{Schedule("@daily"), CronCommand("echo \"a b\" \\ >/dev/null")}};
    pack_alike(service, site, crontab, UnixUser{}, Directory{}, AuthorizedKeys{}, Slice{}, Certificate{}, Database{},
               DbUser{}, Grant{}, Condition{}, RecordStatus{});
}

namespace {
struct Lamp {
    std::string name, note, seen;
    std::vector<std::string> words;
    std::int64_t height = 0;
};
}  // namespace
template <>
struct genesis::Describe<Lamp> {
    static constexpr std::string_view kind = "lamp", doc = "A lamp.";
    static constexpr auto fields = std::tuple{
        field("name", &Lamp::name, "Name.", Attribute::key),
        field("note", &Lamp::note, "Given to the driver.", Attribute::write_only),
        field("words", &Lamp::words, "Words."),
        field("height", &Lamp::height, "Height."),
        field("seen", &Lamp::seen, "When it was seen.", Attribute::reported),
    };
};

TEST_CASE("packed records match whatever their fields hold that are not compared, and only then") {
    auto const& schema = schema_of<Lamp>();
    Lamp const want{"a", "a, \"note\": }", "", {"x", "]}\\\"", ","}, -3};
    auto have = want;
    have.note.clear();
    have.seen = "\"height\":9,";
    CHECK(matches(schema, pack(want), pack(have)));
    CHECK(matches(schema, pack(have), pack(want)));
    auto const differs = [&](auto change) {
        auto other = have;
        change(other);
        return !matches(schema, pack(want), pack(other)) && !matches(schema, pack(other), pack(want));
    };
    CHECK(differs([](Lamp& lamp) { lamp.height = 3; }));
    CHECK(differs([](Lamp& lamp) { lamp.words.pop_back(); }));
    CHECK(differs([](Lamp& lamp) { lamp.words.back() = "}"; }));
    CHECK(differs([](Lamp& lamp) { lamp.name = "b"; }));
    CHECK_FALSE(matches(schema, pack(want), Packed()));
    CHECK(matches(schema, pack(Lamp{}), Packed()));
}

TEST_CASE("redaction reaches every secret at every depth") {
    auto spec = read(good);
    auto const shown = json::serialize(redact(*spec->kind->schema, spec->value));
    CHECK(shown.find("correct horse") == std::string::npos);
    CHECK(shown.find(std::string(redacted)) != std::string::npos);
}

TEST_CASE("a secret finds its former self by the key of its record, not by its place") {
    auto before = read(
        "kind: account\nname: acme\ndatabases: [{name: a, users: [{name: x, password: password-x}, {name: y, password: "
        "password-y}]}]");
    auto now =
        read("kind: account\nname: acme\ndatabases: [{name: a, users: [{name: y, password: '********'}, {name: z}]}]");
    REQUIRE(before.has_value());
    REQUIRE(now.has_value());
    std::map<std::string, std::string> seen;
    each_secret_with_former(*now->kind->schema, now->value, &before->value,
                            [&](auto const& at, json::value&, json::value const* former) {
                                seen[at] = former != nullptr ? std::string(former->as_string()) : "none";
                            });
    CHECK(seen == std::map<std::string, std::string>{{"/databases/0/users/0/password", "password-y"},
                                                     {"/databases/0/users/1/password", "none"}});
}
