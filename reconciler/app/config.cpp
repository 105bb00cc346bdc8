// The configuration file in, its commented default out.
#include "reconciler/app/config.hpp"

namespace genesis {

Checked<Config> read_config(std::string_view yaml) {
    auto documents = parse_yaml(yaml);
    if (!documents) return documents.error();
    if (documents->size() > 1) return Refused{{{"", "malformed", "must be one document"}}};
    return decode<Config>(documents->empty() ? json::value(json::object()) : documents->front().value);
}

std::string print_config() {
    std::string out = "# " + std::string(Describe<Config>::doc) + "\n";
    for (auto const& f : schema_of<Config>().fields) {
        out += "\n# " + std::string(f.doc) + "\n" + std::string(f.name) + ": ";
        out += f.fallback.is_array() ? "[]\n" : to_yaml(f.fallback);
        if (out.back() != '\n') out += '\n';
    }
    return out;
}

}  // namespace genesis
