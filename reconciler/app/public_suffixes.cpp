// Asks libpsl, whose look-ups change nothing and may run on any thread.
#include "reconciler/app/public_suffixes.hpp"

#include "drivers/context.hpp"

namespace genesis {

PublicSuffixes::PublicSuffixes() : list_(psl_latest(nullptr), psl_free) {
    if (list_ == nullptr) throw Fault("there is no list of public suffixes on this system");
}

bool PublicSuffixes::has(std::string const& name) const {
    auto const bare = name.starts_with("*.") ? name.substr(2) : name;
    return psl_is_public_suffix2(list_.get(), bare.c_str(), PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) != 0;
}

}  // namespace genesis
