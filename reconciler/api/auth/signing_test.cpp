// The signing scheme: its strings, its header, and what must be refused.
#include "reconciler/api/auth/signing.hpp"

#include "reconciler/api/auth/network.hpp"
#include "reconciler/api/auth/rate_limit.hpp"
#include "reconciler/api/routes/routes.hpp"
#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

std::string const nonce = "AAAAAAAAAAAAAAAAAAAAAA", sig(64, 'a');
std::string header(std::string const& kid, std::string const& ts, std::string const& n, std::string const& s) {
    return "GNS1-HMAC-SHA256 kid=" + kid + ",ts=" + ts + ",nonce=" + n + ",sig=" + s;
}

TEST_CASE("hashes are those of the standards") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
    CHECK(hmac_hex(Secret("Jefe"), "what do ya want for nothing?") ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231, 4.3
    CHECK(hmac_hex(Secret(std::string(20, '\x0b')), "Hi There") ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");  // RFC 4231, 4.2
}

TEST_CASE("the string to sign has ten lines, also when a part is empty") {
    CHECK(string_to_sign("billing", 1800000000, nonce, "GET", "node:node1", "/v1/info", "", "", "") ==
          "GNS1-HMAC-SHA256\nbilling\n1800000000\n" + nonce +
              "\nGET\nnode:node1\n/v1/info\n\n-\n"
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
    CHECK(string_to_sign("billing", 0, nonce, "PUT", "node:n", "/v1/a/b", "application/json", "\"3\"", "abc") ==
          "GNS1-HMAC-SHA256\nbilling\n0\n" + nonce +
              "\nPUT\nnode:n\n/v1/a/b\napplication/json\n\"3\"\n"
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
}

TEST_CASE("an Authorization header is accepted only if every byte is right") {
    auto const good = header("billing", "1800000000", nonce, sig);
    auto const read = parse_authorization(good);
    REQUIRE(read);
    CHECK(read->kid == "billing");
    CHECK(read->ts == 1800000000);
    CHECK(read->nonce == nonce);
    CHECK(read->sig == sig);
    CHECK(parse_authorization(header("a-0z", "0", "-_azAZ09AAAAAAAAAAAAAA", sig)));
    for (auto const& bad : {
             std::string(),
             std::string("GNS1-HMAC-SHA256"),
             std::string("Bearer x"),
             good + " ",
             " " + good,
             good + ",",
             good + "," + good,
             good.substr(0, good.size() - 1),
             good + "a",
             header("bil", "1", nonce, sig),
             header(std::string(33, 'a'), "1", nonce, sig),
             header("Billing", "1", nonce, sig),
             header("bill_ng", "1", nonce, sig),
             header("", "1", nonce, sig),
             header("billing", "", nonce, sig),
             header("billing", "01", nonce, sig),
             header("billing", "+1", nonce, sig),
             header("billing", "-1", nonce, sig),
             header("billing", "1.0", nonce, sig),
             header("billing", "1800000000000", nonce, sig),
             header("billing", "99999999999999999999999", nonce, sig),
             header("billing", "0x10", nonce, sig),
             header("billing", "1", nonce + "A", sig),
             header("billing", "1", nonce.substr(1), sig),
             header("billing", "1", "+" + nonce.substr(1), sig),
             header("billing", "1", "=" + nonce.substr(1), sig),
             header("billing", "1", nonce, std::string(64, 'A')),
             header("billing", "1", nonce, std::string(64, 'g')),
             header("billing", "1", nonce, ""),
             header("billing", "1", nonce, "a"),
             "gns1-hmac-sha256" + good.substr(16),
             "GNS2-HMAC-SHA256" + good.substr(16),
             "GNS1-HMAC-SHA256  " + good.substr(17),
             "GNS1-HMAC-SHA256," + good.substr(17),
             "GNS1-HMAC-SHA256 ts=1,kid=billing,nonce=" + nonce + ",sig=" + sig,
             "GNS1-HMAC-SHA256 kid=billing, ts=1, nonce=" + nonce + ", sig=" + sig,
             "GNS1-HMAC-SHA256 kid=\"billing\",ts=1,nonce=" + nonce + ",sig=" + sig,
             "GNS1-HMAC-SHA256 alg=none,kid=billing,ts=1,nonce=" + nonce + ",sig=" + sig,
             good + std::string("\0", 1),
             good + "\n",
         }) {
        INFO(bad);
        CHECK_FALSE(parse_authorization(bad));
    }
}

TEST_CASE("a signature with one flipped bit is not valid") {
    Secret const key(std::string(32, 'k'));
    auto const right = hmac_hex(key, "text");
    CHECK(verifies(key, "text", right));
    CHECK_FALSE(verifies(key, "texT", right));
    CHECK_FALSE(verifies(Secret(std::string(32, 'l')), "text", right));
    for (std::size_t i = 0; i < right.size(); ++i) {
        auto other = right;
        other[i] = other[i] == '0' ? '1' : '0';
        CHECK_FALSE(verifies(key, "text", other));
    }
    for (auto const& bad : {std::string(), right.substr(2), right + "00", std::string(64, 'z')})
        CHECK_FALSE(verifies(key, "text", bad));
}

TEST_CASE("an answer is signed over the request's nonce, the status and the body") {
    ReplyKey const key{"billing", Secret(std::string(32, 'k')), nonce};
    auto const text = "GNS1-HMAC-SHA256-RESPONSE\nbilling\n" + nonce + "\n202\n" + sha256_hex("{}\n") + "\n";
    CHECK(reply_header(key, 202, "{}\n") == "GNS1-HMAC-SHA256 kid=billing,sig=" + hmac_hex(key.key, text));
}

TEST_CASE("a signed target must be plain") {
    for (auto const* good : {"/v1/info", "/v1/accounts/acme", "/v1/accounts/acme/plan", "/v1/accounts?limit=1&after=a",
                             "/v1/info?", "/v1/a.b-c_d", "/v1/...", "/v1/a?x=A:Z_.-"})
        CHECK(is_signed_target(good));
    for (auto const* bad : {"",
                            "/",
                            "/v1",
                            "/v1/",
                            "v1/info",
                            "/V1/info",
                            "/v2/info",
                            "/v1//info",
                            "/v1/info/",
                            "/v1/Info",
                            "/v1/.",
                            "/v1/..",
                            "/v1/a/../b",
                            "/v1/%61",
                            "/v1/a?b=%61",
                            "/v1/a?b?c",
                            "/v1/a#b",
                            "/v1/a;b",
                            "/v1/a b",
                            "/v1/a\n",
                            "/v1/a?b=/",
                            "/v1/a?b=+",
                            "/v1/a*",
                            "*",
                            "/healthz",
                            "/openapi.json",
                            "http://h/v1/info",
                            "//v1/info",
                            "/v1/a\\b",
                            "/v1/a~",
                            "/v1/\xc3\xa9",
                            "/v1/a?b=\xc3\xa9"}) {
        INFO(bad);
        CHECK_FALSE(is_signed_target(bad));
    }
}

TEST_CASE("a network contains the addresses of its prefix, of either family, mapped ones as IPv4") {
    for (auto const* good : {"192.0.2.0/24", "192.0.2.7/32", "0.0.0.0/0", "2001:db8::/32", "::1/128", "::/0"})
        CHECK(is_network(good));
    for (auto const* bad : {"", "192.0.2.7", "192.0.2.7/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/024",
                            "192.0.2/24", "2001:DB8::/32", "2001:db8::1/32", "2001:db8::", "::/129", "fe80::%1/64",
                            "::ffff:192.0.2.0/120", "192.0.2.0/24 ", "10.0.0.0/-1", "example/8"}) {
        INFO(bad);
        CHECK_FALSE(is_network(bad));
    }
    CHECK(in_network("192.0.2.0/24", "192.0.2.255"));
    CHECK(in_network("192.0.2.0/24", "::ffff:192.0.2.7"));
    CHECK(in_network("0.0.0.0/0", "198.51.100.1"));
    CHECK(in_network("2001:db8::/32", "2001:db8:ffff::1"));
    CHECK(in_network("192.0.2.7/32", "192.0.2.7"));
    CHECK_FALSE(in_network("192.0.2.0/24", "192.0.3.0"));
    CHECK_FALSE(in_network("192.0.2.0/25", "192.0.2.128"));
    CHECK_FALSE(in_network("::/0", "192.0.2.7"));
    CHECK_FALSE(in_network("0.0.0.0/0", "2001:db8::1"));
    CHECK_FALSE(in_network("2001:db8::/33", "2001:db8:8000::1"));
    CHECK_FALSE(in_network("192.0.2.0/24", "local"));
    CHECK_FALSE(in_network("nonsense", "192.0.2.7"));
}

struct StoppedClock final : Clock {
    Steady at{};
    [[nodiscard]] Time now() const override { return Time(); }
    [[nodiscard]] Steady steady() const override { return at; }
};

TEST_CASE("a bucket allows a burst, then what is refilled, for each key separately") {
    StoppedClock clock;
    TokenBuckets limits(clock, 2, 5);
    for (int i = 0; i < 5; ++i) CHECK(limits.allow("billing"));
    CHECK_FALSE(limits.allow("billing"));
    CHECK(limits.allow("other"));
    clock.at += std::chrono::milliseconds(500);
    CHECK(limits.allow("billing"));
    CHECK_FALSE(limits.allow("billing"));
    clock.at += std::chrono::hours(1);
    for (int i = 0; i < 5; ++i) CHECK(limits.allow("billing"));
    CHECK_FALSE(limits.allow("billing"));
    TokenBuckets none(clock, 0, 0);
    for (int i = 0; i < 10000; ++i) CHECK(none.allow("billing"));
}

TEST_CASE("the number of buckets is bounded, and the emptiest are kept") {
    StoppedClock clock;
    TokenBuckets limits(clock, 1, 3);
    for (int i = 0; i < 3; ++i) CHECK(limits.allow("busy"));
    for (std::size_t i = 0; i < 3 * TokenBuckets::most; ++i) limits.allow("k" + std::to_string(i));
    CHECK(limits.size() == TokenBuckets::most);
    CHECK_FALSE(limits.allow("busy"));
}

}  // namespace
}  // namespace genesis
