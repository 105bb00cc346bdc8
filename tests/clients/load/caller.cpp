// The daemon's own signing, whose vectors the PHP client checks.
#include "tests/clients/load/caller.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <thread>

namespace genesis::load {
namespace {

// 16 random bytes in base64url without padding.
std::string new_nonce() {
    std::array<unsigned char, 16> bytes{};
    if (RAND_bytes(bytes.data(), bytes.size()) != 1) throw std::runtime_error("no random bytes");
    std::array<unsigned char, 25> text{};
    EVP_EncodeBlock(text.data(), bytes.data(), bytes.size());
    std::string out(reinterpret_cast<char*>(text.data()), 22);
    std::replace(out.begin(), out.end(), '+', '-');
    std::replace(out.begin(), out.end(), '/', '_');
    return out;
}

Secret read_key(std::string const& path) {
    std::ifstream in(path);
    std::string hex, out;
    in >> hex;
    if (hex.size() != 64) throw std::runtime_error("there is no key in " + path);
    for (std::size_t i = 0; i < hex.size(); i += 2)
        out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return Secret(std::move(out));
}

}  // namespace

Caller::Caller(Who who) : who_(std::move(who)), key_(read_key(who_.key_file)) {}

void Caller::reload() { key_ = read_key(who_.key_file); }

std::string Caller::sign(std::string_view method, std::string_view target, std::string_view body) {
    nonce_ = new_nonce();
    auto const now = static_cast<std::int64_t>(std::time(nullptr));
    std::string_view const type = body.empty() ? "" : "application/json";
    auto const text = string_to_sign(who_.kid, now, nonce_, method, who_.audience, target, type, "", body);
    std::string out(method);
    out.append(" ").append(target).append(" HTTP/1.1\r\nHost: genesis\r\nAuthorization: ").append(signing_scheme);
    out.append(" kid=").append(who_.kid).append(",ts=").append(std::to_string(now)).append(",nonce=").append(nonce_);
    out.append(",sig=").append(hmac_hex(key_, text)).append("\r\n");
    if (!body.empty()) {
        out.append("Content-Type: ").append(type).append("\r\nContent-Length: ");
        out.append(std::to_string(body.size())).append("\r\n");
    }
    return out.append("\r\n").append(body);
}

Reply Caller::ask_signed(std::string const& request) {
    auto out = ask_raw(request);
    believe(out);
    return out;
}

Reply Caller::ask_raw(std::string const& request) {
    try {
        if (!wire_) wire_.emplace(who_.address);
        auto out = wire_->ask(request);
        if (out.header("Connection") == "close") wire_.reset();
        return out;
    } catch (Broken const&) {
        wire_.reset();
        throw;
    }
}

void Caller::reconnect(std::chrono::milliseconds within) {
    auto const until = std::chrono::steady_clock::now() + within;
    for (wire_.reset(); !wire_;) try {
            wire_.emplace(who_.address);
        } catch (Broken const&) {
            if (std::chrono::steady_clock::now() > until) throw;
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
}

void Caller::believe(Reply const& reply) const {
    if (reply.status < 200 || reply.status > 299) return;
    if (reply.header("X-Genesis-Signature") != reply_header({who_.kid, key_, nonce_}, reply.status, reply.body))
        throw Unsigned("an answer is not signed: " + reply.head);
}

}  // namespace genesis::load
