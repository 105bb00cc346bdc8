// What an operator may say of self-signed certificates.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

struct TlsSettings {
    std::int64_t lifetime_days = 825, renew_before_days = 30;
};
template <>
struct Describe<TlsSettings> {
    static constexpr std::string_view kind = "tls", doc = "Self-signed certificates.";
    static constexpr auto fields = std::tuple{
        field("lifetime_days", &TlsSettings::lifetime_days, "How long a new one is valid.", Attribute::none,
              {.min = 2, .max = 36500}),
        field("renew_before_days", &TlsSettings::renew_before_days, "It is made again so many days before its end.",
              Attribute::none, {.min = 1, .max = 36499}),
    };
};

}  // namespace genesis
