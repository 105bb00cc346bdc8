// A value as it is kept where there are many: its text takes a quarter of the room of its parsed form.
#pragma once
#include <boost/json/object.hpp>

#include <cstdint>
#include <string>

namespace genesis {

struct Schema;

class Packed {
public:
    Packed() = default;  // of {}
    Packed(boost::json::object const& value);
    // `text` is what boost::json::serialize() makes of the value.
    static Packed of_text(std::string text);

    [[nodiscard]] boost::json::object unpack() const;
    // value_hash() of the value.
    [[nodiscard]] std::uint64_t hash() const;
    // Equal ones are of equal values. Those of equal values may differ in the order of the fields.
    bool operator==(Packed const&) const = default;
    // diff() of them is empty.
    friend bool matches(Schema const& schema, Packed const& want, Packed const& have);

private:
    std::string text_ = "{}";  // may hold secrets: it is for nobody's eyes
};

}  // namespace genesis
