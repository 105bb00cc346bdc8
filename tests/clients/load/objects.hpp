// The objects a load is made of, and what the server last said of each: a record that outlives the server's death.
#pragma once
#include <boost/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace genesis::load {

namespace json = boost::json;

// A spec as text in which NAME and CHANGE stand for the object's name and the number of the change.
struct Template {
    std::string plural, prefix, text;
    std::size_t count = 0;
};
// "accounts:acct:300:FILE". Throws std::runtime_error.
Template read_template(std::string const& option);
std::string filled(std::string text, std::string const& name, std::int64_t change);

// The last the server said of it: this generation is that change. 0 and 0: nothing was stored yet.
struct Told {
    Template const* from = nullptr;
    std::string name;
    std::int64_t generation = 0, change = 0;

    [[nodiscard]] std::string target() const { return "/v1/" + from->plural + "/" + name; }
    [[nodiscard]] std::string spec(std::int64_t of_change) const { return filled(from->text, name, of_change); }
};
std::vector<Told> all_objects(std::vector<Template> const& templates);

// One line an object: "accounts/acct7 GENERATION CHANGE". A file that is not there says nothing.
void read_record(std::string const& path, std::vector<Told>& objects);
void write_record(std::string const& path, std::vector<Told> const& objects);

// Whether all that was sent is in what is stored, which may have more: defaults. A stored ******** is any text.
bool contains(json::value const& stored, json::value const& sent);

}  // namespace genesis::load
