// What an operator may say of Apache.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

struct ApacheOptions {
    std::int64_t reload_seconds = 60;
};
template <>
struct Describe<ApacheOptions> {
    static constexpr std::string_view kind = "apache", doc = "Apache.";
    static constexpr auto fields = std::tuple{
        field("reload_seconds", &ApacheOptions::reload_seconds,
              "How long a graceful restart may take to show; then it counts as failed and is tried again.",
              Attribute::none, {.min = 1, .max = 3600}),
    };
};

}  // namespace genesis
