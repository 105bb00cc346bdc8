// HTTPS: the self-signed certificate, replacing a certificate, and addresses that are in use.
#include "drivers/host/openssl.hpp"
#include "drivers/host/sockets.hpp"
#include "drivers/tls/self_signed.hpp"
#include "reconciler/api/http/api_fixture.hpp"
#include "reconciler/app/listeners.hpp"

#include <catch2/catch.hpp>

#include <fstream>

namespace genesis {
namespace {

// A TLS connection with a choice of versions.
class TlsWire {
public:
    explicit TlsWire(std::uint16_t port, int highest = TLS1_3_VERSION)
        : wire_(port), context_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_set_security_level(context_.get(), 0);
        SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context_.get(), highest);
        ssl_.reset(SSL_new(context_.get()));
        SSL_set_fd(ssl_.get(), wire_.fd());
        connected_ = SSL_connect(ssl_.get()) == 1;
    }
    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] Reply ask(std::string const& target) {
        auto const text = "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
        if (SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) <= 0) return {};
        std::array<char, 16384> out{};
        auto const n = SSL_read(ssl_.get(), out.data(), static_cast<int>(out.size()));
        std::string const said(out.data(), static_cast<std::size_t>(std::max(n, 0)));
        auto const head = said.substr(0, said.find("\r\n\r\n") + 4);
        Reply reply{n > 0 ? std::stoi(said.substr(9, 3)) : 0, head, said.substr(head.size())};
        if (n > 0) hold_text("GET", target, reply.status, reply.type(), reply.text);
        return reply;
    }
    [[nodiscard]] std::string common_name() const {
        host::CertificatePtr const peer(SSL_get1_peer_certificate(ssl_.get()));
        std::array<char, 256> name{};
        X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name.data(), name.size());
        return name.data();
    }

private:
    Wire wire_;
    host::ServerPtr context_;
    host::ConnectionPtr ssl_;
    bool connected_ = false;
};

struct Files {
    explicit Files(std::string const& directory) : chain(directory + "/chain.pem"), key(directory + "/key.pem") {}
    void write(std::string const& name) const {
        TestClock clock;
        auto const made = make_self_signed({name}, clock.now(), std::chrono::days(3650));
        std::ofstream(chain) << made.chain;
        std::ofstream(key) << made.key;
    }
    std::string const chain, key;
};

