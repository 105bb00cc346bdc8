// A client that POSTs to one endpoint: verified TLS, a deadline for each phase, bounded answers, no redirects.
#pragma once
#include "reconciler/webhooks/receiver.hpp"
#include "reconciler/webhooks/resolver.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

namespace genesis {

struct HttpTimeouts {
    std::chrono::milliseconds resolve{5000}, connect{5000}, handshake{5000}, write{10000}, answer{15000};
};

// One thread posts; any thread may stop it. The connection is kept between posts while the peer keeps it.
class HttpClient {
public:
    using Headers = std::vector<std::pair<std::string, std::string>>;
    HttpClient(Endpoint endpoint, std::string ca_file, HttpTimeouts timeouts, Lookup lookup = system_lookup);
    ~HttpClient();
    HttpClient(HttpClient const&) = delete;
    HttpClient& operator=(HttpClient const&) = delete;

    // Returns the status of the answer: its head at most 8 KiB, its body 64 KiB. Throws Fault if there is none.
    int post(Headers const& headers, std::string const& body);
    // The post under way and all later ones throw Expired.
    void stop();

private:
    class Session;
    std::shared_ptr<Session> session();
    void drop();
    int try_post(Session& session, Headers const& headers, std::string const& body);

    Endpoint const endpoint_;
    std::string const ca_file_;
    HttpTimeouts const timeouts_;
    Resolver resolver_;  // used by the posting thread only
    std::mutex mutex_;
    bool stopped_ = false;
    std::shared_ptr<Session> session_;  // changed by the posting thread only
};

}  // namespace genesis
