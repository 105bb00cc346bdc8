// The verifier MariaDB keeps of a password.
#include "drivers/mariadb/kinds.hpp"
#include "resources/schema/digest.hpp"

#include <algorithm>

namespace genesis {

Secret native_password_hash(Secret const& clear) {
    Secret const once(sha1_raw(clear.reveal()));
    auto out = "*" + to_hex(sha1_raw(once.reveal()));
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' && c <= 'f' ? char(c - 32) : c; });
    return Secret(std::move(out));
}

}  // namespace genesis
