// Bytes of a connection: the head is scanned, read, cut, and its signature checked, beside a second, simpler reading.
#include "reconciler/api/auth/signing.hpp"
#include "reconciler/api/http/http_message.hpp"
#include "reconciler/api/target.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <re2/re2.h>

#include <algorithm>

namespace genesis::fuzz {
namespace {

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\t'; });
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::vector<std::string_view> lines_of(std::string_view text, std::string_view end) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        auto const at = text.find(end);
        must(at != std::string_view::npos, "every line has its end");
        out.push_back(text.substr(0, at));
        text.remove_prefix(at + end.size());
    }
    return out;
}

// ---- targets and signatures

void target_laws(std::string_view target) {
    static RE2 const allowed("/v1(/[a-z0-9._-]+)+(\\?[A-Za-z0-9_=&.:-]*)?");
    static RE2 const climbs("[^?]*/\\.\\.?(/.*|\\?.*)?");
    re2::StringPiece const piece(target.data(), target.size());
    must(is_signed_target(target) == (RE2::FullMatch(piece, allowed) && !RE2::FullMatch(piece, climbs)),
         "a signed target is what the published pattern says");
    auto const parts = cut(target);
    if (!parts) return;
    std::string joined;
    for (auto const segment : parts->segments) joined.append("/").append(segment);
    if (target.find('?') != std::string_view::npos) joined.append("?").append(parts->query);
    must(joined == target, "the parts of a target are the whole of it");
}

std::optional<Signed> signature_laws(std::string_view header) {
    auto out = parse_authorization(header);
    if (!out) return out;
    must(is_kid(out->kid) && out->nonce.size() == 22 && out->sig.size() == 64 && out->ts >= 0,
         "a signature has its parts");
    must(std::string(signing_scheme) + " kid=" + out->kid + ",ts=" + std::to_string(out->ts) + ",nonce=" + out->nonce +
                 ",sig=" + out->sig ==
             header,
         "a signature has one spelling");
    return out;
}

void signing_laws(Signed const& by, Request const& request) {
    auto const type = request.header("content-type"), condition = request.header("if-match");
    auto const text =
        string_to_sign(by.kid, by.ts, by.nonce, request.method, "node:a", request.target, type, condition, "");
    auto const lines = lines_of(text, "\n");
    must(lines.size() == 10 && lines[1] == by.kid && lines[2] == std::to_string(by.ts) && lines[3] == by.nonce &&
             lines[4] == request.method && lines[6] == request.target && lines[7] == type &&
             lines[8] == (condition.empty() ? "-" : condition),
         "what is signed are ten lines that identify the request");
    Secret const key(std::string(32, 'k'));
    must(verifies(key, text, hmac_hex(key, text)), "a good signature is good");
    must(verifies(key, text, by.sig) == (by.sig == hmac_hex(key, text)), "another signature is not");
}

// ---- heads

// In pieces that grow from one byte on, as a slow caller sends them.
void scanned_in_pieces(std::string_view bytes, HeadScan::Found found, std::size_t size) {
    HeadScan scan;
    for (std::size_t given = 1, step = 1;; given += step++) {
        auto const part = scan.look(bytes.substr(0, given));
        if (part == HeadScan::more && given < bytes.size()) continue;
        must(part == found && scan.size() == size, "a head is the same in pieces");
        return;
    }
}

void scan_laws(std::string_view bytes, HeadScan::Found found, std::size_t size) {
    must(size <= std::min(bytes.size(), header_limit), "a scan stays within its bytes and its limit");
    must(found != HeadScan::more || size == bytes.size(), "all that is there was looked at");
    if (found != HeadScan::whole) return;
    auto const head = bytes.substr(0, size);
    must(head.find("\r\n\r\n") == size - 4, "a head ends at the first empty line");
    for (auto const line : lines_of(head, "\r\n")) must(is_printable(line), "a head holds no control characters");
}

