// Beast parses a request; stricter checks come before it and after it.
#include "reconciler/api/http/http_message.hpp"

#include "reconciler/api/auth/signing.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace genesis {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Parser = http::request_parser<http::empty_body>;

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

std::optional<Answer> take_fields(Parser::value_type const& message, Request& into) {
    for (auto const& field : message)
        if (!into.headers.emplace(lower(field.name_string()), std::string(field.value())).second)
            return problem(400, "malformed", "a header is given twice");
    return std::nullopt;
}

void add(std::string& to, std::string_view name, std::string_view value) {
    to.append(name).append(": ").append(value).append("\r\n");
}

std::string head_of(DispatchResult const& result, Request const& request) {
    auto const& answer = result.answer;
    std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " ";
    out.append(title_of(answer.status)).append("\r\n");
    add(out, "Content-Type", answer.type);
    add(out, "Cache-Control", "no-store");
    add(out, "X-Content-Type-Options", "nosniff");
    add(out, "X-Request-Id", request.id);
    if (answer.generation) add(out, "ETag", '"' + std::to_string(*answer.generation) + '"');
    if (!answer.allow.empty()) add(out, "Allow", answer.allow);
    if (answer.retry_after > 0) add(out, "Retry-After", std::to_string(answer.retry_after));
    return out;
}

// The only place where an answer is signed.
void add_signature(std::string& to, DispatchResult const& result, std::string_view body) {
    if (result.reply) add(to, "X-Genesis-Signature", reply_header(*result.reply, result.answer.status, body));
}

}  // namespace

HeadScan::Found HeadScan::step(char c) {
    switch (state_) {
        case after_cr:
            state_ = line_start;
            return c == '\n' ? more : malformed;
        case after_cr_of_empty:
            return c == '\n' ? whole : malformed;
        case line_start:
            if (c == ' ' || c == '\t') return malformed;  // obs-fold, RFC 9112 5.2
            if (c == '\r') {
                state_ = after_cr_of_empty;
                return at_ > 0 ? more : malformed;
            }
            state_ = in_line;
            [[fallthrough]];
        case in_line:
            if (c == '\r') {
                state_ = after_cr;
                return more;
            }
            return (c >= 0x20 && c < 0x7f) || c == '\t' ? more : malformed;
    }
    return malformed;
}

HeadScan::Found HeadScan::look(std::string_view bytes) {
    while (at_ < bytes.size()) {
        if (at_ >= header_limit) return too_long;
        auto const found = step(bytes[at_]);
        ++at_;
        if (found != more) return found;
    }
    return more;
}

std::optional<Answer> read_head(std::string_view bytes, Head& head) {
    Parser parser;
    parser.header_limit(header_limit + 1);
    parser.body_limit(boost::none);
    boost::system::error_code error;
    parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    auto const& message = parser.get();
    head.request.method = std::string(message.method_string());
    head.request.target = std::string(message.target());
    if (error || !parser.is_header_done()) return problem(400, "malformed", "this is not HTTP/1.1");
    if (auto twice = take_fields(message, head.request)) return twice;
    if (parser.chunked() || head.request.headers.contains("transfer-encoding"))
        return problem(411, "length_required", "a body needs a Content-Length");
    if (auto const result = head.request.headers.find("content-length"); result != head.request.headers.end())
        if (result->second.empty() || result->second.find_first_not_of("0123456789") != std::string::npos)
            return problem(400, "malformed", "Content-Length must be a number");
    auto const length = parser.content_length().value_or(0);
    if (length > body_limit) return problem(413, "too_large", "the body is longer than 1 MiB");
    auto const expected = head.request.header("expect");
    if (!expected.empty() && !beast::iequals(expected, "100-continue"))
        return problem(417, "expectation_failed", "Expect must be 100-continue");
    head.length = static_cast<std::size_t>(length);
    head.keep_alive = parser.keep_alive() && message.version() >= 11;
    head.expects_continue = !expected.empty() && message.version() >= 11;
    return std::nullopt;
}

std::string write_answer(DispatchResult const& result, Request const& request, bool keep_alive) {
    std::string body;
    if (request.method != "HEAD")
        body = result.answer.text.empty() ? json::serialize(result.answer.body) + "\n" : result.answer.text;
    auto out = head_of(result, request);
    add_signature(out, result, body);
    if (!keep_alive) add(out, "Connection", "close");
    add(out, "Content-Length", std::to_string(body.size()));
    return out.append("\r\n").append(body);
}

std::string write_stream_head(DispatchResult const& result, Request const& request) {
    auto out = head_of(result, request);
    add_signature(out, result, {});
    add(out, "Connection", "close");
    return out.append("\r\n");
}

}  // namespace genesis