TEST_CASE("HTTPS accepts TLS 1.2 and 1.3, no older version, and authenticates like any other listener") {
    ApiFixture f;
    Files const files(f.directory());
    files.write("one.example");
    QuietLog log;
    ApiCertificate const certificate({files.chain, files.key}, log);
    Anybody anybody;
    auto const port = f.open(anybody, certificate.current());
    for (int const version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        TlsWire wire(port, version);
        REQUIRE(wire.connected());
        for (int i = 0; i < 3; ++i) CHECK(wire.ask("/v1/info").head.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    CHECK_FALSE(TlsWire(port, TLS1_1_VERSION).connected());
    Wire plain(port);
    plain.send("GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(plain.receive().status == 0);
    ProbesOnly probes;
    CHECK(TlsWire(f.open(probes, certificate.current())).ask("/v1/info").status == 404);
}

TEST_CASE("a client that does not finish the handshake is disconnected") {
    Deadlines soon;
    soon.handshake = std::chrono::milliseconds(100);
    ApiFixture f(soon);
    Files const files(f.directory());
    files.write("one.example");
    QuietLog log;
    ApiCertificate const certificate({files.chain, files.key}, log);
    Anybody anybody;
    Wire silent(f.open(anybody, certificate.current()));
    CHECK(silent.ended());
}

TEST_CASE("a new certificate is used without a restart, a broken one is not, and open connections continue") {
    ApiFixture f;
    Files const files(f.directory());
    files.write("one.example");
    QuietLog log;
    ApiCertificate certificate({files.chain, files.key}, log);
    Anybody anybody;
    auto const port = f.open(anybody, certificate.current());
    TlsWire before(port);
    CHECK(before.common_name() == "one.example");
    std::ofstream(files.key) << "nonsense";
    certificate.follow();
    CHECK_FALSE(certificate.why().empty());
    CHECK(TlsWire(port).common_name() == "one.example");
    files.write("two.example");
    certificate.follow();
    CHECK(certificate.why().empty());
    CHECK(TlsWire(port).common_name() == "two.example");
    CHECK(before.ask("/v1/info").status == 200);
}

TEST_CASE("the self-signed certificate is made once, its key is private, and it names hosts and addresses") {
    if (::geteuid() != 0) {
        WARN("skipped: needs root");
        return;
    }
    char name[] = "/run/genesis-tls-XXXXXX";
    std::string const directory = ::mkdtemp(name);
    TestClock clock;
    QuietLog log;
    auto const first = ApiCertificate::own(directory, {"web1", "192.0.2.7"}, clock, log);
    CHECK(first.current() != nullptr);
    auto const read = [&](char const* file) {
        std::ifstream in(directory + file);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    auto const chain = read("/api-certificate.pem");
    auto const again = ApiCertificate::own(directory, {"web1"}, clock, log);
    CHECK(read("/api-certificate.pem") == chain);
    using std::filesystem::perms;
    CHECK(std::filesystem::status(directory + "/api-key.pem").permissions() ==
          (perms::owner_read | perms::owner_write));
    std::filesystem::remove_all(directory);
}

TEST_CASE("an address in use is reported and retried, and affects no other listener") {
    ApiFixture f;
    QuietLog log;
    auto const holder = host::listen_tcp(*host::TcpAddress::parse("127.0.0.1:0"));
    auto spare = host::listen_tcp(*host::TcpAddress::parse("127.0.0.1:0"));
    auto const taken = host::bound_to(holder).str(), free = host::bound_to(spare).str();
    spare = host::Fd();
    Config config;
    config.listen = {ListenAddress(taken)};
    config.probes = {ListenAddress(free)};
    Files const files(f.directory());
    files.write("one.example");
    ApiCertificate const certificate({files.chain, files.key}, log);
    ListenerStatus listening;
    Anybody anybody;
    ProbesOnly probes;
    Listeners listeners(config, *f.server, {anybody, probes}, certificate, listening, log);
    listeners.open();
    CHECK(listening.open() == std::vector<std::string>{"http://" + free});
    REQUIRE(listening.problems().size() == 1);
    CHECK(listening.problems().front().find(taken) != std::string::npos);
    listeners.open();
    CHECK(listening.problems().size() == 1);
    f.server.reset();
}

TEST_CASE("addresses in the configuration are checked, each at its pointer") {
    auto const problem = [](std::string const& yaml) {
        auto const read = read_config(yaml);
        return read ? std::string() : read.error().problems.front().path;
    };
    CHECK(problem("listen: [\"192.0.2.7:8443\", \"[2001:db8::7]:8443\"]").empty());
    CHECK(problem("listen: []").empty());
    for (auto const* bad :
         {"8443", "0.0.0.0", "0.0.0.0:443", "0.0.0.0:70000", "256.0.0.1:8443", "host.example:8443", "::1:8443"})
        CHECK(problem("listen: [\"192.0.2.7:8443\", \"" + std::string(bad) + "\"]") == "/listen/1");
    CHECK(problem("listen_plain: [\"127.0.0.1:8080\", \"[::1]:8080\"]").empty());
    CHECK(problem("listen_plain: [\"0.0.0.0:8080\"]") == "/listen_plain/0");
    CHECK(problem("certificate: /etc/ssl/a.pem") == "/key");
    CHECK(problem("key: /etc/ssl/a.pem") == "/certificate");
    CHECK(problem("listen_plain: [\"127.0.0.1:8444\"]") == "/probes/0");
    CHECK(read_config(print_config()).has_value());
}

}  // namespace
}  // namespace genesis
