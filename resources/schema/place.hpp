// Where a walk through a value stands, as a JSON pointer that is only written out when somebody asks.
#pragma once
#include "resources/schema/schema.hpp"

#include <cstdint>

namespace genesis {

// Where in a document something stands: put together only where it is reported. Outlived by what it was made from.
class Place {
public:
    explicit Place(std::string_view root) : segment_(root) {}
    Place(Place const& parent, std::string_view segment) : parent_(&parent), segment_(segment) {}
    Place(Place const& parent, std::size_t item) : parent_(&parent), item_(item) {}
    [[nodiscard]] std::string str() const {
        if (parent_ == nullptr) return std::string(segment_);
        return pointer(parent_->str(), item_ == none ? segment_ : std::string_view(std::to_string(item_)));
    }

private:
    static constexpr std::size_t none = SIZE_MAX;
    Place const* parent_ = nullptr;
    std::string_view segment_;
    std::size_t item_ = none;
};

}  // namespace genesis
