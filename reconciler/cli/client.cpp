// HTTP with Boost.Beast over a local stream socket; no other file of the CLI uses it.
#include "reconciler/cli/client.hpp"

#include "reconciler/cli/output.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace genesis::cli {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = beast::basic_stream<net::local::stream_protocol>;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr std::size_t most_bytes = std::size_t{256} << 20U;

// Connects, writes and reads, each with the same timeout.
class Exchange {
public:
    explicit Exchange(std::chrono::seconds timeout) : timeout_(timeout) {}
    Response run(std::string const& socket, Request const& request) {
        step([&](auto done) { stream_.async_connect(net::local::stream_protocol::endpoint(socket), done); });
        step([&](auto done) { http::async_write(stream_, request, done); });
        http::response_parser<http::string_body> parser;
        parser.body_limit(most_bytes);
        step([&](auto done) { http::async_read(stream_, buffer_, parser, done); });
        return parser.release();
    }

private:
    template <class Start>
    void step(Start start) {
        beast::error_code result;
        stream_.expires_after(timeout_);
        start([&](beast::error_code const& error, std::size_t = 0) { result = error; });
        io_.restart();
        io_.run();
        if (result) throw beast::system_error(result);
    }
    std::chrono::seconds timeout_;
    net::io_context io_{1};
    Stream stream_{io_};
    beast::flat_buffer buffer_;
};

[[noreturn]] void fail_unreachable(std::string const& socket, beast::system_error const& error) {
    auto const code = error.code();
    auto const at = " at " + socket;
    if (code == net::error::access_denied)
        throw Failure("no permission to connect to genesisd" + at + ": be root or in the group genesis");
    if (code == beast::error::timeout) throw Failure("genesisd" + at + " does not answer in time");
    if (code == net::error::connection_refused || code.value() == ENOENT)
        throw NoDaemon("genesisd does not listen" + at + "; is it running? (systemctl status genesisd)");
    throw NoDaemon("genesisd" + at + ": " + code.message());
}

}  // namespace

std::string Target::str() const {
    auto const word = std::string(kind->schema->kind);
    return name.empty() ? word : word + "/" + name;
}
std::string Target::path() const {
    auto const word = "/v1/" + std::string(kind->plural);
    return name.empty() ? word : word + "/" + name;
}

Target target_of(std::string_view text) {
    auto const cut = text.find('/');
    Target out{.kind = find_kind(text.substr(0, cut)), .name = {}};
    if (out.kind == nullptr) {
        std::string known;
        for (auto const& kind : object_kinds()) known.append(known.empty() ? "" : ", ").append(kind.schema->kind);
        throw Misuse("\"" + clean(text) + "\" does not start with a kind (" + known + "); objects are named kind/name");
    }
    if (cut == std::string_view::npos) return out;
    out.name = text.substr(cut + 1);
    auto const* rule = out.kind->schema->key()->shape.text;
    if (out.name.empty()) throw Misuse("\"" + clean(text) + "\" has no name after the slash");
    if (auto const why = refuse(*rule, out.name)) throw Misuse("\"" + clean(out.name) + "\" " + *why);
    return out;
}

Target object_of(std::string_view text) {
    auto out = target_of(text);
    if (out.name.empty()) throw Misuse("\"" + clean(text) + "\" is a kind; an object is needed, as kind/name");
    return out;
}

Answer Client::send(std::string_view method, std::string const& target, std::optional<json::value> const& body) const {
    Request request(http::string_to_verb(method), target, 11);
    request.set(http::field::host, "localhost");
    request.set(http::field::user_agent, "genesisctl");
    request.set(http::field::accept, "application/json");
    request.keep_alive(false);
    if (body) {
        request.set(http::field::content_type, "application/json");
        request.body() = json::serialize(*body);
    }
    request.prepare_payload();
    Response response;
    try {
        response = Exchange(timeout_).run(socket_, request);
    } catch (beast::system_error const& error) {
        fail_unreachable(socket_, error);
    }
    Answer answer{.status = response.result_int(), .body = nullptr};
    if (response.body().empty()) return answer;
    boost::system::error_code error;
    answer.body = json::parse(response.body(), error);
    if (error) throw Failure("genesisd answered " + std::to_string(answer.status) + " with something that is not JSON");
    return answer;
}

json::value Client::ask(std::string_view method, std::string const& target,
                        std::optional<json::value> const& body) const {
    auto answer = send(method, target, body);
    if (!answer.ok()) throw Failure(problem_text(answer.status, answer.body));
    return std::move(answer.body);
}

bool is_all_paused(Client const& client) {
    return value_at(client.send("GET", "/v1/info").body, "all_paused") == json::value(true);
}

json::array Client::list(Target const& kind, std::string const& filter) const {
    json::array out;
    for (std::string after, next = "?"; !next.empty(); after = next) {
        auto const page = ask("GET", kind.path() + "?limit=100" + (after.empty() ? "" : "&after=" + after) + filter);
        for (auto const& item : list_at(page, "items")) out.push_back(item);
        next = text_at(page, "next");
    }
    return out;
}

}  // namespace genesis::cli
