// Splits the target of a request. What could be read in two ways is refused.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

namespace genesis {

// "/v1/accounts/acme?x=y" cut in two; nothing unless each segment is of [a-z0-9._-], none is . or .., and the query
// is of [A-Za-z0-9_=&.:-]. The parts are of `target`, which has to outlive them.
struct CutTarget {
    std::vector<std::string_view> segments;
    std::string_view query;
};
std::optional<CutTarget> cut(std::string_view target);
// A signed request asks for less: ^/v1(/[a-z0-9._-]+)+(\?[A-Za-z0-9_=&.:-]*)?$, no segment . or ..
bool is_signed_target(std::string_view target);

// Whether one text may stand between two slashes of a target.
bool is_segment(std::string_view text);
// The parts of `text` between the separators: one more than there are separators, empty ones too.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace genesis
