// A value that cannot print itself; reveal() is the one way in and is easy to search for.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace genesis {

// What stands for a secret wherever people may look; billing systems send it back to mean "unchanged".
inline constexpr std::string_view redacted = "********";

class Secret {
public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(Secret const&) = default;
    Secret(Secret&&) noexcept = default;
    Secret& operator=(Secret const&) = default;
    Secret& operator=(Secret&&) noexcept = default;
    ~Secret() { wipe(); }

    [[nodiscard]] std::string const& reveal() const { return value_; }
    [[nodiscard]] bool empty() const { return value_.empty(); }
    bool operator==(Secret const&) const = default;

private:
    void wipe() {
        char volatile* bytes = value_.data();
        for (std::size_t i = 0; i < value_.size(); ++i) bytes[i] = 0;
    }
    std::string value_;
};

}  // namespace genesis
