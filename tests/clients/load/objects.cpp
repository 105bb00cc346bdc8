// Templates, the record as lines of text, and the comparison of specs.
#include "tests/clients/load/objects.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace genesis::load {
namespace {

void replace_all(std::string& text, std::string_view what, std::string const& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

}  // namespace

Template read_template(std::string const& option) {
    std::istringstream in(option);
    Template out;
    std::string count, path;
    std::getline(in, out.plural, ':');
    std::getline(in, out.prefix, ':');
    std::getline(in, count, ':');
    std::getline(in, path);
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    out.text.assign(std::istreambuf_iterator<char>(file), {});
    out.count = std::stoul(count);
    return out;
}

std::string filled(std::string text, std::string const& name, std::int64_t change) {
    replace_all(text, "NAME", name);
    replace_all(text, "CHANGE", std::to_string(change));
    return text;
}

std::vector<Told> all_objects(std::vector<Template> const& templates) {
    std::vector<Told> out;
    for (auto const& from : templates)
        for (std::size_t i = 0; i < from.count; ++i) out.push_back({&from, from.prefix + std::to_string(i)});
    return out;
}

void read_record(std::string const& path, std::vector<Told>& objects) {
    std::map<std::string, Told*> known;
    for (auto& object : objects) known[object.from->plural + "/" + object.name] = &object;
    std::ifstream in(path);
    std::string name;
    for (std::int64_t generation = 0, change = 0; in >> name >> generation >> change;)
        if (auto const it = known.find(name); it != known.end()) {
            it->second->generation = generation;
            it->second->change = change;
        }
}

void write_record(std::string const& path, std::vector<Told> const& objects) {
    std::ofstream out(path, std::ios::trunc);
    for (auto const& object : objects)
        out << object.from->plural << '/' << object.name << ' ' << object.generation << ' ' << object.change << '\n';
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

bool contains(json::value const& stored, json::value const& sent) {
    if (stored.is_string() && stored.get_string() == "********") return sent.is_string();
    if (auto const* want = sent.if_object()) {
        auto const* have = stored.if_object();
        return have != nullptr && std::all_of(want->begin(), want->end(), [&](auto const& field) {
                   auto const* value = have->if_contains(field.key());
                   return value != nullptr && contains(*value, field.value());
               });
    }
    if (auto const* want = sent.if_array()) {
        auto const* have = stored.if_array();
        return have != nullptr && std::equal(have->begin(), have->end(), want->begin(), want->end(), contains);
    }
    return stored == sent;
}

}  // namespace genesis::load
