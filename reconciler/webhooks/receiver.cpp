// Parses the URL of a receiver.
#include "reconciler/webhooks/receiver.hpp"

namespace genesis {

Endpoint endpoint_of(std::string_view url) {
    Endpoint out;
    out.tls = url.starts_with("https://");
    url.remove_prefix(out.tls ? 8 : 7);
    auto const slash = url.find('/');
    out.authority = std::string(url.substr(0, slash));
    out.target = std::string(url.substr(slash));
    auto const colon = out.authority.find(':', out.authority.starts_with('[') ? out.authority.find(']') : 0);
    out.host = out.authority.substr(0, colon);
    out.port = colon == std::string::npos ? (out.tls ? "443" : "80") : out.authority.substr(colon + 1);
    if (out.host.starts_with('[')) out.host = out.host.substr(1, out.host.size() - 2);
    return out;
}

}  // namespace genesis
