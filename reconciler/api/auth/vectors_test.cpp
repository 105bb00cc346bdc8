// The vectors for clients in other languages: specs/signing/vectors.json.
#include "reconciler/api/auth/signing.hpp"
#include "reconciler/api/routes/routes.hpp"
#include "resources/schema/document.hpp"
#include "tests/support/golden.hpp"

#include <openssl/evp.h>

#include <catch2/catch.hpp>

namespace genesis {
namespace {

std::string text_of(json::value const& v, std::string_view name) { return std::string(v.at(name).as_string()); }

std::string unhex(std::string const& hex) {
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
}

std::string body_of(json::value const& v) {
    if (v.as_object().contains("body")) return text_of(v, "body");
    auto const base64 = text_of(v, "body_base64");
    std::string out(base64.size() / 4 * 3, '\0');
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<unsigned char const*>(base64.data()),
                    static_cast<int>(base64.size()));
    out.resize(out.size() - (base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0));
    return out;
}

json::value const& vectors() {
    static json::value const all = json::parse(test::read_file(test::source_root() + "/specs/signing/vectors.json"));
    return all;
}

void check_request(json::value const& v) {
    INFO(text_of(v, "name"));
    auto const condition = text_of(v, "if_match");
    auto const read = parse_authorization(text_of(v, "authorization"));
    REQUIRE(read);
    CHECK(read->kid == text_of(v, "kid"));
    CHECK(read->ts == v.at("ts").to_number<std::int64_t>());
    CHECK(read->nonce == text_of(v, "nonce"));
    CHECK(read->sig == text_of(v, "sig"));
    auto const text =
        string_to_sign(read->kid, read->ts, read->nonce, text_of(v, "method"), text_of(v, "audience"),
                       text_of(v, "target"), text_of(v, "content_type"), condition == "-" ? "" : condition, body_of(v));
    CHECK(text == text_of(v, "string"));
    Secret const key(unhex(text_of(v, "key_hex")));
    CHECK(hmac_hex(key, text) == read->sig);
    CHECK(verifies(key, text, read->sig));
}

TEST_CASE("every shared vector of a request is made and verified the same here") {
    auto const& all = vectors().at("vectors").as_array();
    CHECK(all.size() >= 40);
    for (auto const& v : all) {
        check_request(v);
        CHECK(is_signed_target(text_of(v, "target")));
    }
    for (auto const& v : vectors().at("webhooks").as_array()) check_request(v);
}

TEST_CASE("every shared vector of an answer is signed the same here") {
    for (auto const& v : vectors().at("responses").as_array()) {
        INFO(text_of(v, "name"));
        ReplyKey const key{text_of(v, "kid"), Secret(unhex(text_of(v, "key_hex"))), text_of(v, "nonce")};
        CHECK(hmac_hex(key.key, text_of(v, "string")) == text_of(v, "sig"));
        CHECK(reply_header(key, static_cast<int>(v.at("status").as_int64()), body_of(v)) == text_of(v, "header"));
    }
}

TEST_CASE("the shared vectors of invalid requests are refused here") {
    for (auto const& target : vectors().at("refused_targets").as_array()) {
        INFO(target);
        CHECK_FALSE(is_signed_target(target.as_string()));
    }
    for (auto const& header : vectors().at("refused_headers").as_array()) {
        INFO(header);
        CHECK_FALSE(parse_authorization(header.as_string()));
    }
}

}  // namespace
}  // namespace genesis
