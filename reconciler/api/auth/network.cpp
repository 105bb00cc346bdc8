// Networks are read and compared by Asio.
#include "reconciler/api/auth/network.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace genesis {
namespace {

namespace ip = boost::asio::ip;
using boost::system::error_code;

ip::address plain(ip::address const& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

template <class Network>
bool as_printed(Network const& network, std::string_view text) {
    return network.canonical() == network && network.to_string() == text;
}

}  // namespace

bool is_network(std::string_view text) {
    error_code error;
    if (text.find(':') == std::string_view::npos) {
        auto const network = ip::make_network_v4(std::string(text), error);
        return !error && as_printed(network, text);
    }
    auto const network = ip::make_network_v6(std::string(text), error);
    return !error && as_printed(network, text) && !network.address().is_v4_mapped() &&
           network.address().scope_id() == 0;
}

bool in_network(std::string_view network, std::string const& address) {
    error_code error;
    auto const peer = plain(ip::make_address(address, error));
    if (error) return false;
    if (peer.is_v4()) {
        auto const net = ip::make_network_v4(std::string(network), error);
        return !error && ip::network_v4(peer.to_v4(), net.prefix_length()).canonical() == net.canonical();
    }
    auto const net = ip::make_network_v6(std::string(network), error);
    return !error && ip::network_v6(peer.to_v6(), net.prefix_length()).canonical() == net.canonical();
}

}  // namespace genesis
