// What an operator may say of PHP-FPM.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

struct PhpFpmSettings {
    AbsolutePath program_dir{"/usr/sbin"};
};
template <>
struct Describe<PhpFpmSettings> {
    static constexpr std::string_view kind = "php_fpm", doc = "PHP-FPM.";
    static constexpr auto fields = std::tuple{
        field("program_dir", &PhpFpmSettings::program_dir, "Where php-fpm<version> is, one for each version."),
    };
};

}  // namespace genesis