// What a reader that knows nothing but lines and colons sees.
Request simple_reading(std::string_view head) {
    Request out;
    auto const lines = lines_of(head.substr(0, head.size() - 2), "\r\n");
    auto const first = split(lines.front(), ' ');
    must(first.size() == 3 && first[2].starts_with("HTTP/1."), "a request line has three words");
    out.method = first[0];
    out.target = first[1];
    for (std::size_t i = 1; i < lines.size(); ++i) {
        auto const colon = lines[i].find(':');
        must(colon != std::string_view::npos && colon > 0, "a header has a name");
        auto value = lines[i].substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        value = value.substr(0, value.find_last_not_of(" \t") + 1);
        must(out.headers.emplace(lower(lines[i].substr(0, colon)), value).second, "a header is there once");
    }
    return out;
}

void head_laws(std::string_view bytes, Head const& head) {
    auto const& request = head.request;
    auto const simple = simple_reading(bytes);
    must(simple.method == request.method && simple.target == request.target && simple.headers == request.headers,
         "two readers see one request");
    must(!request.method.empty() && !request.target.empty(), "a request has a method and a target");
    must(head.length <= body_limit && !request.headers.contains("transfer-encoding"), "a body has its length");
    auto const said = request.header("content-length");
    auto const digits = said.substr(std::min(said.find_first_not_of('0'), said.size()));
    must(digits == (head.length == 0 ? "" : std::to_string(head.length)), "the length is the one that is said");
    must(head.expects_continue <= request.headers.contains("expect"), "nobody waits who did not say so");
}

// ---- answers

// The head's lines without its last, empty one; the body is what follows.
std::vector<std::string_view> answer_lines(std::string_view text, std::string_view& body) {
    auto const end = text.find("\r\n\r\n");
    must(end != std::string_view::npos, "an answer has a head");
    body = text.substr(end + 4);
    auto out = lines_of(text.substr(0, end + 2), "\r\n");
    for (auto const line : out) must(is_printable(line), "an answer's head holds no control characters");
    return out;
}

void answer_laws(Answer answer, Request request, std::string_view text, bool keep_alive) {
    request.id = "0123456789abcdef";
    DispatchResult said{std::move(answer), "key acme"};
    said.answer.text = text;
    said.reply = ReplyKey{"acme", Secret(std::string(32, 'k')), "qO0LKf8WB5wi6ZxmFbSTng"};
    auto const sent = write_answer(said, request, keep_alive);
    std::string_view body;
    auto const lines = answer_lines(sent, body);
    auto const has = [&](std::string const& line) { return std::count(lines.begin(), lines.end(), line) == 1; };
    must(lines.front().starts_with("HTTP/1.1 " + std::to_string(said.answer.status) + " "), "an answer has a status");
    must(has("Content-Length: " + std::to_string(body.size())), "an answer says its length");
    must(has("X-Genesis-Signature: " + reply_header(*said.reply, said.answer.status, body)), "an answer is signed");
    must(has("Connection: close") != keep_alive, "an answer says whether it is the last");
    must(request.method == "HEAD" ? body.empty() : text.empty() || body == text, "an answer is sent as it is");
}

void read_laws(std::string_view bytes, std::string_view rest) {
    Head head;
    if (auto const refused = read_head(bytes, head)) {
        must(refused->status == 400 || refused->status == 411 || refused->status == 413 || refused->status == 417,
             "a head is refused by a status of its own");
        return answer_laws(*refused, head.request, {}, false);
    }
    head_laws(bytes, head);
    target_laws(head.request.target);
    if (auto const by = signature_laws(head.request.header("authorization"))) signing_laws(*by, head.request);
    answer_laws({}, head.request, rest, head.keep_alive);
}

}  // namespace

void fuzz_request_head(std::string_view bytes) {
    target_laws(bytes);
    signature_laws(bytes);
    HeadScan scan;
    auto const found = scan.look(bytes);
    scan_laws(bytes, found, scan.size());
    scanned_in_pieces(bytes, found, scan.size());
    if (found == HeadScan::whole) read_laws(bytes.substr(0, scan.size()), bytes.substr(scan.size()));
}

}  // namespace genesis::fuzz
