// One request on a connection of its own: to the daemon's socket, to a loopback port, or a page over HTTPS.
#pragma once
#include <string>
#include <string_view>

namespace genesis::bench {

struct Reply {
    int status = 0;  // 0: no connection, or no answer
    std::string body{};
};

Reply ask_socket(std::string const& path, std::string_view method, std::string const& target,
                 std::string const& json = {});
Reply ask_port(unsigned short port, std::string const& target);
// The first page of a site on 127.0.0.1:443, whatever certificate is shown.
Reply ask_site(std::string const& domain);

}  // namespace genesis::bench
