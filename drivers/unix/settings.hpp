// What an operator may say of Unix accounts.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

struct UnixSettings {
    std::vector<AbsolutePath> sweep{AbsolutePath("/tmp"),         AbsolutePath("/var/tmp"),
                                    AbsolutePath("/dev/shm"),     AbsolutePath("/dev/mqueue"),
                                    AbsolutePath("/run/genesis"), AbsolutePath("/var/spool/cron"),
                                    AbsolutePath("/var/mail"),    AbsolutePath("/var/lib/php/sessions")};
};
template <>
struct Describe<UnixSettings> {
    static constexpr std::string_view kind = "unix", doc = "Users and their files.";
    static constexpr auto fields = std::tuple{
        field("sweep", &UnixSettings::sweep,
              "Directories outside of its home where a removed user may have left files: what is its is removed there.",
              Attribute::none, {.most = 50}),
    };
};

}  // namespace genesis
