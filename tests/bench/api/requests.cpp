// Plain text put together: no JSON library stands between the client and its rate.
#include "tests/bench/api/requests.hpp"

#include "reconciler/api/auth/signing.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <random>

namespace genesis::bench {
namespace {

std::string base64(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3), '\0');  // EVP_EncodeBlock's NUL lands on the string's own
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<unsigned char const*>(bytes.data()),
                    static_cast<int>(bytes.size()));
    return out;
}

void write_request(std::string& out, std::string_view method, std::string_view target, std::string_view more,
                   std::string_view body) {
    out.clear();
    out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n").append(more);
    if (!body.empty()) {
        out.append("Content-Type: application/json\r\nContent-Length: ").append(std::to_string(body.size()));
        out.append("\r\n");
    }
    out.append("\r\n").append(body);
}

}  // namespace

std::string account_spec(std::string const& name, std::uint64_t change) {
    auto const version = std::to_string(change);
    std::string const domain = name + ".example";
    return R"({"kind":"account","name":")" + name + R"(","package":"starter","state":"active","contact":"ops+)" +
           version + "@" + domain + R"(","sites":[{"domain":")" + domain + R"(","aliases":["www.)" + domain +
           R"(","shop.)" + domain + R"("],"php":{"version":"8.2","max_children":)" + std::to_string(2 + change % 30) +
           R"(,"settings":{"memory_limit":"256M","upload_max_filesize":"32M","post_max_size":"33M"}},)"
           R"("tls":{"mode":"self_signed"},"https":{"redirect":true,"hsts_seconds":31536000},"redirects":[)"
           R"({"from":"/old","to":"https://)" +
           domain + R"(/new","code":301},{"from":"/blog","to":"https://blog.)" + domain +
           R"(/","code":302}]},{"domain":"static.)" + domain +
           R"(","php":"none","tls":{"mode":"none"}}],"databases":[{"name":"shop","users":[{"name":"web",)"
           R"("password":"k3Yq9wXz)" +
           name + R"(Tn7Lm2","privileges":"all"},{"name":"report","password":"b8Hs4vRd)" + name +
           R"(Pc6Jf1","privileges":"read"}]}],"ssh":{"access":"sftp","keys":[)"
           R"("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIItBbO7EbsKOaSkGH1DDoDUx+zhox/iu2rnDX+BHwEAi owner@)" +
           domain + R"("]},"limits":{"cpu_percent":100,"memory_mib":)" + std::to_string(1024 + change % 512) +
           R"(,"tasks":200}})";
}

Writes::Write Writes::next() {
    ++count_;
    bool const create = accounts_ == 0 || (accounts_ < most_ && count_ % 10 == 0);
    if (create) ++accounts_;
    auto const name = create ? account_name(accounts_ - 1) : some_name();
    return {name, account_spec(name, count_)};
}

std::string Writes::some_name() { return account_name(random_() % accounts_); }

// Another one each time, spread as random ones are; nobody has to guess it here.
Sign signer(std::string kid, std::string audience, Secret key) {
    return [kid = std::move(kid), audience = std::move(audience), key = std::move(key),
            random = std::mt19937_64(std::random_device{}())](auto method, auto target, auto body) mutable {
        constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        std::string nonce(22, 'A');
        for (std::size_t i = 0; i < nonce.size(); i += 10)
            for (auto bits = random(), k = i; k < std::min(i + 10, nonce.size()); ++k, bits >>= 6U)
                nonce[k] = alphabet[bits & 63U];
        auto const now = std::chrono::system_clock::now().time_since_epoch();
        auto const ts = std::chrono::duration_cast<std::chrono::seconds>(now).count();
        auto const text =
            string_to_sign(kid, ts, nonce, method, audience, target, body.empty() ? "" : "application/json", "", body);
        return "Authorization: " + std::string(signing_scheme) + " kid=" + kid + ",ts=" + std::to_string(ts) +
               ",nonce=" + nonce + ",sig=" + hmac_hex(key, text) + "\r\n";
    };
}

void put_account(std::string& out, Writes::Write const& write, Sign const& sign) {
    auto const target = "/v1/accounts/" + write.name;
    write_request(out, "PUT", target, sign("PUT", target, write.spec), write.spec);
}

void get_account(std::string& out, std::string const& name, Sign const& sign) {
    auto const target = "/v1/accounts/" + name;
    write_request(out, "GET", target, sign("GET", target, ""), "");
}

void list_accounts(std::string& out, Sign const& sign) {
    write_request(out, "GET", "/v1/accounts", sign("GET", "/v1/accounts", ""), "");
}

std::string put_package(Sign const& sign) {
    std::string const target = "/v1/packages/starter";
    std::string const spec =
        R"({"kind":"package","name":"starter","limits":{"cpu_percent":100,"memory_mib":1024,"tasks":200,"sites":10,)"
        R"("databases":5},"grace_days":7})";
    std::string out;
    write_request(out, "PUT", target, sign("PUT", target, spec), spec);
    return out;
}

void put_etcd(std::string& out, Writes::Write const& write) {
    auto const body =
        R"({"key":")" + base64("/genesis/account/" + write.name) + R"(","value":")" + base64(write.spec) + "\"}";
    write_request(out, "POST", "/v3/kv/put", "", body);
}

}  // namespace genesis::bench
