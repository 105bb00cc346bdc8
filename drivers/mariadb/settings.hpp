// What an operator may say of MariaDB.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

struct MariadbSettings {
    AbsolutePath socket{"/run/mysqld/mysqld.sock"};
    std::string user = "root";
};
template <>
struct Describe<MariadbSettings> {
    static constexpr std::string_view kind = "mariadb", doc = "MariaDB.";
    static constexpr auto fields = std::tuple{
        field("socket", &MariadbSettings::socket, "Where it listens."),
        field("user", &MariadbSettings::user, "Genesis logs in as this user, by the kernel's word (unix_socket)."),
    };
};

}  // namespace genesis
