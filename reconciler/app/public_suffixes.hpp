// The names beneath which anybody may register one: co.uk, github.io (publicsuffix.org).
#pragma once
#include <libpsl.h>

#include <memory>
#include <string>

namespace genesis {

// The newer of the list that the system has (Debian's package publicsuffix) and the one in the library, as it was when
// this was made. Its private section, of hosters who let others register names, counts too.
class PublicSuffixes {
public:
    PublicSuffixes();  // throws Fault where there is no list at all
    // Whether `name`, "co.uk" or "*.co.uk", is such a suffix. A top-level domain that is not listed, like test, is
    // none.
    [[nodiscard]] bool has(std::string const& name) const;

private:
    std::unique_ptr<psl_ctx_t, decltype(&psl_free)> list_;
};

}  // namespace genesis
