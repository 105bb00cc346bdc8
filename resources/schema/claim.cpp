// Allocated values as texts and as numbers.
#include "resources/schema/claim.hpp"

namespace genesis {

std::string text_of(Value const& value) {
    auto const* number = std::get_if<std::int64_t>(&value);
    return number != nullptr ? std::to_string(*number) : std::get<std::string>(value);
}

std::map<std::string, std::int64_t> numbers_of(Allocations const& allocations) {
    std::map<std::string, std::int64_t> out;
    for (auto const& [slot, allocation] : allocations)
        if (allocation.value)
            if (auto const* number = std::get_if<std::int64_t>(&*allocation.value)) out.emplace(slot, *number);
    return out;
}

}  // namespace genesis
