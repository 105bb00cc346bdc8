// Values as text: the same as their parsed forms, and compared as they are.
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

}  // namespace

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
void check_pack(V const& record) {
    CHECK(pack(record) == Packed(encode(record)));
    CHECK(key_text(record) == key_of(schema_of<V>(), encode(record)));
}
template <class... V>
void check_packs(V const&... records) {
    (check_pack(records), ...);
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
    check_packs(service, site, crontab, UnixUser{}, Directory{}, AuthorizedKeys{}, Slice{}, Certificate{}, Database{},
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
